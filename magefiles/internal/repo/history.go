package repo

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// OnDefaultBranch reports whether the commit is on the remote's default branch, as far as this clone knows, and that branch's
// name: the branch that the remote's HEAD names, else its main, else its master; without a remote the local main or master.
func (r *Repo) OnDefaultBranch(ctx context.Context, hash string) (ok bool, branch string, err error) {
	if !plumbing.IsHash(hash) {
		return false, "", fmt.Errorf("%q: %w: expected its full hash", hash, ErrUnknownCommit)
	}
	r.objects.Lock()
	defer r.objects.Unlock()
	wanted := plumbing.NewHash(hash)
	ref, branch, err := r.defaultBranch()
	if err != nil {
		return false, "", err
	}
	if _, err := r.git.CommitObject(wanted); err != nil {
		return false, branch, fmt.Errorf("%s: %w in this clone", hash, ErrUnknownCommit)
	}
	ok, cut, err := r.reaches(ctx, ref.Hash(), wanted)
	switch {
	case err != nil:
		return false, branch, fmt.Errorf("history of %s: %w", branch, err)
	case !ok && cut:
		return false, branch, fmt.Errorf("%w: its history of %s ends before %.12s is found: run git fetch --unshallow, or check out with fetch-depth: 0",
			ErrShallow, branch, hash)
	}
	return ok, branch, nil
}

// defaultBranch is the reference of the default branch, and the branch's bare name.
func (r *Repo) defaultBranch() (*plumbing.Reference, string, error) {
	remotes, err := r.git.Remotes()
	if err != nil {
		return nil, "", err
	}
	if len(remotes) == 0 {
		return r.firstOf("refs/heads/", "the clone has no remote, and no branch main or master: rename the default branch to main")
	}
	name := r.remoteName()
	if name == "" {
		return nil, "", fmt.Errorf("%w: none of the %d remotes is named origin: rename the right one to origin", ErrNoDefaultBranch, len(remotes))
	}
	prefix := "refs/remotes/" + name + "/"
	if head, err := r.store.Reference(plumbing.ReferenceName(prefix + "HEAD")); err == nil && head.Type() == plumbing.SymbolicReference {
		if ref, err := r.git.Reference(head.Target(), true); err == nil {
			return ref, shortName(head.Target(), prefix), nil
		}
	}
	return r.firstOf(prefix, fmt.Sprintf("this clone has no branch of %s: run git fetch %s, and git remote set-head %s --auto", name, name, name))
}

func shortName(ref plumbing.ReferenceName, prefix string) string {
	if s := string(ref); len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):]
	}
	return ref.Short()
}

func (r *Repo) firstOf(prefix, problem string) (*plumbing.Reference, string, error) {
	for _, branch := range []string{"main", "master"} {
		if ref, err := r.git.Reference(plumbing.ReferenceName(prefix+branch), true); err == nil {
			return ref, branch, nil
		}
	}
	return nil, "", fmt.Errorf("%w: %s", ErrNoDefaultBranch, problem)
}

// reaches walks from tip to its ancestors, nearest first, until it finds wanted. cut reports whether some history was missing (a
// shallow clone).
func (r *Repo) reaches(ctx context.Context, tip, wanted plumbing.Hash) (found, cut bool, err error) {
	cut, err = r.ancestors(ctx, []plumbing.Hash{tip}, func(h plumbing.Hash) bool {
		found = h == wanted
		return !found
	})
	return found, cut, err
}

// ancestors visits commits and all their ancestors, each once, until visit returns false. cut reports whether the history of a shallow
// clone ended before that. The caller holds the lock of objects.
func (r *Repo) ancestors(ctx context.Context, tips []plumbing.Hash, visit func(plumbing.Hash) bool) (cut bool, err error) {
	shallow, err := r.store.Shallow()
	if err != nil {
		return false, err
	}
	ends := map[plumbing.Hash]bool{}
	for _, h := range shallow {
		ends[h] = true
	}
	seen := map[plumbing.Hash]bool{}
	for queue := tips; len(queue) > 0; queue = queue[1:] {
		h := queue[0]
		if seen[h] {
			continue
		}
		seen[h] = true
		if !visit(h) {
			return cut, nil
		}
		if ctx.Err() != nil {
			return cut, context.Cause(ctx)
		}
		if ends[h] {
			cut = true
			continue
		}
		c, err := r.git.CommitObject(h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			return cut, fmt.Errorf("commit %s is missing: run git fetch, or clone again", h)
		}
		if err != nil {
			return cut, err
		}
		queue = append(queue, c.ParentHashes...)
	}
	return cut, nil
}

// Contains reports whether a commit is another one, or has it among its ancestors. ErrShallow if the clone's history is too short to tell.
func (r *Repo) Contains(ctx context.Context, commit, ancestor string) (bool, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	tip, err := r.commit(commit)
	if err != nil {
		return false, err
	}
	if !plumbing.IsHash(ancestor) {
		return false, fmt.Errorf("%q: %w: expected its full hash", ancestor, ErrUnknownCommit)
	}
	ok, cut, err := r.reaches(ctx, tip.Hash, plumbing.NewHash(ancestor))
	if err == nil && !ok && cut {
		err = fmt.Errorf("%w: the history of %.12s ends before %.12s is found: run git fetch --unshallow, or check out with fetch-depth: 0",
			ErrShallow, commit, ancestor)
	}
	return ok, err
}
