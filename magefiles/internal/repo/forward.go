package repo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// FastForward moves the user's checkout to a later commit of its branch, like git merge --ff-only: the files that differ, their entries in the
// index, and the branch. It does so only if HEAD is that branch, without commits of its own, and if none of these files is modified or staged
// otherwise. Otherwise it changes nothing, and why says in a few words what prevented it: the release is done in any case, and git pull does the
// rest. why is "" if the checkout is at the new commit.
//
// from is the commit on which the new one was made; "" if no commit was made, and only the rest of an earlier run may be missing: then a
// checkout at another commit is silently left alone.
//
// git does the work, in a process group of its own: a kill of this program does not stop it halfway. Files and index come first, then the branch. A
// kill in between leaves files or the index ahead, and the next FastForward finishes the work: a file with the new content already counts as
// unmodified.
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
	if err := f.plan(ctx); err != nil {
		return "", fmt.Errorf("fast-forward %s: %w", branch, err)
	}
	err = f.run(context.WithoutCancel(ctx)) // some milliseconds, not interrupted
	var left leftAlone
	var failed *GitError
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &left):
		return string(left), nil
	case errors.As(err, &failed): // it has changed nothing; the rest of its message is advice
		first, _, _ := strings.Cut(failed.Stderr, "\n")
		return plain.Line(cmp.Or(first, failed.Error())), nil
	}
	return "", fmt.Errorf("fast-forward %s: %w", branch, err)
}

// leftAlone is the reason for not changing the checkout.
type leftAlone string

func (l leftAlone) Error() string { return string(l) }

func leaveAlone(format string, a ...any) error { return leftAlone(fmt.Sprintf(format, a...)) }

// forward is one run of FastForward.
type forward struct {
	repo     *Repo
	name     plumbing.ReferenceName
	from, to plumbing.Hash
	changes  map[string]difference

	git   gitCall
	at    plumbing.Hash // of the branch: from or to
	ahead []string      // files at the new commit while the index is not
}

// begin sets the branch's commit as the first one, if the new one comes from it: others may have pushed before this run, or since one that was
// ended. It reports whether there is anything to do.
func (f *forward) begin(ctx context.Context, follows bool) (bool, error) {
	ref, err := f.repo.store.Reference(f.name)
	if err != nil {
		return !follows, nil // checkHead reports the reason
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

// plan finds the files that differ.
func (f *forward) plan(ctx context.Context) error {
	old, err := f.repo.commit(f.from.String())
	if err != nil {
		return err
	}
	now, err := f.repo.commit(f.to.String())
	if err != nil {
		return err
	}
	ok, _, err := f.repo.reaches(ctx, now.Hash, old.Hash)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%.12s does not follow %.12s", f.to, f.from)
	}
	list, err := f.repo.differences(old.TreeHash, now.TreeHash, "")
	f.changes = map[string]difference{}
	for _, d := range list {
		f.changes[d.path] = d
	}
	return err
}

// lockPatience is the wait for another git's lock, which usually lasts a moment.
const lockPatience = time.Second

func (f *forward) run(ctx context.Context) error {
	common, err := f.repo.commonDir()
	if err != nil {
		return err
	}
	for _, file := range []string{filepath.Join(f.repo.gitDir(), "index"), filepath.Join(common, filepath.FromSlash(string(f.name)))} {
		if !waitForLock(file + ".lock") {
			return leaveAlone("another git process holds %s.lock: wait for it, or remove the file if no git process is running", file)
		}
	}
	if err := f.checkHead(); err != nil {
		return err
	}
	if f.git, err = f.repo.unfiltered(ctx); err != nil {
		return err
	}
	if err := f.checkFiles(ctx); err != nil {
		return err
	}
	if err := f.update(ctx); err != nil {
		return err
	}
	if f.at == f.to {
		return nil
	}
	return f.repo.setReference(f.name, f.from, f.to, "merge "+f.to.String()+": Fast-forward")
}

// waitForLock reports whether a lock is free, or becomes free.
func waitForLock(path string) bool {
	for end := time.Now().Add(lockPatience); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Lstat(path); err != nil {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// operations are files that show that git is in the middle of an operation.
var operations = map[string]string{
	"MERGE_HEAD": "a merge", "CHERRY_PICK_HEAD": "a cherry-pick", "REVERT_HEAD": "a revert", "rebase-merge": "a rebase", "rebase-apply": "a rebase",
}

func (f *forward) checkHead() error {
	for name, what := range operations {
		if _, err := os.Lstat(filepath.Join(f.repo.gitDir(), name)); err == nil {
			return leaveAlone("%s is in progress", what)
		}
	}
	head, err := f.repo.store.Reference(plumbing.HEAD)
	if err != nil {
		return fmt.Errorf("HEAD: %w", err)
	}
	if head.Type() != plumbing.SymbolicReference {
		return leaveAlone("HEAD is detached")
	}
	if head.Target() != f.name {
		return leaveAlone("the current branch is %s, not %s", head.Target().Short(), f.name.Short())
	}
	ref, err := f.repo.store.Reference(f.name)
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if f.at = ref.Hash(); f.at != f.from && f.at != f.to {
		return leaveAlone("its %s is at %.12s, which is not an ancestor of the forge's branch", f.name.Short(), f.at)
	}
	return nil
}

// maxArguments is the number of paths for one run of git, well below the limit of a command line.
const maxArguments = 200

// checkFiles looks for changes in the files that differ. A file that git status does not list is the same as in HEAD,
// or ignored.
func (f *forward) checkFiles(ctx context.Context) error {
	names := slices.Sorted(maps.Keys(f.changes)) // the first that differs is named
	paths := names
	if len(paths) > maxArguments {
		paths = nil // all
	}
	entries, err := f.git.status(ctx, paths, "--untracked-files=no")
	if err != nil {
		return err
	}
	listed := map[string]statusEntry{}
	for _, e := range entries {
		listed[e.path] = e
	}
	for _, name := range names {
		e, ok := listed[name]
		if !ok {
			e = statusEntry{index: '.', tree: '.'}
		}
		if err := f.checkFile(e, f.changes[name]); err != nil {
			return err
		}
	}
	return nil
}

func (f *forward) checkFile(e statusEntry, d difference) error {
	head := d.old
	if f.at == f.to {
		head = d.now
	}
	tracked := !head.Hash.IsZero()
	if e.index != '.' { // the index differs from HEAD
		tracked = e.index != 'D'
		if e.index == 'U' || tracked && !isEntry(e, d.old) && !isEntry(e, d.now) || !tracked && !d.old.Hash.IsZero() && !d.now.Hash.IsZero() {
			return leaveAlone("%s has staged changes", plain.Name(d.path))
		}
	}
	if _, err := os.Lstat(f.repo.workPath(d.path)); e.tree == '.' && (tracked || err != nil) {
		return nil
	}
	if !f.isNow(d) {
		return leaveAlone("%s has uncommitted changes", plain.Name(d.path))
	}
	f.ahead = append(f.ahead, d.path)
	return nil
}

func isEntry(e statusEntry, t object.TreeEntry) bool {
	return e.hash == t.Hash.String() && e.mode == fmt.Sprintf("%06o", uint32(normal(t.Mode)))
}

// normal is a tree's mode in the index's form: very old trees hold group-writable files.
func normal(m filemode.FileMode) filemode.FileMode {
	if m == filemode.Deprecated {
		return filemode.Regular
	}
	return m
}

// isNow reports whether a file of the work tree is at the new commit: a regular file with its content, or missing.
func (f *forward) isNow(d difference) bool {
	info, err := os.Lstat(f.repo.workPath(d.path))
	if d.now.Hash.IsZero() {
		return err != nil
	}
	if err != nil || !info.Mode().IsRegular() || (info.Mode()&0o100 != 0) != (d.now.Mode == filemode.Executable) {
		return false
	}
	content, err := os.ReadFile(f.repo.workPath(d.path))
	return err == nil && plumbing.ComputeHash(plumbing.BlobObject, content) == d.now.Hash
}

// update has git write files and index: all of them, or none if a file has changes that would be lost.
func (f *forward) update(ctx context.Context) error {
	write := f.git
	write.writes = true
	if len(f.ahead) > 0 {
		add := write
		add.stdin = strings.Join(f.ahead, "\x00")
		if _, err := add.run(ctx, "update-index", "-z", "--add", "--remove", "--stdin"); err != nil {
			return err
		}
	}
	_, err := write.run(ctx, "read-tree", "-m", "-u", f.from.String(), f.to.String())
	return err
}
