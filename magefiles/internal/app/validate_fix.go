package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
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
