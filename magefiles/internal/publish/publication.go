package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
)

// publication is the state of one run of Publish.
type publication struct {
	Publish
	force     bool
	files     fs.FS // to build: the working tree's, or the commit's
	container image.Container
	version   image.Version
	ref       image.Reference
	asked     []image.Platform // nil: those of the container
	platforms []image.Platform

	commit   image.Commit
	dirty    bool        // the working tree is built, as it has files that the commit does not have
	found    image.Found // under the tag, at the last look
	image    image.Built
	temp     scratch.Dir
	variants []image.Variant
	artifact image.Artifact
	digest   string
	status   step.Status
}

// checkCommit refuses to publish a version from a source that cannot be found again.
func (p *publication) checkCommit(ctx context.Context) (err error) {
	if p.commit, err = p.Repo.Head(); err != nil {
		return err
	}
	changed, err := p.Repo.Changed(ctx)
	if err != nil {
		return err
	}
	p.dirty = len(changed) > 0
	if p.version.IsChannel() {
		return p.chooseTree(ctx)
	}
	if p.dirty {
		if err := p.refuse(&dirtyError{Version: p.version, Changed: changed, Channels: p.Channels}); err != nil {
			return err
		}
	}
	ok, branch, err := p.Repo.OnDefaultBranch(ctx, p.commit.Hash)
	if err == nil && !ok {
		err = &BranchError{Version: p.version, Commit: p.commit.Hash, Branch: branch, Channels: p.Channels}
	}
	if err != nil {
		err = p.refuse(err)
	}
	if err == nil && !p.dirty {
		err = p.takeCommit()
	}
	return err
}

// chooseTree chooses the tree for a channel. Files that git ignores are not in the commit either.
func (p *publication) chooseTree(ctx context.Context) error {
	if p.dirty {
		return nil
	}
	ignored, err := p.Trees.IgnoredOf(ctx, p.Files, p.container)
	if err != nil {
		return err
	}
	if len(ignored) == 0 {
		return p.takeCommit()
	}
	p.dirty = true
	shown, more := plain.FirstPaths(ignored)
	if more > 0 { // the list may be incomplete
		shown += " and others"
	}
	p.say(fmt.Sprintf("%s contains files that git ignores (%s): the revision ends in -dirty", p.container.Dir, shown))
	return nil
}

// takeCommit has the commit built, not the working tree.
func (p *publication) takeCommit() (err error) {
	if p.files, err = p.Trees.Recorded(p.commit.Hash); err != nil {
		return err
	}
	found, err := image.Lookup(p.files, p.container.Name)
	if err == nil {
		p.take(found)
	}
	return err
}

// checkContent refuses a commit if it names content for the image that this clone does not have.
func (p *publication) checkContent(ctx context.Context) error {
	if p.dirty {
		return nil
	}
	return p.Trees.CheckContainer(ctx, p.commit.Hash, p.container)
}

// refuse returns the error, unless -force is set, and then prints it.
func (p *publication) refuse(err error) error {
	if !p.force {
		return err
	}
	p.say("FORCED: " + err.Error())
	return nil
}

func (p *publication) say(sentence string) {
	if p.Say != nil {
		p.Say(sentence)
	}
}

func (p *publication) login(ctx context.Context) error {
	if p.Login == nil {
		return nil
	}
	return p.Login(ctx, p.ref.Registry)
}

// look ends the publication if the registry already holds the image, and refuses to replace
// another image unless that is allowed.
func (p *publication) look(ctx context.Context) error {
	found, ok, err := p.Registry.Look(ctx, p.ref)
	if err != nil || !ok || found.Digest == p.found.Digest {
		return err
	}
	p.found = found
	ours, err := p.isOurs(ctx, found)
	if err != nil {
		return err
	}
	if ours {
		return p.unchanged(found)
	}
	if p.version.IsChannel() {
		return nil
	}
	return p.refuse(&TakenError{Reference: p.ref, Found: found, Revision: p.revision(), Platforms: p.platforms})
}

// isOurs reports whether found is the image of this revision. For a tree with changes this is
// unknown.
func (p *publication) isOurs(ctx context.Context, found image.Found) (bool, error) {
	if p.dirty || !image.SamePlatforms(found.Platforms, p.platforms) {
		return false, nil
	}
	return p.IsOf(ctx, found, p.commit.Hash)
}

// before are the earlier commits with the same images.
func (p Publish) before(ctx context.Context, commit string) ([]string, error) {
	if p.Before == nil {
		return nil, nil
	}
	return p.Before(ctx, commit)
}

func (p *publication) unchanged(found image.Found) error {
	p.digest, p.status, p.found = found.Digest, step.StatusUnchanged, found
	return step.ErrDone
}

func (p *publication) build(ctx context.Context) (err error) {
	request := image.BuildRequest{Container: p.container, Platforms: p.platforms, Version: p.version.String(), Bases: p.Bases}
	if !p.dirty {
		request.Commit = p.commit.Hash
	}
	p.image, err = p.Builder.Build(ctx, request)
	return err
}

func (p *publication) export(ctx context.Context) (err error) {
	if p.temp, err = scratch.Make(p.TempDir, "blumeops-publish-"); err != nil {
		return err
	}
	p.variants, err = p.image.Archives(ctx, p.temp.Path)
	return err
}

func (p *publication) assemble(ctx context.Context) (err error) {
	p.artifact, err = p.Registry.Assemble(ctx, p.variants, p.metadata())
	return err
}

// push looks again, as a build takes long and others publish too: a new image is judged as
// before the build. If the push fails and the registry holds the image nevertheless, another
// client was faster, or a registry that never overwrites has it from an attempt whose answer
// was lost.
func (p *publication) push(ctx context.Context) error {
	if err := p.look(ctx); err != nil {
		return err
	}
	err := p.artifact.Push(ctx, p.ref)
	if err == nil || ctx.Err() != nil {
		p.digest = p.artifact.Digest()
		return err
	}
	found, ok, lookErr := p.Registry.Look(ctx, p.ref)
	if lookErr != nil || !ok {
		return err
	}
	if ours, lookErr := p.isOurs(ctx, found); lookErr == nil && ours {
		p.say(fmt.Sprintf("the push failed (%v), but the registry already has this revision", err))
		return p.unchanged(found)
	}
	return err
}

// verify reads the image back. If the registry has it and the tag names another image of this revision, another run wrote the tag later: it verifies
// that image, and the result is that image. Images of Go programs repeat, so they do not differ between runs.
func (p *publication) verify(ctx context.Context) error {
	err := p.artifact.Verify(ctx, p.ref)
	if !errors.Is(err, image.ErrMoved) || p.container.Kind == image.KindGo {
		return err
	}
	found, ok, lookErr := p.Registry.Look(ctx, p.ref)
	if lookErr != nil || !ok {
		return err
	}
	if ours, lookErr := p.isOurs(ctx, found); lookErr != nil || !ours {
		return err
	}
	p.say("another run published this revision at the same time: the tag names its image")
	return p.unchanged(found)
}

// close removes the exported files.
func (p *publication) close() (err error) {
	if p.artifact != nil {
		err = p.artifact.Close()
	}
	return errors.Join(err, p.temp.Remove())
}

// metadata has the same values in labels and annotations. The creation time is the commit's, so
// that builds are equal.
func (p *publication) metadata() image.Metadata {
	about := map[string]string{
		image.LabelCreated:  p.commit.Time.UTC().Format(time.RFC3339),
		image.LabelRevision: p.revision(),
		image.LabelTitle:    string(p.container.Name),
		image.LabelVersion:  p.version.String(),
	}
	if source := cmp.Or(p.Repo.SourceURL(), p.Source); source != "" {
		about[image.LabelSource] = source
	}
	return image.Metadata{Created: p.commit.Time, Labels: about, Annotations: about, Repack: p.container.Kind == image.KindGo}
}

func (p *publication) revision() string {
	if p.dirty {
		return p.commit.Hash + "-dirty"
	}
	return p.commit.Hash
}

func (p *publication) result() Result {
	revision := p.revision()
	if p.status == step.StatusUnchanged {
		revision = p.found.Labels[image.LabelRevision]
	}
	return Result{
		Name: p.container.Name, Version: p.version.String(), Status: p.status,
		Reference: p.ref.WithDigest(p.digest), Image: p.ref.Name(), Digest: p.digest,
		Revision: revision, Platforms: strings.Split(image.JoinPlatforms(p.platforms), ","),
	}
}
