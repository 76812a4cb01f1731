//go:build mage

package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// publish publishes one container, or those of a list.
func (r *runner) publish(ctx context.Context, choice string, args task.PublishArgs, dryRun bool) (fmt.Stringer, error) {
	if task.IsMany(args.Name) || args.Version == task.VersionAuto {
		return r.publishMany(ctx, choice, args, dryRun)
	}
	r.progress.title = "publish " + args.Name + " " + args.Version
	publish, err := r.publisher(choice)
	if err != nil {
		return task.Published{}, err
	}
	if dryRun {
		publish = publish.DryRun(r.console.Note)
	}
	published, err := publish.Run(ctx, args)
	if err != nil || dryRun {
		return published, err
	}
	r.noteUnchanged(published)
	return published, r.handOn(published)
}

func (r *runner) noteUnchanged(published task.Published) {
	if published.Status == task.StatusUnchanged {
		r.console.Note(published.Image + ":" + published.Version + " is published already, from this revision: nothing was built or pushed")
	}
}

// publisher is the use case with its real adapters.
func (r *runner) publisher(choice string) (task.Publish, error) {
	builder, err := r.builder(choice)
	if err != nil {
		return task.Publish{}, err
	}
	platforms, err := r.platforms()
	if err != nil {
		return task.Publish{}, err
	}
	git, err := repo.Open(r.root, repo.WithEnvironment(os.Getenv))
	if err != nil {
		return task.Publish{}, err
	}
	return task.Publish{
		Files: r.tree(), Trees: trees{git, r.tree()}, Repo: checkout{git, r.source()}, Registry: r.pushingTo(r.progress.pushed), Builder: builder,
		Host: r.Registry, Namespace: r.Namespace, Platforms: platforms, Login: r.login, Before: r.before(git),
		Watch: r.progress.step, Say: r.console.Warn,
	}, nil
}

// pushingTo are the registries, and who is told how far a push is.
func (r *runner) pushingTo(progress func(registry.Progress)) images {
	return images{registry.New(registry.Options{
		Plain: items(r.PlainRegistries), CAFile: r.caFile(), Credentials: r.credentials, Log: r.console.Note, Progress: progress,
	})}
}

// credentials are those of the site's own registry; others never see them.
func (r *runner) credentials(ctx context.Context, host string) (user, password string, ok bool, err error) {
	if host != r.Registry || !r.hasAccount() {
		return "", "", false, nil
	}
	ref, err := r.password()
	if err != nil {
		return "", "", false, err
	}
	found, err := r.secrets.Resolve(ctx, ref)
	if err != nil {
		return "", "", false, err
	}
	return r.RegistryUser, found[0].Reveal(), true, nil
}

func (r *runner) login(ctx context.Context, host string) error {
	_, _, _, err := r.credentials(ctx, host)
	return err
}

// handOn gives the result to the steps that follow in a CI job.
func (r *runner) handOn(result handed) error {
	job := console.Output{
		OutputFile: os.Getenv("GITHUB_OUTPUT"), SummaryFile: os.Getenv("GITHUB_STEP_SUMMARY"), Redactor: r.console.Redactor(),
	}
	values := result.Outputs()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := job.Set(name, values[name]); err != nil {
			return err
		}
	}
	return job.Summary(result.Summary())
}

// handed is a result that goes to the steps that follow, and to the page of the job.
type handed interface {
	Outputs() map[string]string
	Summary() string
}

// images is a task.Registry.
type images struct{ client *registry.Client }

func (i images) Look(ctx context.Context, ref image.Reference) (task.Found, bool, error) {
	found, ok, err := i.client.Look(ctx, ref)
	return task.Found{Digest: found.Digest, Platforms: found.Platforms, Labels: found.Labels}, ok, err
}

func (i images) Assemble(ctx context.Context, variants []task.Variant, m task.Metadata) (task.Artifact, error) {
	theirs := make([]registry.Variant, len(variants))
	for n, v := range variants {
		theirs[n] = registry.Variant{
			Platform: v.Platform, Archive: v.File, BaseLayers: v.BaseLayers, Program: v.Program, SHA256: v.SHA256,
		}
	}
	made, err := registry.AssembleContext(ctx, theirs, registry.Metadata{
		Created: m.Created, Labels: m.Labels, Annotations: m.Annotations, Repack: m.Repack,
	})
	if err != nil {
		return nil, err
	}
	return artifact{made, i.client}, nil
}

// artifact is a task.Artifact.
type artifact struct {
	*registry.Artifact
	client *registry.Client
}

func (a artifact) Push(ctx context.Context, ref image.Reference) error {
	pushed, err := a.client.Push(ctx, ref, a.Artifact)
	if err == nil && pushed != a.Digest() {
		err = fmt.Errorf("%s: pushed %s, which was to be %s", ref, pushed, a.Digest())
	}
	return err
}

func (a artifact) Verify(ctx context.Context, ref image.Reference) error {
	return a.client.Verify(ctx, ref, a.Artifact)
}

// trees is a task.Trees.
type trees struct {
	git   *repo.Repo
	files fs.FS // of the working tree
}

func (t trees) Committed(commit string) (fs.FS, error) { return t.git.Recorded(commit) }

func (t trees) Check(ctx context.Context, commit string, c image.Container) error {
	return t.git.CheckContainer(ctx, commit, c)
}

func (t trees) Ignored(ctx context.Context, c image.Container) ([]string, error) {
	return t.git.IgnoredOf(ctx, t.files, c)
}

// checkout is a task.Repo.
type checkout struct {
	*repo.Repo
	source string // for a clone whose remote says nothing
}

func (c checkout) Head() (task.Commit, error) {
	head, err := c.Repo.Head()
	return task.Commit(head), err
}

func (c checkout) Changed(ctx context.Context) ([]string, error) { return c.Repo.Changed(ctx) }

func (c checkout) SourceURL() string {
	if url := c.Repo.SourceURL(); url != "" {
		return url
	}
	return c.source
}
