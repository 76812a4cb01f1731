package toolbuild

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// patched copies the patched modules, with the patches applied, to a folder, and writes a go.mod that uses these copies. It returns the path of
// that go.mod, for go build -modfile. The go command does not replace single files of its module cache.
func (s State) patched(ctx context.Context, dir string) (string, error) {
	copies := map[string]string{}
	for _, p := range s.program.Patch {
		if copies[p.Module] == "" {
			to := filepath.Join(dir, fmt.Sprintf("patched-%d", len(copies)))
			if err := s.copyModule(ctx, p.Module, to); err != nil {
				return "", err
			}
			copies[p.Module] = to
		}
		if err := p.apply(copies[p.Module]); err != nil {
			return "", err
		}
	}
	return s.withReplaced(copies, filepath.Join(dir, "go.mod"))
}

// apply patches a copy of the module.
func (p Patch) apply(dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(p.File))
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("patch: %w", err)
	}
	if n := strings.Count(string(text), p.Old); n != 1 {
		return fmt.Errorf("patch: %s of %s contains the text %q %d times, expected once: update the patch for this version", p.File, p.Module, p.Old, n)
	}
	return os.WriteFile(path, []byte(strings.Replace(string(text), p.Old, p.New, 1)), 0o600)
}

// copyModule copies a module, writable by this user; links and files that Go does not use are omitted.
func (s State) copyModule(ctx context.Context, module, to string) error {
	from, err := s.moduleDir(ctx, module)
	if err != nil {
		return fmt.Errorf("patch: %w", err)
	}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case !d.Type().IsRegular() || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o600)
	})
}

// withReplaced writes the program's go.mod to path, and its go.sum beside it, with the copies in place of modules.
func (s State) withReplaced(copies map[string]string, path string) (string, error) {
	original := filepath.Join(s.dir, "go.mod")
	text, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	file, err := modfile.Parse(original, text, nil)
	if err != nil {
		return "", err
	}
	for _, r := range file.Replace { // a relative path is relative to the folder of the go.mod
		if modfile.IsDirectoryPath(r.New.Path) && !filepath.IsAbs(r.New.Path) {
			if err := file.AddReplace(r.Old.Path, r.Old.Version, filepath.Join(s.dir, r.New.Path), ""); err != nil {
				return "", err
			}
		}
	}
	for module, dir := range copies {
		if err := file.AddReplace(module, "", dir, ""); err != nil {
			return "", err
		}
	}
	if text, err = file.Format(); err != nil {
		return "", err
	}
	sums, err := os.ReadFile(filepath.Join(s.dir, "go.sum"))
	if err != nil && !os.IsNotExist(err) {
		return "", err
	}
	if err := os.WriteFile(strings.TrimSuffix(path, ".mod")+".sum", sums, 0o600); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, text, 0o600)
}
