package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/checks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/repair"
)

// fixFindings corrects the findings that need no decision, and names each file that it changes.
func (a *App) fixFindings(ctx context.Context, args tasks.ValidateArgs) error {
	run := examination{all: checks.All(), only: args.Only, since: args.Since}
	r, err := a.prepare(ctx, &run)
	if err != nil {
		return console.BadInput(err)
	}
	pins := pinner{app: a, known: map[string]string{}}
	r.options.Site.Commit, r.options.Site.Digest = pins.commit, pins.digest
	changed, err := repair.Run(ctx, a.tree(), r.files, r.checks, r.options, func(name string) bool {
		info, err := a.files.Lstat(name)
		return err == nil && info.Mode().IsRegular()
	})
	if err != nil {
		return err
	}
	for _, f := range changed {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := a.replace(f); err != nil {
			return fmt.Errorf("fix %s: %w", f.Path, err)
		}
		a.console.Note(fmt.Sprintf("fixed: %s (%d)", f.Path, f.Fixes))
	}
	return nil
}

// replace writes a corrected file in one step. Its mode stays.
func (a *App) replace(f repair.File) error {
	switch there, err := fs.ReadFile(a.tree(), f.Path); {
	case err != nil:
		return err
	case !bytes.Equal(there, f.Before):
		return errors.New("the file changed meanwhile; run the command again")
	}
	return regular.Replace(a.files, f.Path, f.After)
}

// commitDates are the days of the last commits of the pages. There are none in a shallow clone, or without a commit.
func (a *App) commitDates(git *repo.Repo) func(context.Context) (map[string]string, error) {
	return func(ctx context.Context) (map[string]string, error) {
		head, err := git.Head()
		if err != nil {
			return nil, nil
		}
		dates, err := git.Dates(ctx, head.Hash, a.Docs)
		if errors.Is(err, repo.ErrShallow) {
			return nil, nil
		}
		days := make(map[string]string, len(dates))
		for name, d := range dates {
			days[name] = d.Modified.UTC().Format(time.DateOnly)
		}
		return days, err
	}
}

// lookTime is the time that one host has to say what a tag means. Without an answer, the tag stays.
const lookTime = 20 * time.Second

// pinner looks up what tags mean now, each once.
type pinner struct {
	app   *App
	lock  sync.Mutex
	known map[string]string
}

// once returns a known answer, or asks. An error is a note: the tag stays.
func (p *pinner) once(ctx context.Context, what string, ask func(context.Context) (string, error)) string {
	p.lock.Lock()
	defer p.lock.Unlock()
	found, ok := p.known[what]
	if ok {
		return found
	}
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	found, err := ask(limited)
	if err != nil && ctx.Err() == nil {
		p.app.console.Note(fmt.Sprintf("not pinned: %s: %s", what, err))
		found = ""
	}
	p.known[what] = found
	return found
}

// commit is the commit of a tag, or of the default branch, of a repository.
func (p *pinner) commit(ctx context.Context, url, ref string) string {
	return p.once(ctx, url+" "+ref, func(ctx context.Context) (string, error) {
		git, err := p.app.git()
		if err != nil {
			return "", err
		}
		remote, err := git.Remote(repo.RemoteOptions{URL: url, Credentials: p.app.readCredentials, Transport: p.app.http().Transport})
		if err != nil {
			return "", err
		}
		heads, err := remote.Heads(ctx)
		switch commit := heads.Tags[ref]; {
		case err != nil:
			return "", err
		case commit != "":
			return commit, nil
		case ref == heads.Branch:
			return heads.Commit, nil
		}
		return "", errors.New("no such tag, and not the default branch")
	})
}

// digest is the digest of an image.
func (p *pinner) digest(ctx context.Context, name string) string {
	return p.once(ctx, name, func(ctx context.Context) (string, error) {
		ref, err := image.ParseReference(name)
		if err != nil {
			return "", err
		}
		found, ok, err := p.app.readingClient().Holds(ctx, ref, "")
		if err == nil && !ok {
			err = errors.New("the registry does not have it")
		}
		return found, err
	})
}
