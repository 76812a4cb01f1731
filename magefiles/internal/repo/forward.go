package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
)

// FastForward brings the user's checkout to a later commit of its branch, as git merge --ff-only does: the files that differ, their entries in
// the index, and the branch. It does so only where HEAD is that branch, without commits of its own, and where none of these files is modified or
// staged otherwise. Else it leaves all as it is, and says why in a few words for the user: what was released is released anyhow, and git pull does the
// rest. why is "" if the checkout is at the new commit.
//
// from is the commit that the new one was made on; "" if nothing was made, and what an earlier run may have left is brought along: then a
// checkout that is on something else is left alone without a word.
//
// Files come first, then the index, then the branch. A kill in between leaves files or the index ahead, which git pull --ff-only takes, and
// the next FastForward finishes: what is at the new commit already counts as unmodified.
func (r *Repo) FastForward(ctx context.Context, branch, from, to string) (why string, err error) {
	if err := checkBranch(branch); err != nil {
		return "", err
	}
	r.objects.Lock()
	defer r.objects.Unlock()
	f := &forward{repo: r, name: headRef(branch), from: plumbing.NewHash(from), to: plumbing.NewHash(to)}
	if begins, err := f.begin(ctx, from == ""); err != nil || !begins {
		return "", err
	}
	if err := f.plan(ctx, f.from.String(), to); err != nil {
		return "", fmt.Errorf("fast-forward %s: %w", branch, err)
	}
	err = f.run()
	var left leftAlone
	if errors.As(err, &left) {
		return string(left), nil
	}
	if errors.Is(err, ErrLocked) {
		return err.Error(), nil
	}
	if err != nil {
		return "", fmt.Errorf("fast-forward %s: %w", branch, err)
	}
	return "", nil
}

// leftAlone is why the checkout is left as it is.
type leftAlone string

func (l leftAlone) Error() string { return string(l) }

func leave(format string, a ...any) error { return leftAlone(fmt.Sprintf(format, a...)) }

// forward is one run of FastForward.
type forward struct {
	repo     *Repo
	name     plumbing.ReferenceName
	from, to plumbing.Hash
	settings settings
	changes  []difference

	index  *indexFile
	at     plumbing.Hash // of the branch, which is from or to
	behind []difference  // whose files are to be written or deleted
}

// begin takes the commit that the branch is at for the first one, if the new one comes from it: others may have pushed before the run that this
// belongs to, or since one that was ended. It tells whether there is anything to do.
func (f *forward) begin(ctx context.Context, follows bool) (bool, error) {
	ref, err := f.repo.store.Reference(f.name)
	if err != nil {
		return !follows, nil // checkHead says what is wrong
	}
	at := ref.Hash()
	if at == f.to || at == f.from {
		return !follows, nil
	}
	behind, _, err := f.repo.reaches(ctx, f.to, at)
	if err != nil {
		return false, fmt.Errorf("fast-forward %s: %w", f.name.Short(), err)
	}
	if behind {
		f.from = at
	}
	if !follows {
		return true, nil
	}
	head, err := f.repo.store.Reference(plumbing.HEAD)
	return behind && err == nil && head.Target() == f.name, nil
}

// plan finds what differs.
func (f *forward) plan(ctx context.Context, from, to string) error {
	old, err := f.repo.commit(from)
	if err != nil {
		return err
	}
	now, err := f.repo.commit(to)
	if err != nil {
		return err
	}
	ok, _, err := f.repo.reaches(ctx, now.Hash, old.Hash)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%.12s does not follow %.12s", to, from)
	}
	if f.settings, err = f.repo.settings(); err != nil {
		return err
	}
	f.changes, err = f.repo.differences(old.TreeHash, now.TreeHash, "")
	return err
}

func (f *forward) run() error {
	gitDir := f.repo.gitDir()
	indexLock, err := lock(filepath.Join(gitDir, "index"), gitDir)
	if err != nil {
		return err
	}
	defer indexLock.release()
	refLock, err := f.repo.lockReference(f.name)
	if err != nil {
		return err
	}
	defer refLock.release()
	if err := f.checkHead(); err != nil {
		return err
	}
	changed, err := f.readIndex(indexLock.path)
	if err != nil {
		return err
	}
	if err := f.checkFiles(); err != nil {
		return err
	}
	for _, d := range f.behind {
		if err := f.bring(d); err != nil {
			return err
		}
	}
	if changed || len(f.behind) > 0 {
		if err := f.updateIndex(); err != nil {
			return err
		}
		if err := indexLock.replace(f.index.encode(), gitDir); err != nil {
			return err
		}
	}
	if f.at == f.to {
		return nil
	}
	return f.repo.move(refLock, f.name, f.from, f.to, "merge "+f.to.String()+": Fast-forward")
}

// operations are files that say that git is in the middle of something.
var operations = map[string]string{
	"MERGE_HEAD": "a merge", "CHERRY_PICK_HEAD": "a cherry-pick", "REVERT_HEAD": "a revert", "rebase-merge": "a rebase", "rebase-apply": "a rebase",
}

func (f *forward) checkHead() error {
	for name, what := range operations {
		if _, err := os.Lstat(filepath.Join(f.repo.gitDir(), name)); err == nil {
			return leave("%s is going on in it", what)
		}
	}
	head, err := f.repo.store.Reference(plumbing.HEAD)
	if err != nil {
		return fmt.Errorf("HEAD: %w", err)
	}
	if head.Type() != plumbing.SymbolicReference {
		return leave("HEAD is detached")
	}
	if head.Target() != f.name {
		return leave("it is on %s, not on %s", head.Target().Short(), f.name.Short())
	}
	ref, err := f.repo.store.Reference(f.name)
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if f.at = ref.Hash(); f.at != f.from && f.at != f.to {
		return leave("its %s is at %.12s, which the forge's does not come from", f.name.Short(), f.at)
	}
	if f.settings.autoCRLF {
		return leave("core.autocrlf turns line ends in it")
	}
	return nil
}

// readIndex reads the index and checks the entries of what differs. behind tells whether one is not at the new commit yet.
func (f *forward) readIndex(path string) (behind bool, err error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, leave("it has no index: git reset makes one")
	}
	if err != nil {
		return false, err
	}
	if f.index, err = parseIndex(raw); err != nil {
		return false, leave("its index: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	f.index.doubt(info.ModTime())
	for _, d := range f.changes {
		is, err := f.staged(d)
		if err != nil {
			return false, err
		}
		behind = behind || !is
	}
	return behind, nil
}

// updateIndex sets the entries of what differs to the new commit.
func (f *forward) updateIndex() error {
	var names []string
	for _, d := range f.changes {
		names = append(names, d.path)
		if err := f.index.set(f.repo.workPath(d.path), d); err != nil {
			return err
		}
	}
	f.index.forget(names)
	return nil
}
