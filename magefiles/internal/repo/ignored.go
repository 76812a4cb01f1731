package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// someIgnored is how many files Ignored lists at most.
const someIgnored = 10

var errEnough = errors.New("enough")

// Ignored lists files and symbolic links below these paths that git does not track because an ignore rule names them, and that count: some
// of them, as there may be many. Those in submodules are among them. It agrees with `git ls-files --others --ignored --exclude-standard`.
func (r *Repo) Ignored(ctx context.Context, under []string, counts func(file string) bool) ([]string, error) {
	list := &ignoredFiles{ctx: ctx, counts: counts}
	if len(under) == 0 {
		return nil, nil
	}
	if err := list.of(r, "", under); err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("%s: look for ignored files: %w", r.root, err)
	}
	return list.found, nil
}

// ignoredFiles is one run of Ignored.
type ignoredFiles struct {
	ctx    context.Context
	counts func(string) bool
	found  []string
}

// of looks through a work tree that is at a path of the first one.
func (l *ignoredFiles) of(r *Repo, at string, under []string) error {
	r.objects.Lock()
	c, err := r.comparison(under)
	r.objects.Unlock()
	if err != nil {
		return err
	}
	c.enter()
	return l.walk(c, at, ".", false)
}

func (l *ignoredFiles) walk(c *comparison, at, folder string, ignored bool) error {
	if l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	entries, err := os.ReadDir(c.path(folder))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, entry := range entries {
		name := path.Join(folder, entry.Name())
		if entry.Name() == ".git" || !c.scope.touches(name) {
			continue
		}
		if err := l.visit(c, at, name, entry, ignored); err != nil {
			return err
		}
	}
	return nil
}

func (l *ignoredFiles) visit(c *comparison, at, name string, entry fs.DirEntry, ignored bool) error {
	tracked := c.entries[name]
	if tracked != nil && tracked.Mode == filemode.Submodule && entry.IsDir() {
		return l.enter(c, at, name)
	}
	if tracked != nil && !entry.IsDir() {
		return nil
	}
	ignored = ignored || c.ignores.ignored(name, entry.IsDir())
	if entry.IsDir() {
		return l.walk(c, at, name, ignored)
	}
	full := path.Join(at, name)
	if ignored && c.scope.holds(name) && l.counts(full) {
		if l.found = append(l.found, full); len(l.found) == someIgnored {
			return errEnough
		}
	}
	return nil
}

// enter looks through a submodule, if it is checked out.
func (l *ignoredFiles) enter(c *comparison, at, name string) error {
	if !isRepository(c.path(name)) {
		return nil
	}
	sub, err := Open(c.path(name), WithEnvironment(c.repo.getenv))
	if err != nil {
		return err
	}
	var under []string
	for _, u := range c.scope {
		if rest, in := strings.CutPrefix(u, name+"/"); in {
			under = append(under, rest)
		}
	}
	if c.scope.holds(name) {
		under = nil // all of it
	}
	return l.of(sub, path.Join(at, name), under)
}
