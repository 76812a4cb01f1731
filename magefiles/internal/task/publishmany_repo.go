package task

import (
	"context"
	"fmt"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// stillRepo is a repository that several publications are made from: all of them of one commit, however long it takes. Whether the tree is
// clean is asked for each anew, as its files are read when it is built.
type stillRepo struct {
	Repo
	head func() (image.Commit, error) // as it was at first

	mu      sync.Mutex
	commits map[string]onBranch
}

type onBranch struct {
	ok     bool
	branch string
	err    error
}

func newStillRepo(r Repo) *stillRepo {
	return &stillRepo{Repo: r, head: sync.OnceValues(r.Head), commits: map[string]onBranch{}}
}

// Head refuses another commit than the first one: what the versions are made of, and what the others were published from.
func (r *stillRepo) Head() (image.Commit, error) {
	first, err := r.head()
	if err != nil {
		return first, err
	}
	now, err := r.Repo.Head()
	if err == nil && now.Hash != first.Hash {
		err = &HeadMovedError{From: first.Hash, To: now.Hash}
	}
	return first, err
}

// OnDefaultBranch asks the remote once for each commit.
func (r *stillRepo) OnDefaultBranch(ctx context.Context, hash string) (bool, string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.commits[hash]
	if !ok {
		found.ok, found.branch, found.err = r.Repo.OnDefaultBranch(ctx, hash)
		r.commits[hash] = found
	}
	return found.ok, found.branch, found.err
}

// HeadMovedError says that the checkout went to another commit while several containers were published.
type HeadMovedError struct{ From, To string }

func (e *HeadMovedError) Error() string {
	return fmt.Sprintf("the checkout was at %.12s when this began, and is at %.12s by now", e.From, e.To)
}

// Hint says what to do.
func (e *HeadMovedError) Hint() string {
	return "run it again: what was published is found, and the rest is published from where the checkout is then"
}
