package repo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
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

// FilesBelow is Files of a folder of the work tree, an operating system's path, with paths from that folder.
func (r *Repo) FilesBelow(ctx context.Context, folder string) ([]string, error) {
	all, err := r.Files(ctx)
	if err != nil {
		return nil, err
	}
	folder, err = filepath.Abs(folder)
	if err == nil {
		folder, err = filepath.EvalSymlinks(folder)
	}
	root, failed := filepath.EvalSymlinks(r.root)
	if err = cmp.Or(err, failed); err != nil {
		return nil, fmt.Errorf("%s: list files: %w", r.root, err)
	}
	below, err := filepath.Rel(root, folder)
	if err != nil {
		return nil, fmt.Errorf("%s: list files: %w", r.root, err)
	}
	if below == "." {
		return all, nil
	}
	list := []string{}
	for _, name := range all {
		if rest, is := strings.CutPrefix(name, filepath.ToSlash(below)+"/"); is {
			list = append(list, rest)
		}
	}
	return list, nil
}

// FilesWithin is Files with the files of submodules, for the files in a folder. A submodule that is not checked out is a *MissingError.
func (r *Repo) FilesWithin(ctx context.Context, dir string) ([]string, error) {
	missing, err := r.AbsentSubmodules(dir)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, missing[0]
	}
	return r.filesWithin(ctx, newScope([]string{dir}))
}

func (r *Repo) filesWithin(ctx context.Context, in scope) ([]string, error) {
	all, err := r.Files(ctx)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(all, func(name string) bool { return !in.contains(name) })
	modules, err := r.submodules(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: list submodules: %w", r.root, err)
	}
	for _, m := range modules {
		inside, ok := in.below(m.path)
		if !ok || !isRepository(r.workPath(m.path)) {
			continue
		}
		sub, err := Open(r.workPath(m.path), WithEnvironment(r.getenv))
		if err != nil {
			return nil, err
		}
		names, err := sub.filesWithin(ctx, inside)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			list = append(list, path.Join(m.path, name))
		}
	}
	slices.Sort(list)
	return list, nil
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
