package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5"
	gitconfig "github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// MissingError says that a commit names content that is not among its own objects, and that this clone does not have.
type MissingError struct {
	Path   string // slash path from the root
	What   string // its kind, such as "submodule at commit 1234"
	Remedy string // how to get it
	Err    error  // why it cannot be read, if it exists; nil if it does not
}

func (e *MissingError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s is a %s: cannot read it: %v", plain.Name(e.Path), e.What, e.Err)
	}
	return fmt.Sprintf("%s is a %s, which this clone does not have", plain.Name(e.Path), e.What)
}

// Unwrap returns the reason.
func (e *MissingError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *MissingError) Hint() string { return e.Remedy }

// module is a repository whose objects a snapshot reads: the clone's own, or that of a submodule.
type module struct {
	repo  *Repo
	at    string        // slash path of its root from the snapshot's
	root  plumbing.Hash // its tree
	names map[string]string
	large map[string]map[string]bool // files that Git LFS keeps, by folder
}

// inside is a path from the module's root.
func (m *module) inside(name string) string {
	if m.at == "." {
		return name
	}
	return strings.TrimPrefix(name, m.at+"/")
}

// entered is the result of a search for a submodule.
type entered struct {
	module *module
	err    error
}

// enter finds the recorded commit of a submodule. The caller holds the lock of objects.
func (s *Snapshot) enter(n item) (*module, error) {
	found, ok := s.modules[n.path]
	if !ok {
		found.module, found.err = s.open(n)
		s.modules[n.path] = found
	}
	return found.module, found.err
}

func (s *Snapshot) open(n item) (*module, error) {
	missing := missingSubmodule(n.path, n.Hash)
	places, err := s.places(n)
	if err != nil {
		return nil, err
	}
	for _, open := range places {
		r, err := open()
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, git.ErrRepositoryNotExists) {
				missing.Err = err
			}
			continue
		}
		c, err := r.git.CommitObject(n.Hash)
		switch {
		case err == nil:
			return &module{repo: r, at: n.path, root: c.TreeHash}, nil
		case !errors.Is(err, plumbing.ErrObjectNotFound):
			missing.Err = err
		}
	}
	return nil, missing
}

func missingSubmodule(path string, commit plumbing.Hash) *MissingError {
	return &MissingError{
		Path: path, What: "submodule at commit " + commit.String(),
		Remedy: "get it with: git submodule update --init --recursive -- " + shellWord(path),
	}
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./+@%,=-]+$`)

// shellWord is a text quoted as one word of a shell.
func shellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// places are the places where the objects of a submodule may be: git's folder for this work tree, git's folder for the clone, and the
// submodule's own folder, which old versions of git used.
func (s *Snapshot) places(n item) ([]func() (*Repo, error), error) {
	name, err := s.nameOf(n)
	if err != nil {
		return nil, err
	}
	common, err := n.in.repo.commonDir()
	if err != nil {
		return nil, err
	}
	var places []func() (*Repo, error)
	if name != "" {
		for _, dir := range []string{n.in.repo.gitDir(), common} {
			places = append(places, func() (*Repo, error) {
				return openObjects(filepath.Join(dir, "modules", filepath.FromSlash(name)), n.in.repo)
			})
		}
	}
	checkout := filepath.Join(s.repo.root, filepath.FromSlash(n.path))
	return append(places, func() (*Repo, error) {
		if _, err := os.Lstat(filepath.Join(checkout, ".git")); err != nil {
			return nil, err
		}
		return Open(checkout, WithEnvironment(s.repo.getenv))
	}), nil
}

// nameOf is the name of a submodule in .gitmodules; "" if it has none. Names that git itself refuses are refused.
func (s *Snapshot) nameOf(n item) (string, error) {
	m := n.in
	if m.names == nil {
		m.names = map[string]string{}
		text, err := s.rootFile(m, ".gitmodules")
		if err != nil {
			return "", err
		}
		modules := gitconfig.NewModules()
		if err := modules.Unmarshal(text); err != nil {
			return "", fmt.Errorf("%s: %w", path.Join(m.at, ".gitmodules"), err)
		}
		for name, one := range modules.Submodules {
			one.URL = "unused" // Validate requires it
			if one.Validate() == nil && filepath.IsLocal(filepath.FromSlash(name)) {
				m.names[path.Clean(one.Path)] = name
			}
		}
	}
	return m.names[m.inside(n.path)], nil
}

// rootFile is a file at the root of a module; nil if it is missing, or not a file.
func (s *Snapshot) rootFile(m *module, name string) ([]byte, error) {
	return s.fileIn(m, object.TreeEntry{Hash: m.root, Mode: filemode.Dir}, name)
}

// fileIn is a file of a tree; nil if it is missing, or not a file. The caller holds the lock of objects.
func (s *Snapshot) fileIn(m *module, folder object.TreeEntry, name string) ([]byte, error) {
	entries, err := s.tree(m, folder.Hash)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name == name && e.Mode.IsRegular() {
			return m.repo.blob(e.Hash)
		}
	}
	return nil, nil
}

// openObjects opens a git folder only for its objects.
func openObjects(dir string, owner *Repo) (*Repo, error) {
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil {
		return nil, err
	}
	r := &Repo{root: dir, getenv: owner.getenv, completeCommits: map[plumbing.Hash]bool{}}
	if err := r.use(dir, nil); err != nil {
		return nil, err
	}
	return r, nil
}
