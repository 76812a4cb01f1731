//go:build mage

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/docker/go-units"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/content"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/estate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline/gobuild"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

func (r *runner) list() task.List {
	platforms, _ := r.platforms() // a setting that is wrong is no reason to show nothing
	return task.List{
		Files: r.workTree(), Manifests: r.Manifests, Repository: r.Registry + "/" + r.Namespace, Platforms: platforms,
	}
}

// workTree are the files of the working tree, in which a container's submodule that is not checked out is an error. Where git does not say, they
// are what there is.
func (r *runner) workTree() fs.FS {
	git, err := repo.Open(r.root, repo.WithEnvironment(os.Getenv))
	if err != nil {
		return r.tree()
	}
	files, err := git.WorkTree(r.tree(), image.Root)
	if err != nil {
		return r.tree()
	}
	return files
}

func (r *runner) build(ctx context.Context, choice string, args task.BuildArgs) (task.Built, error) {
	r.progress.title = "build " + args.Name
	r.learnAddresses(args.Args)
	builder, err := r.builder(choice)
	if err != nil {
		return task.Built{}, err
	}
	return task.Build{
		Files: r.workTree(), Builder: builder, Watch: r.progress.step, Outputs: filepath.Join(r.cacheAt, "outputs"),
	}.Run(ctx, args)
}

// builder builds with whichever engine is there. Nothing is connected to yet.
func (r *runner) builder(choice string) (task.Builder, error) {
	opts, err := r.engineOptions(choice)
	if err != nil {
		return nil, err
	}
	network, err := r.buildNetwork()
	if err != nil {
		return nil, console.BadInput(err)
	}
	return builder{runner: r, images: pipeline.Images{
		Connect: func(ctx context.Context) (*pipeline.Client, error) { return r.connect(ctx, opts) }, Copies: r.copies,
		Compiler: gobuild.Compiler{
			Root: r.root, Cache: filepath.Join(r.cacheAt, "programs"), Environ: os.Environ(),
		},
		Root: r.root, Site: network, Login: r.pullLogin, Step: r.progress.step,
	}}, nil
}

// pullLogin is the account for pulling from the site's own registry. Without its password
// a base is still to be had where everybody may read.
func (r *runner) pullLogin(ctx context.Context, host string) (user, password string, ok bool, err error) {
	user, password, ok, err = r.credentials(ctx, host)
	if err != nil && ctx.Err() == nil {
		r.console.Warn("base images of " + host + " are pulled without an account: " + err.Error())
		return "", "", false, nil
	}
	return user, password, ok, err
}

// connect opens the one session of this run, which close closes.
func (r *runner) connect(ctx context.Context, opts engine.Options) (_ *pipeline.Client, err error) {
	r.sessions.Lock() // several containers may be built at once
	defer r.sessions.Unlock()
	if r.session == nil {
		if r.session, err = engine.Connect(ctx, opts); err != nil {
			return nil, err
		}
	}
	return r.session.Client, nil
}

// copies are made for Dagger, which compares files by size and time. The embedded engine compares contents.
func (r *runner) copies() *content.Store {
	r.sessions.Lock()
	defer r.sessions.Unlock()
	if r.session.Choice == engine.Embedded {
		return nil
	}
	return &content.Store{Dir: filepath.Join(r.cacheAt, "sent")}
}

// builder is a task.Builder that is a pipeline.
type builder struct {
	runner *runner
	images pipeline.Images
	failed func(stdout, stderr string) // shows what a command said; nil: in the step that runs, as this is the only container
}

func (b builder) Build(ctx context.Context, q task.BuildRequest) (task.Image, error) {
	images, err := b.at(ctx, q)
	if err != nil {
		return nil, err
	}
	secrets, err := b.secrets(ctx, q.Container)
	if err != nil {
		return nil, err
	}
	img, err := images.Build(ctx, pipeline.Request{
		Container: q.Container, Platforms: q.Platforms, Version: q.Version, Target: q.Target, Args: q.Args, Bases: q.Bases, Secrets: secrets,
	})
	var failed *pipeline.StepError
	if errors.As(err, &failed) && b.runner.session.Choice == engine.Dagger {
		show := b.runner.progress.failed
		if b.failed != nil {
			show = b.failed
		}
		show(failed.Stdout, failed.Stderr)
	}
	if err != nil {
		return nil, b.runner.whereFull(err)
	}
	return built{img}, nil
}

// takeSecrets reads the flag -secret. The values are read when a Dockerfile is built; until then no program that is started inherits them.
func (r *runner) takeSecrets(list string) (err error) {
	if r.mounted, err = secret.ParseNamed(list); err != nil || len(r.mounted) == 0 {
		return console.BadInput(err)
	}
	var references []string
	for _, ref := range r.mounted {
		references = append(references, ref.String())
	}
	lookup := func(name string) (string, bool) { v := getenv(name); return v, v != "" }
	held, err := secret.Withhold(secret.VariablesOf(references...), lookup, os.Unsetenv)
	if err != nil {
		return fmt.Errorf("take the secrets out of the environment: %w", err)
	}
	r.secrets = r.resolver(held)
	return nil
}

// secrets are those that a Dockerfile may mount. A program has no use for them, which is an error unless it is one of several containers.
func (b builder) secrets(ctx context.Context, c image.Container) ([]pipeline.Secret, error) {
	ids := slices.Sorted(maps.Keys(b.runner.mounted))
	if c.Kind == image.KindGo && len(ids) > 0 && b.failed == nil {
		return nil, console.BadInput(fmt.Errorf("%s is a Go program, which takes no secrets: leave out -secret", c.Name))
	}
	if c.Kind == image.KindGo || len(ids) == 0 {
		return nil, nil
	}
	refs := make([]secret.Reference, len(ids))
	for i, id := range ids {
		refs[i] = b.runner.mounted[id]
	}
	values, err := b.runner.secrets.Resolve(ctx, refs...)
	var bad *secret.Error
	if errors.As(err, &bad) && bad.State != secret.Unreachable && b.failed == nil { // of several containers others may be built
		return nil, console.BadInput(err)
	}
	if err != nil {
		return nil, err
	}
	secrets := make([]pipeline.Secret, len(ids))
	for i, id := range ids {
		secrets[i] = pipeline.Secret{Name: id, Value: values[i].Reveal()}
	}
	return secrets, nil
}

// at builds in a folder that has what the commit has, or in the working tree.
func (b builder) at(ctx context.Context, q task.BuildRequest) (pipeline.Images, error) {
	images := b.images
	if q.Commit == "" {
		return images, nil
	}
	git, err := repo.Open(b.runner.root, repo.WithEnvironment(os.Getenv), repo.WithPacksOpen())
	if err != nil {
		return images, err
	}
	tree, err := git.CheckOutContainer(ctx, q.Commit, filepath.Join(b.runner.cacheAt, "trees"), q.Container)
	if err = errors.Join(err, git.Close()); err != nil {
		return images, err
	}
	b.runner.keep(tree.Release)
	images.Root, images.Compiler.Root, images.Compiler.Cache = tree.Root, tree.Root, tree.Scratch
	return images, nil
}

// keep has something released once the session is over: the engine may read it until then.
func (r *runner) keep(release func()) {
	r.sessions.Lock()
	defer r.sessions.Unlock()
	r.kept = append(r.kept, release)
}

// whereFull names the folder whose disk is full, as far as that is known: a step may have mounts of its own.
func (r *runner) whereFull(err error) error {
	if !pipeline.IsFull(err) || r.session == nil || r.session.Choice != engine.Embedded || os.Getenv("BUILDKIT_HOST") != "" {
		return err
	}
	free, freeErr := estate.Free(r.stateAt)
	if freeErr != nil {
		return err
	}
	return fmt.Errorf("%w: no space left; the embedded engine keeps its steps in %s, where %s are free", err, r.stateAt, units.BytesSize(float64(free)))
}

// built is a task.Image that lives in an engine.
type built struct{ *pipeline.Image }

func (b built) Archives(ctx context.Context, dir string) ([]task.Variant, error) {
	archives, err := b.Image.Archives(ctx, dir)
	variants := make([]task.Variant, len(archives))
	for i, a := range archives {
		variants[i] = task.Variant(a)
	}
	return variants, err
}
