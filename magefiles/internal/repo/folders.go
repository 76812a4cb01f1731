package repo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
)

// gitDir is the folder that holds HEAD and the index of this work tree.
func (r *Repo) gitDir() string { return r.store.Filesystem().Root() }

// commonDir is the folder that holds branches, tags and objects: it differs from gitDir in a linked work tree
// (gitrepository-layout, "commondir").
func (r *Repo) commonDir() (string, error) {
	dir := r.gitDir()
	raw, err := r.readGitFile("commondir")
	if err != nil {
		return "", fmt.Errorf("%s: commondir: %w", r.root, err)
	}
	common := strings.TrimSpace(string(raw))
	switch {
	case common == "":
		return dir, nil
	case filepath.IsAbs(common):
		return filepath.Clean(common), nil
	}
	return filepath.Join(dir, common), nil
}

// readGitFile reads a file of the git folder, or of the common one if git keeps it there for linked work trees; nil if it is
// absent.
func (r *Repo) readGitFile(name string) ([]byte, error) {
	f, err := r.store.Filesystem().Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(f)
	return raw, errors.Join(err, f.Close())
}
