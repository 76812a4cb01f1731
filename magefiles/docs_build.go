//go:build mage

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/source"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/website"
)

// docsBuild builds the docs of the working tree.
func (r *runner) docsBuild(ctx context.Context, choice string, args task.DocsArgs) (task.BuiltDocs, error) {
	r.progress.title = "build docs"
	r.learnAddresses(args.Source)
	git, err := repo.Open(r.root, repo.WithEnvironment(os.Getenv))
	if err != nil {
		return task.BuiltDocs{}, err
	}
	head, err := git.Head()
	if err != nil {
		return task.BuiltDocs{}, err
	}
	args.Time = head.Time
	build, err := r.docsBuilder(choice, git, head.Hash)
	if err != nil {
		return task.BuiltDocs{}, err
	}
	build.Tree = r.tree()
	return build.Run(ctx, args)
}

// docsBuilder builds the docs with the dates that they have at a commit; the caller gives it the tree.
func (r *runner) docsBuilder(choice string, git *repo.Repo, commit string) (task.BuildDocs, error) {
	opts, err := r.engineOptions(choice)
	if err != nil {
		return task.BuildDocs{}, err
	}
	network, err := r.buildNetwork()
	if err != nil {
		return task.BuildDocs{}, console.BadInput(err)
	}
	zone, err := r.zone()
	if err != nil {
		return task.BuildDocs{}, console.BadInput(err)
	}
	return task.BuildDocs{
		Settings: task.DocsSettings{
			Dir: path.Clean(r.Docs), Site: website.Settings{Generator: r.DocsGenerator, Build: r.DocsBuild, Output: r.DocsOutput},
			Source: r.DocsSource, Image: r.NodeImage, Zone: zone,
		},
		Dates: func(ctx context.Context, under string) (map[string]website.Dates, error) {
			return docsDates(ctx, git, commit, under)
		},
		Sources: sources{source.Git{Cache: filepath.Join(r.cacheAt, "sources"), Environ: os.Environ()}},
		Sites: generators{r, pipeline.Docs{
			Connect: func(ctx context.Context) (*pipeline.Client, error) { return r.connect(ctx, opts) },
			Copies:  r.copies, Site: network, Image: r.NodeImage, Step: r.progress.step,
		}},
		Watch: r.progress.step, Note: r.console.Note,
	}, nil
}

// docsDates are the dates in git's history of a file, or of those in a folder.
func docsDates(ctx context.Context, git *repo.Repo, commit, under string) (map[string]website.Dates, error) {
	found, err := git.Dates(ctx, commit, under)
	dates := make(map[string]website.Dates, len(found))
	for name, d := range found {
		dates[name] = website.Dates(d)
	}
	return dates, err
}

// sources is a task.Sources.
type sources struct{ git source.Git }

func (s sources) Find(text string) (task.Source, error) {
	found, err := source.Parse(text)
	return gitSource{found, s.git}, err
}

// gitSource is a task.Source.
type gitSource struct {
	source.Source
	git source.Git
}

func (s gitSource) Fetch(ctx context.Context) (dir, commit string, release func() error, err error) {
	tree, err := s.git.Fetch(ctx, s.Source)
	return tree.Dir, tree.Commit, tree.Release, err
}

// generators is a task.Generators that is a pipeline.
type generators struct {
	runner *runner
	docs   pipeline.Docs
}

func (g generators) Check(ctx context.Context) error { return g.docs.Check(ctx) }

func (g generators) Generate(ctx context.Context, q task.GeneratorRun, to string) error {
	err := g.docs.Build(ctx, pipeline.Website(q), to)
	var failed *pipeline.StepError
	if errors.As(err, &failed) && g.runner.session.Choice == engine.Dagger {
		g.runner.progress.failed(failed.Stdout, failed.Stderr)
	}
	return g.runner.whereFull(err)
}

// docsServe serves an archive until it is stopped.
func (r *runner) docsServe(ctx context.Context, archive string, port int) (err error) {
	archive = cmp.Or(archive, "docs-dev.tar.gz")
	f, err := os.Open(archive)
	if err != nil {
		return console.BadInput(fmt.Errorf("%w: build it first with docs:build, or name another with -archive=", err))
	}
	defer f.Close()
	dir, err := scratch.Make("", "blumeops-docs-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Remove()) }()
	content, err := website.Unpack(dir.Path, f, website.Largest)
	if err != nil {
		return console.BadInput(errors.New(archive + " " + err.Error()))
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("%w: name another port with -port=; 0 is any that is free", err)
	}
	if err := r.console.Result("http://" + listener.Addr().String() + "/"); err != nil {
		return errors.Join(err, listener.Close())
	}
	return serveUntil(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content.Page(r.URL.Path).ServeHTTP(w, r)
	}))
}

// serveUntil serves until ctx ends, which is how it is meant to end.
func serveUntil(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
