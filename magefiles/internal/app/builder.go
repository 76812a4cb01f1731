package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/docker/go-units"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/content"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/disk"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline/gobuild"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
)

// builder builds with whichever engine is there. Nothing is connected to yet.
func (a *App) builder(choice string) (b builder, err error) {
	opts, err := a.engineOptions(choice)
	if err != nil {
		return b, err
	}
	network, err := a.network()
	if err != nil {
		return b, console.BadInput(err)
	}
	return builder{app: a, session: &a.session, images: pipeline.Images{
		Connect: func(ctx context.Context) (*pipeline.Client, error) { return a.session.connect(ctx, opts) }, Copies: copiesOf(&a.session, a.cacheAt),
		Compiler: gobuild.Compiler{
			Root: a.root, Cache: filepath.Join(a.cacheAt, "programs"), Environ: os.Environ(),
		},
		Root: a.root, Site: network, Login: a.pullLogin, Step: a.progress.step, Cached: engine.WithCacheEntry,
	}}, nil
}

// copiesOf are what folders are sent from to the engine of a session.
func copiesOf(s *session, cache string) pipeline.Copies {
	return func() *content.Store { return s.copies(cache) }
}

// copies are what folders are sent to the engine from.
func (a *App) copies() *content.Store { return a.session.copies(a.cacheAt) }

// network is what builds must know of the network and of this machine.
func (a *App) network() (network pipeline.Site, err error) {
	network = pipeline.Site{HTTPProxy: a.HTTPProxy, HTTPSProxy: a.HTTPSProxy, NoProxy: a.NoProxy}
	if network.Mirrors, err = a.MirrorPairs(); err != nil {
		return network, console.BadInput(err)
	}
	if network.Packages, err = a.PackageMirrorPairs(); err != nil {
		return network, console.BadInput(err)
	}
	network.CAFile, err = a.trusted.bundle()
	return network, err
}

// builder is an image.Builder that is a pipeline.
type builder struct {
	app     *App
	session *session
	address string // of its engine, if that is a builder
	images  pipeline.Images
	failed  func(stdout, stderr string) // shows what a command said; nil: in the step that runs, as this is the only container
}

func (b builder) Build(ctx context.Context, q image.BuildRequest) (image.Built, error) {
	images, err := b.at(ctx, q)
	if err != nil {
		return nil, err
	}
	secrets, err := b.secrets(ctx, q.Container)
	if err != nil {
		return nil, err
	}
	img, err := images.Build(ctx, pipeline.Request{BuildRequest: q, Secrets: secrets})
	var failed *pipeline.StepError
	if errors.As(err, &failed) && b.session.choice() == engine.Dagger {
		show := b.app.progress.failed
		if b.failed != nil {
			show = b.failed
		}
		show(failed.Stdout, failed.Stderr)
	}
	if err != nil && failed == nil && b.session.choice() == engine.Dagger {
		err = onDaggersTerminal(err) // of `dagger run -i`, which opens a shell in a failed step
	}
	if err != nil {
		return nil, b.whereFull(err)
	}
	return img, nil
}

// at builds in a folder that has what the commit has, or in the working tree.
func (b builder) at(ctx context.Context, q image.BuildRequest) (pipeline.Images, error) {
	images := b.images
	if q.Commit == "" {
		return images, nil
	}
	tree, err := b.app.trees.of(q, func() (*repo.CheckedOut, error) { return b.app.checkOut(ctx, q) })
	if err != nil {
		return images, err
	}
	images.Root, images.Compiler.Root, images.Compiler.Cache, images.Compiler.Alone = tree.Root, tree.Root, tree.Scratch, true
	return images, nil
}

// trees are the files of commits that builds of this run read, by commit and container: the builders of an image read the same ones.
type trees struct {
	mu  sync.Mutex
	all map[string]*tree
}

type tree struct {
	mu    sync.Mutex
	files *repo.CheckedOut // nil: not there yet
}

// of returns the files for a build. Only one caller makes them; an error is not remembered.
func (t *trees) of(q image.BuildRequest, checkOut func() (*repo.CheckedOut, error)) (*repo.CheckedOut, error) {
	key := q.Commit + " " + string(q.Container.Name)
	t.mu.Lock()
	if t.all == nil {
		t.all = map[string]*tree{}
	}
	if t.all[key] == nil {
		t.all[key] = &tree{}
	}
	one := t.all[key]
	t.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.files != nil {
		return one.files, nil
	}
	files, err := checkOut()
	one.files = files
	return files, err
}

func (a *App) checkOut(ctx context.Context, q image.BuildRequest) (*repo.CheckedOut, error) {
	git, err := repo.Open(a.root, repo.WithEnvironment(os.Getenv), repo.WithPacksOpen())
	if err != nil {
		return nil, err
	}
	files, err := git.CheckOutContainer(ctx, q.Commit, filepath.Join(a.cacheAt, "trees"), q.Container)
	if err = errors.Join(err, git.Close()); err != nil {
		return nil, err
	}
	a.session.keep(files.Release)
	return files, nil
}

// whereFull adds where the disk is full, unless the error will name the builder.
func (b builder) whereFull(err error) error {
	if b.address != "" {
		return err
	}
	return b.app.whereFull(err)
}

// whereFull names the folder whose disk is full, as far as that is known: a step may have mounts of its own.
func (a *App) whereFull(err error) error {
	if !pipeline.IsFull(err) || a.session.choice() != engine.Embedded || os.Getenv("BUILDKIT_HOST") != "" {
		return err
	}
	free, freeErr := disk.Free(a.stateAt)
	if freeErr != nil {
		return err
	}
	return fmt.Errorf("%w: no space left: the embedded engine stores its steps in %s, which has %s free", err, a.stateAt, units.BytesSize(float64(free)))
}
