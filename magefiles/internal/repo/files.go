package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Files lists the files of the work tree that git tracks, or would track after git add: sorted, with slashes, relative to the checkout's
// root. It leaves out files that are deleted, ignored, or in a repository or submodule inside this one; it lists symbolic links. It agrees
// with `git ls-files --cached --others --exclude-standard`, without missing files.
func (r *Repo) Files(ctx context.Context) ([]string, error) {
	out, err := r.run(ctx, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, fmt.Errorf("%s: list files: %w", r.root, err)
	}
	tree := folders{repo: r, read: map[string]map[string]fs.FileMode{}}
	var list []string
	for name := range fields(out) {
		if strings.HasSuffix(name, "/") { // a repository
			continue
		}
		kind, ok, err := tree.kind(name)
		if err != nil {
			return nil, fmt.Errorf("%s: list files: %w", r.root, err)
		}
		if ok && !kind.IsDir() { // a folder is a submodule, or replaces a file
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil // a conflict is listed more than once
}

// folders caches the work tree's folders, each of which is read once: checking each file by itself takes longer.
type folders struct {
	repo *Repo
	read map[string]map[string]fs.FileMode
}

// kind returns the kind of file at a path, if there is one. A path beyond a symbolic link is not in the work tree.
func (f folders) kind(name string) (kind fs.FileMode, ok bool, err error) {
	list, err := f.list(path.Dir(name))
	kind, ok = list[path.Base(name)]
	return kind, ok, err
}

func (f folders) list(folder string) (list map[string]fs.FileMode, err error) {
	if list, ok := f.read[folder]; ok {
		return list, nil
	}
	defer func() { f.read[folder] = list }()
	if folder != "." {
		if kind, ok, err := f.kind(folder); !ok || !kind.IsDir() {
			return nil, err
		}
	}
	entries, err := os.ReadDir(f.repo.workPath(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // just removed
	}
	list = make(map[string]fs.FileMode, len(entries))
	for _, e := range entries {
		list[e.Name()] = e.Type()
	}
	return list, err
}
