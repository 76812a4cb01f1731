package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Changed lists the paths that differ from HEAD, sorted and with slashes, relative to the checkout's root: staged or not, deleted, untracked; not
// what is ignored. With under it looks only at these files and folders, which are relative to the root as well. It agrees with
// `git status --porcelain --untracked-files=all --no-renames`; a repository inside this one is listed as «folder/».
func (r *Repo) Changed(ctx context.Context, under ...string) ([]string, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	c, err := r.comparison(under)
	if err != nil {
		return nil, err
	}
	if err := c.run(ctx); err != nil {
		return nil, fmt.Errorf("%s: compare with HEAD: %w", r.root, err)
	}
	return slices.Sorted(maps.Keys(c.changed)), nil
}

// comparison prepares one run. The caller holds the lock of objects.
func (r *Repo) comparison(under []string) (*comparison, error) {
	s, err := r.settings()
	if err != nil {
		return nil, err
	}
	ig, err := r.ignores(s)
	if err != nil {
		return nil, err
	}
	idx, err := r.store.Index()
	if err != nil {
		return nil, fmt.Errorf("%s: index: %w: git update-index --no-split-index --index-version 2 writes one that go-git reads", r.root, err)
	}
	return &comparison{
		repo: r, settings: s, ignores: ig, index: idx, scope: newScope(under), entries: map[string]*index.Entry{}, folders: map[string]bool{".": true},
		seen: map[string]bool{}, changed: map[string]bool{}, untracked: map[string]bool{},
	}, nil
}

// comparison is one run of Changed or of Files.
type comparison struct {
	repo     *Repo
	settings settings
	ignores  *ignores
	index    *index.Index
	scope    scope
	entries  map[string]*index.Entry // in scope
	folders  map[string]bool         // that hold entries
	seen     map[string]bool         // entries that the work tree has
	changed  map[string]bool
	listing  bool // only what there is counts, not whether it is as the index has it
	// untracked are files that neither the index has nor an ignore rule names.
	untracked map[string]bool
}

func (c *comparison) run(ctx context.Context) error {
	c.enter()
	if err := c.compareStaged(ctx); err != nil {
		return err
	}
	if err := c.walk(ctx, ".", false); err != nil {
		return err
	}
	for name, e := range c.entries {
		if !c.seen[name] && !e.SkipWorktree {
			c.changed[name] = true // deleted
		}
	}
	return nil
}

// enter takes over the entries of the index that are in scope.
func (c *comparison) enter() {
	for _, e := range c.index.Entries {
		if !c.scope.holds(e.Name) {
			continue
		}
		c.entries[e.Name] = e
		for dir := path.Dir(e.Name); !c.folders[dir]; dir = path.Dir(dir) {
			c.folders[dir] = true
		}
		if e.Stage != 0 {
			c.changed[e.Name] = true // a merge's conflict
		}
	}
}

// compareStaged compares HEAD with the index. The index caches the hashes of whole trees: mostly one look is enough.
func (c *comparison) compareStaged(ctx context.Context) error {
	ref, err := c.repo.git.Head()
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		for name := range c.entries {
			c.changed[name] = true
		}
		return nil
	}
	if err != nil {
		return err
	}
	commit, err := c.repo.git.CommitObject(ref.Hash())
	if err != nil {
		return err
	}
	if cache := c.index.Cache; cache != nil && len(cache.Entries) > 0 && cache.Entries[0].Entries >= 0 && cache.Entries[0].Hash == commit.TreeHash {
		return nil
	}
	tree, err := commit.Tree()
	if err != nil {
		return err
	}
	return c.compareTree(ctx, tree)
}

func (c *comparison) compareTree(ctx context.Context, tree *object.Tree) error {
	committed := map[string]bool{}
	walker := object.NewTreeWalker(tree, true, nil)
	defer walker.Close()
	for {
		name, entry, err := walker.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if entry.Mode == filemode.Dir || !c.scope.holds(name) {
			continue
		}
		committed[name] = true
		staged, ok := c.entries[name]
		if !ok || staged.Hash != entry.Hash || staged.Mode != normal(entry.Mode) {
			c.changed[name] = true
		}
	}
	for name := range c.entries {
		if !committed[name] {
			c.changed[name] = true
		}
	}
	return nil
}

// normal is a tree's mode as the index has it: very old trees hold group-writable files.
func normal(m filemode.FileMode) filemode.FileMode {
	if m == filemode.Deprecated {
		return filemode.Regular
	}
	return m
}

// walk compares one folder of the work tree. Ignored folders are only entered where files in them are tracked nevertheless.
func (c *comparison) walk(ctx context.Context, folder string, ignored bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	list, err := os.ReadDir(c.path(folder))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // just removed
		}
		return err
	}
	for _, entry := range list {
		name := path.Join(folder, entry.Name())
		if entry.Name() == ".git" || !c.scope.touches(name) {
			continue
		}
		if err := c.visit(ctx, name, entry, ignored); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) visit(ctx context.Context, name string, entry fs.DirEntry, ignored bool) error {
	tracked := c.entries[name]
	if tracked != nil && (!entry.IsDir() || tracked.Mode == filemode.Submodule) {
		c.seen[name] = true
		if c.listing {
			return nil
		}
		same, err := c.same(ctx, tracked, entry)
		if err != nil {
			return err
		}
		if !same {
			c.changed[name] = true
		}
		return nil
	}
	if !entry.IsDir() {
		plain := entry.Type().IsRegular() || entry.Type()&fs.ModeSymlink != 0
		if plain && c.scope.holds(name) && !ignored && !c.ignores.ignored(name, false) {
			c.changed[name], c.untracked[name] = true, true
		}
		return nil
	}
	ignored = ignored || c.ignores.ignored(name, true)
	switch {
	case c.folders[name]:
		return c.walk(ctx, name, ignored)
	case ignored:
		return nil
	case isRepository(c.path(name)):
		c.changed[name+"/"] = true
		return nil
	}
	return c.walk(ctx, name, false)
}

func (c *comparison) path(name string) string {
	return filepath.Join(c.repo.root, filepath.FromSlash(name))
}

// isRepository reports whether a folder is a checkout of its own, which git lists but does not enter.
func isRepository(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, ".git"))
	if err != nil {
		return false
	}
	if !info.IsDir() {
		return true
	}
	_, err = os.Lstat(filepath.Join(dir, ".git", "HEAD"))
	return err == nil
}

// scope is what Changed looks at; empty is everything.
type scope []string

func newScope(under []string) scope {
	var s scope
	for _, u := range under {
		u = path.Clean(filepath.ToSlash(u))
		if u == "." || u == "/" {
			return nil
		}
		s = append(s, strings.TrimPrefix(u, "/"))
	}
	return s
}

// holds reports whether a path lies in the scope.
func (s scope) holds(name string) bool {
	return len(s) == 0 || slices.ContainsFunc(s, func(u string) bool { return within(name, u) })
}

// touches reports whether a path lies in the scope or leads to it.
func (s scope) touches(name string) bool {
	return s.holds(name) || slices.ContainsFunc(s, func(u string) bool { return within(u, name) })
}

func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}
