package publish

import (
	"context"
	"fmt"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// stillRepo is a repository for several publications, all from one commit, however long they take. It checks each time whether the tree is
// clean, as the files are read at each build.
type stillRepo struct {
	Repo
	head func() (image.Commit, error) // the first commit

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

// Head refuses another commit than the first one: the versions are made from that, and the others were published from it.
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

// HeadMovedError says that the checkout moved to another commit while several containers were published.
type HeadMovedError struct{ From, To string }

func (e *HeadMovedError) Error() string {
	return fmt.Sprintf("the checkout moved from %.12s to %.12s during the run", e.From, e.To)
}

// Hint says what to do.
func (e *HeadMovedError) Hint() string {
	return "run the same command again: it finds the published images, and publishes the others from the new commit"
}
