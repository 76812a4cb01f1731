package repo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Changed lists the paths that differ from HEAD, sorted and with slashes, relative to the checkout's root: staged or not, deleted, untracked;
// without ignored ones. With under it reads only these files and folders, which are relative to the root as well. It agrees with `git status
// --untracked-files=all --no-renames`; a repository inside this one is listed as "folder/".
//
// Filter programs (gitattributes) are not run: a file that a filter would convert counts as changed if its content differs from git's. A file
// that Git LFS has checked out instead of its pointer does not count as changed.
func (r *Repo) Changed(ctx context.Context, under ...string) ([]string, error) {
	list, err := r.changed(ctx, newScope(under))
	if err != nil {
		return nil, fmt.Errorf("%s: compare with HEAD: %w", r.root, err)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

func (r *Repo) changed(ctx context.Context, under scope) (list []string, err error) {
	git, err := r.unfiltered(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := git.status(ctx, under, "--untracked-files=all")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		same, err := r.samePointer(ctx, e)
		if err != nil {
			return nil, err
		}
		if !same {
			list = append(list, e.path)
		}
	}
	modules, err := r.submodules(ctx)
	for _, m := range modules {
		if changed, err := r.submoduleChanged(ctx, m, under); err != nil {
			return nil, fmt.Errorf("submodule %s: %w", m.path, err)
		} else if changed {
			list = append(list, m.path)
		}
	}
	return list, err
}

// submoduleChanged reports whether a submodule has changes of its own; one that is not checked out has none. git status itself reports another
// commit in it.
func (r *Repo) submoduleChanged(ctx context.Context, m submodule, under scope) (bool, error) {
	inside, ok := under.below(m.path)
	if !ok || !isRepository(r.workPath(m.path)) {
		return false, nil
	}
	sub, err := Open(r.workPath(m.path), WithEnvironment(r.getenv))
	if err != nil {
		return false, err
	}
	changed, err := sub.changed(ctx, inside)
	return len(changed) > 0, err
}

// statusEntry is a line of `git status --porcelain=v2`.
type statusEntry struct {
	path         string
	index, tree  byte   // how the index differs from HEAD, and the work tree from the index: '.' means unchanged, '?' untracked, 'U' a conflict
	mode, hash   string // of the index
	workTreeMode string
}

// status asks git for the differences from HEAD.
func (c gitCall) status(ctx context.Context, under scope, more ...string) ([]statusEntry, error) {
	args := slices.Concat([]string{"status", "--porcelain=v2", "-z", "--no-renames", "--ignore-submodules=dirty"}, more, []string{"--"}, under)
	out, err := c.run(ctx, args...)
	if err != nil {
		return nil, err
	}
	var list []statusEntry
	for line := range fields(out) {
		if strings.HasPrefix(line, "#") { // from status.showStash and the like
			continue
		}
		e, ok := parseStatus(line)
		if !ok {
			return nil, fmt.Errorf("unexpected line %q from git status: use another version of git", line)
		}
		list = append(list, e)
	}
	return list, nil
}

// parseStatus reads a line (https://git-scm.com/docs/git-status, "Porcelain Format Version 2").
func parseStatus(line string) (e statusEntry, ok bool) {
	kind, rest, _ := strings.Cut(line, " ")
	count := map[string]int{"1": 8, "u": 10, "?": 1}[kind]
	f := strings.SplitN(rest, " ", count)
	if count == 0 || len(f) < count {
		return e, false
	}
	e = statusEntry{path: f[count-1], index: '?', tree: '?'}
	switch kind {
	case "1": // XY sub mH mI mW hH hI path
		e.index, e.tree, e.mode, e.workTreeMode, e.hash = f[0][0], f[0][1], f[3], f[4], f[6]
	case "u":
		e.index, e.tree = 'U', 'U'
	}
	return e, true
}

// samePointer reports whether a file that differs only from the index is the one that the pointer of Git LFS there names. git would run the
// filter.
func (r *Repo) samePointer(ctx context.Context, e statusEntry) (bool, error) {
	if e.index != '.' || e.tree != 'M' || e.mode != e.workTreeMode || !strings.HasPrefix(e.mode, "100") {
		return false, nil
	}
	p, ok, err := r.pointerIn(plumbing.NewHash(e.hash))
	if err != nil || !ok {
		return false, err
	}
	info, err := os.Stat(r.workPath(e.path))
	if err != nil || info.Size() != p.size {
		return false, nil //nolint:nilerr // just removed: changed
	}
	f, err := os.Open(r.workPath(e.path))
	if err != nil {
		return false, err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	if err = errors.Join(err, f.Close()); err != nil || hex.EncodeToString(sum.Sum(nil)) != p.sum {
		return false, err
	}
	out, err := r.run(ctx, "check-attr", "-z", "filter", "--", e.path)
	return strings.HasSuffix(out, "\x00filter\x00lfs\x00"), err
}

// pointerIn reads a blob that may be a pointer of Git LFS.
func (r *Repo) pointerIn(blob plumbing.Hash) (p pointer, ok bool, err error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	size, err := r.store.EncodedObjectSize(blob)
	if err != nil || size >= maxPointer {
		return p, false, err
	}
	text, err := r.blob(blob)
	p, ok = parsePointer(text)
	return p, ok, err
}

// workPath is the path of a file in the work tree.
func (r *Repo) workPath(name string) string { return filepath.Join(r.root, filepath.FromSlash(name)) }

// isRepository reports whether a folder is a separate checkout.
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

// submodule is a submodule of the index.
type submodule struct {
	path   string
	commit plumbing.Hash
}

// submodules lists the submodules of the index, by path.
func (r *Repo) submodules(ctx context.Context) (list []submodule, err error) {
	out, err := r.run(ctx, "ls-files", "--stage", "-z")
	for line := range fields(out) { // MODE HASH STAGE TAB PATH
		about, name, _ := strings.Cut(line, "\t")
		if f := strings.Fields(about); len(f) == 3 && f[0] == "160000" && f[2] == "0" {
			list = append(list, submodule{name, plumbing.NewHash(f[1])})
		}
	}
	return list, err
}
