// Package repo reads the git checkout: the commit of HEAD, the changes against it, its remote, and whether a commit is on the default branch.
// And it releases from it: a commit made from another one's tree and the changed paths, a tag, a push of both in one step.
//
// go-git handles objects, references and the remote. The git command, prevented from running other programs, handles the working tree, the
// index, ignore rules and attributes: docs/decisions/git-command.md says why.
package repo

import (
	"errors"
	"fmt"
	"sync"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

var (
	// ErrNoRepository: there is no checkout in the folder or above it.
	ErrNoRepository = errors.New("no git checkout")
	// ErrNoCommit: the branch has no commit yet.
	ErrNoCommit = errors.New("no commit yet")
	// ErrUnknownCommit: the commit is not in this clone.
	ErrUnknownCommit = errors.New("unknown commit")
	// ErrShallow: the clone's history is cut off before the answer.
	ErrShallow = errors.New("the clone is shallow")
	// ErrNoDefaultBranch: this clone does not know the remote's default branch.
	ErrNoDefaultBranch = errors.New("unknown default branch")
)

// Repo is an opened checkout. Its methods read the files again each time and may be called concurrently.
type Repo struct {
	git       *git.Repository
	store     *store
	root      string // of the work tree, absolute
	getenv    func(string) string
	packsOpen bool     // until Close
	missing   []string // folders of borrowed objects that do not exist

	objects         sync.Mutex             // go-git's object store is not safe for concurrent use
	completeCommits map[plumbing.Hash]bool // commits that were fetched or pushed, with all their objects; the lock of objects guards it
}

// Commit is the commit of HEAD.
type Commit = image.Commit

// Option changes how a checkout is read.
type Option func(*Repo)

// WithEnvironment looks up HOME, XDG_CONFIG_HOME and the variables that name configuration files with getenv, so that the user's and the system's
// git configuration (core.excludesFile and others) count. Without it only the checkout's own counts.
func WithEnvironment(getenv func(string) string) Option {
	return func(r *Repo) { r.getenv = getenv }
}

// Open opens the checkout that contains dir, a clone or a linked work tree.
func Open(dir string, options ...Option) (*Repo, error) {
	root, gitDir, err := findGit(dir)
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fmt.Errorf("%s: %w: run this in a clone of the repository", dir, ErrNoRepository)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: open git checkout: %w", dir, err)
	}
	r := &Repo{root: root, getenv: func(string) string { return "" }, completeCommits: map[plumbing.Hash]bool{}}
	for _, o := range options {
		o(r)
	}
	if err := r.use(gitDir, osfs.New(root)); err != nil {
		return nil, err
	}
	if err := r.refuseSparse(); err != nil {
		return nil, err
	}
	return r, nil
}

// use reads the objects and references of a git folder, with our own store. tree is nil without a work tree.
func (r *Repo) use(gitDir string, tree billy.Filesystem) error {
	files, missing, err := filesOf(gitDir)
	if err != nil {
		return fmt.Errorf("%s: open git checkout: %w", r.root, err)
	}
	r.store, r.missing = newStore(files, filesystem.Options{KeepDescriptors: r.packsOpen}), missing
	if r.git, err = git.Open(r.store, tree); err != nil {
		return fmt.Errorf("%s: open git checkout: %w", r.root, unsupported(err))
	}
	return nil
}

// Head is the commit of HEAD.
func (r *Repo) Head() (Commit, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	ref, err := r.git.Head()
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return Commit{}, fmt.Errorf("%s: %w: create a commit first", r.root, ErrNoCommit)
	}
	if err != nil {
		return Commit{}, fmt.Errorf("%s: HEAD: %w", r.root, err)
	}
	c, err := r.git.CommitObject(ref.Hash())
	if err != nil {
		return Commit{}, fmt.Errorf("%s: HEAD %s: %w", r.root, ref.Hash(), r.explainMissing(err))
	}
	return Commit{Hash: c.Hash.String(), Time: c.Committer.When}, nil
}
