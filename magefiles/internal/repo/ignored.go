package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// someIgnored is the maximum number of files that Ignored lists.
const someIgnored = 10

var errEnough = errors.New("enough")

// Ignored lists files and symbolic links below these paths that git does not track because an ignore rule names them, and that count. It
// lists only some, as there may be many, and includes those in submodules. It agrees with `git ls-files --others --ignored
// --exclude-standard`, except that it enters ignored repositories.
func (r *Repo) Ignored(ctx context.Context, under []string, counts func(file string) bool) ([]string, error) {
	if len(under) == 0 {
		return nil, nil
	}
	list := &ignoredFiles{counts: counts}
	if err := list.of(ctx, r, "", newScope(under)); err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("%s: look for ignored files: %w", r.root, err)
	}
	return list.found, nil
}

// ignoredFiles is one run of Ignored.
type ignoredFiles struct {
	counts func(string) bool
	found  []string
}

// of searches a work tree at a path of the first one.
func (l *ignoredFiles) of(ctx context.Context, r *Repo, at string, under scope) error {
	args := []string{"ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--"}
	out, err := r.run(ctx, slices.Concat(args, under)...)
	if err != nil {
		return err
	}
	for name := range fields(out) {
		if err := l.take(r, at, name); err != nil {
			return err
		}
	}
	modules, err := r.submodules(ctx)
	if err != nil {
		return err
	}
	for _, m := range modules {
		inside, ok := under.below(m.path)
		if !ok || !isRepository(r.workPath(m.path)) {
			continue
		}
		sub, err := Open(r.workPath(m.path), WithEnvironment(r.getenv))
		if err != nil {
			return err
		}
		if err := l.of(ctx, sub, path.Join(at, m.path), inside); err != nil {
			return err
		}
	}
	return nil
}

// take adds a file, or the files of a repository, which git lists with a trailing slash.
func (l *ignoredFiles) take(r *Repo, at, name string) error {
	if !strings.HasSuffix(name, "/") {
		return l.note(path.Join(at, name))
	}
	return filepath.WalkDir(r.workPath(name), func(file string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == ".git":
			return filepath.SkipDir
		case e.IsDir():
			return nil
		}
		rel, err := filepath.Rel(r.root, file)
		return errors.Join(err, l.note(path.Join(at, filepath.ToSlash(rel))))
	})
}

func (l *ignoredFiles) note(name string) error {
	if !l.counts(name) {
		return nil
	}
	if l.found = append(l.found, name); len(l.found) == someIgnored {
		return errEnough
	}
	return nil
}
