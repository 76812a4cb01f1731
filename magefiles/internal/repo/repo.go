// Package repo reads the git checkout: what HEAD is, what differs from it, where it came from, and whether a commit is on the default branch.
// And it releases from it: a commit made of another one's tree and the changed paths, a tag, a push of both in one step.
//
// Objects, references and the index are go-git's. The comparison with the work tree is our own: go-git's Status (v5.19.3) walks ignored folders,
// and does not know the default excludes file, the common folder's info/exclude of linked work trees, or half of gitignore's
// patterns, so that it calls clean trees dirty.
package repo

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-git/go-billy/v5"
	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

var (
	// ErrNoRepository: there is no checkout at the folder or above it.
	ErrNoRepository = errors.New("no git checkout")
	// ErrNoCommit: the branch has no commit yet.
	ErrNoCommit = errors.New("no commit yet")
	// ErrUnknownCommit: the commit is not in this clone.
	ErrUnknownCommit = errors.New("unknown commit")
	// ErrShallow: the clone's history is cut off, before the answer was found.
	ErrShallow = errors.New("the clone is shallow")
	// ErrNoDefaultBranch: the remote's default branch is not known to this clone.
	ErrNoDefaultBranch = errors.New("default branch not known")
)

// Repo is an opened checkout. Its methods read the files anew each time and may be called side by side.
type Repo struct {
	git       *git.Repository
	store     *store
	root      string // of the work tree, absolute
	getenv    func(string) string
	packsOpen bool // until Close

	objects sync.Mutex             // go-git's object store bears one user at a time
	whole   map[plumbing.Hash]bool // commits that were fetched or pushed, with all that they lead to; the lock of objects guards it
}

// Commit is what HEAD names.
type Commit struct {
	Hash string
	Time time.Time // of the committer
}

// Option changes how a checkout is read.
type Option func(*Repo)

// WithEnvironment looks up HOME, XDG_CONFIG_HOME and the GIT_CONFIG_* variables with getenv, so that the user's and the system's git
// configuration (core.excludesFile and others) count. Without it only the checkout's own does.
func WithEnvironment(getenv func(string) string) Option {
	return func(r *Repo) { r.getenv = getenv }
}

// Open opens the checkout that dir lies in, be it a clone or a linked work tree.
func Open(dir string, options ...Option) (*Repo, error) {
	g, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	switch {
	case errors.Is(err, git.ErrRepositoryNotExists):
		return nil, fmt.Errorf("%s: %w: run this in a clone of the repository", dir, ErrNoRepository)
	case errors.Is(err, git.ErrUnknownExtension), errors.Is(err, git.ErrUnsupportedExtensionRepositoryFormatVersion):
		return nil, fmt.Errorf("%s: %w: go-git reads no sparse or partial clones: run this in a plain one", dir, err)
	case err != nil:
		return nil, fmt.Errorf("%s: open git checkout: %w", dir, err)
	}
	tree, err := g.Worktree()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: it is a bare repository: run this in a clone of it", dir, ErrNoRepository)
	}
	root, err := filepath.Abs(tree.Filesystem.Root())
	if err != nil {
		return nil, err
	}
	r := &Repo{root: root, getenv: func(string) string { return "" }, whole: map[plumbing.Hash]bool{}}
	for _, o := range options {
		o(r)
	}
	if err := r.use(g, tree.Filesystem); err != nil {
		return nil, err
	}
	return r, nil
}

// use reads the objects and references of what go-git opened, by a store of our own. tree is nil where there is no work tree.
func (r *Repo) use(opened *git.Repository, tree billy.Filesystem) (err error) {
	plain, ok := opened.Storer.(*filesystem.Storage)
	if !ok {
		return fmt.Errorf("%s: unexpected git storage %T", r.root, opened.Storer)
	}
	r.store = newStore(plain.Filesystem(), filesystem.Options{KeepDescriptors: r.packsOpen})
	if r.git, err = git.Open(r.store, tree); err != nil {
		return fmt.Errorf("%s: open git checkout: %w", r.root, err)
	}
	return nil
}

// Root is the work tree's folder, absolute.
func (r *Repo) Root() string { return r.root }

// Head is the commit that is checked out.
func (r *Repo) Head() (Commit, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	ref, err := r.git.Head()
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return Commit{}, fmt.Errorf("%s: %w: make one first", r.root, ErrNoCommit)
	}
	if err != nil {
		return Commit{}, fmt.Errorf("%s: HEAD: %w", r.root, err)
	}
	c, err := r.git.CommitObject(ref.Hash())
	if err != nil {
		return Commit{}, fmt.Errorf("%s: HEAD %s: %w", r.root, ref.Hash(), err)
	}
	return Commit{Hash: c.Hash.String(), Time: c.Committer.When}, nil
}
