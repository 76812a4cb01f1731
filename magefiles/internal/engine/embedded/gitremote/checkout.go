package gitremote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// Wanted is the part of a repository that a checkout has.
type Wanted struct {
	Ref   Ref
	Depth int    // number of commits of the history; 0 and less for all
	Tags  string // all tags, as Refs.TagsKey names them; "" for none
	Git   bool   // the folder .git
}

// key names the wanted files in a cache.
func (w Wanted) key() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %s %t", w.Ref.Name, w.Depth, w.Tags, w.Git))
	return w.Ref.SHA + "-" + hex.EncodeToString(sum[:6])
}

// Store keeps the objects of remotes, and the files of their checkouts, in a folder that only this user can read.
type Store struct{ Dir string }

// Ages after which something unused is removed.
const (
	checkoutAge = 48 * time.Hour
	mirrorAge   = 30 * 24 * time.Hour
)

// Checkout returns a folder with the files of a commit, which the caller must not change. A commit that was fetched before is not fetched again.
func (s Store) Checkout(ctx context.Context, r Remote, w Wanted) (string, error) {
	m, unlock, err := s.open(ctx, r)
	if err != nil {
		return "", err
	}
	defer unlock()
	trees := filepath.Join(m.dir, "trees")
	if err := os.MkdirAll(trees, 0o700); err != nil {
		return "", err
	}
	now := time.Now()
	tree := filepath.Join(trees, w.key())
	used := tree + ".used"
	_, err = os.Stat(tree)
	if errors.Is(err, fs.ErrNotExist) {
		err = m.checkOut(ctx, w, tree)
	}
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(used, nil, 0o600); err != nil {
		return "", err
	}
	if err := os.Chtimes(used, now, now); err != nil {
		return "", err
	}
	s.sweep(m.dir, now)
	return tree, nil
}

func nameOf(address string) string {
	sum := sha256.Sum256([]byte(address))
	return hex.EncodeToString(sum[:16])
}

// sweep removes checkouts of the mirror, and other mirrors, that were not used for long. What cannot be removed stays until the next time.
func (s Store) sweep(current string, now time.Time) {
	removeTrees(current, now.Add(-checkoutAge))
	_ = os.Chtimes(filepath.Join(current, "lock"), now, now)
	s.removeMirrors(now.Add(-mirrorAge))
}

// inUse is how long a session may still read a checkout.
const inUse = time.Hour

// Prune removes everything that was not used in the last hour, and returns the number of freed bytes.
func (s Store) Prune() int64 {
	before := sizeOf(s.Dir)
	s.removeMirrors(time.Now().Add(-inUse))
	return before - sizeOf(s.Dir)
}

func sizeOf(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error { // what is missing has no size
		if err != nil {
			return nil
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}

// removeTrees removes the checkouts of a mirror that were last used before a time.
func removeTrees(mirror string, before time.Time) {
	uses, _ := filepath.Glob(filepath.Join(mirror, "trees", "*.used"))
	for _, used := range uses {
		if info, err := os.Stat(used); err == nil && info.ModTime().Before(before) {
			_ = os.RemoveAll(strings.TrimSuffix(used, ".used"))
			_ = os.Remove(used)
		}
	}
}

// removeMirrors removes the mirrors that were last used before a time and are not in use.
func (s Store) removeMirrors(before time.Time) {
	locks, _ := filepath.Glob(filepath.Join(s.Dir, "*", "lock"))
	for _, path := range locks {
		info, err := os.Stat(path)
		if err != nil || !info.ModTime().Before(before) {
			continue
		}
		lock := flock.New(path)
		if held, err := lock.TryLock(); err == nil && held {
			_ = os.RemoveAll(filepath.Dir(path))
			_ = lock.Unlock()
		}
	}
}

// CommonAncestor is the best common ancestor of two commits, which may be in different repositories.
func (s Store) CommonAncestor(ctx context.Context, r Remote, one Ref, otherRemote Remote, other Ref) (string, error) {
	m, unlock, err := s.open(ctx, r)
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := m.fetch(ctx, Wanted{Ref: one}); err != nil {
		return "", err
	}
	if err := (mirror{remote: otherRemote, dir: m.dir}).fetch(ctx, Wanted{Ref: other}); err != nil {
		return "", err
	}
	out, err := m.git(ctx, "merge-base", one.SHA, other.SHA)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return "", fmt.Errorf("%s and %s have no common ancestor", one.SHA, other.SHA)
	}
	return strings.TrimSpace(out), err
}

// open is the mirror of a remote. Nobody else uses it until it is unlocked.
func (s Store) open(ctx context.Context, r Remote) (m mirror, unlock func(), err error) {
	m = mirror{remote: r, dir: filepath.Join(s.Dir, nameOf(r.URL))}
	for {
		if err := os.MkdirAll(m.dir, 0o700); err != nil {
			return m, nil, err
		}
		lock := flock.New(filepath.Join(m.dir, "lock"))
		_, err := lock.TryLockContext(ctx, 50*time.Millisecond)
		if err == nil && current(lock) {
			return m, func() { _ = lock.Unlock() }, nil // closing the file unlocks it too
		}
		_ = lock.Unlock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return m, nil, fmt.Errorf("lock %s: %w", m.dir, err)
		}
	}
}

// current reports whether the locked file is still at its path: somebody may have removed the mirror in the meantime.
func current(lock *flock.Flock) bool {
	locked, err := lock.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(locked, now)
}

// mirror is a bare repository with everything that was fetched from a remote.
type mirror struct {
	remote Remote
	dir    string
}

func (m mirror) bare() string { return filepath.Join(m.dir, "repository.git") }

// git runs git on the mirror.
func (m mirror) git(ctx context.Context, args ...string) (string, error) {
	return m.remote.run(ctx, m.dir, append([]string{"--git-dir=" + m.bare()}, args...)...)
}

func (m mirror) checkOut(ctx context.Context, w Wanted, tree string) error {
	source := m.remote.URL
	if !filepath.IsAbs(source) {
		if err := m.fetch(ctx, w); err != nil {
			return err
		}
		source = m.bare()
	}
	made, err := scratch.Make(filepath.Dir(tree), ".checkout-")
	if err != nil {
		return err
	}
	defer func() { _ = made.Remove() }() // scratch removes it later
	if err := m.remote.layOut(ctx, source, w, filepath.Join(made.Path, "tree")); err != nil {
		return err
	}
	return os.Rename(filepath.Join(made.Path, "tree"), tree)
}

// fetch fetches the commit, unless the mirror has it with enough of its history.
func (m mirror) fetch(ctx context.Context, w Wanted) error {
	if err := m.ready(ctx, w.Ref.SHA); err != nil {
		return err
	}
	if w.Tags != "" {
		if err := m.fetchRefs(ctx, w.Depth, "+"+tags+"*:"+tags+"*", "--prune"); err != nil {
			return err
		}
	}
	if m.has(ctx, w) {
		return nil
	}
	err := m.fetchRefs(ctx, w.Depth, "+"+w.Ref.SHA+":refs/fetched/"+w.Ref.SHA)
	if errors.Is(err, ErrSHAUnsupported) && w.Ref.Name != "" {
		err = m.fetchRefs(ctx, w.Depth, "+"+w.Ref.Name+":refs/named/"+nameOf(w.Ref.Name))
		if err == nil && !m.hasCommit(ctx, w.Ref.SHA) {
			err = &Error{ErrSHAUnsupported} // the reference has moved since
		}
	}
	if err != nil {
		return fmt.Errorf("failed to fetch remote %s: %w", m.remote.URL, err)
	}
	return nil
}

// ready makes the repository, in one step, or removes the locks of a git that was killed: nobody else uses it.
func (m mirror) ready(ctx context.Context, sha string) error {
	if _, err := os.Stat(m.bare()); errors.Is(err, fs.ErrNotExist) {
		made, err := scratch.Make(m.dir, ".init-")
		if err != nil {
			return err
		}
		defer func() { _ = made.Remove() }() // scratch removes it later
		dir := filepath.Join(made.Path, "repository.git")
		if _, err := m.remote.run(ctx, m.dir, "init", "--quiet", "--bare", format(sha), dir); err != nil {
			return err
		}
		return os.Rename(dir, m.bare())
	}
	return filepath.WalkDir(m.bare(), func(file string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case file == filepath.Join(m.bare(), "objects"):
			return fs.SkipDir
		case strings.HasSuffix(file, ".lock"):
			return os.Remove(file)
		}
		return nil
	})
}

func (m mirror) hasCommit(ctx context.Context, sha string) bool {
	_, err := m.git(ctx, "cat-file", "-e", sha+"^{commit}")
	return err == nil
}

func (m mirror) has(ctx context.Context, w Wanted) bool {
	if !m.hasCommit(ctx, w.Ref.SHA) {
		return false
	}
	if !m.shallow() {
		return true
	}
	if w.Depth <= 0 {
		return false
	}
	out, err := m.git(ctx, "rev-list", "--first-parent", "--count", w.Ref.SHA)
	if err != nil {
		return false
	}
	n, err := strconv.Atoi(strings.TrimSpace(out))
	return err == nil && n >= w.Depth
}

func (m mirror) shallow() bool {
	_, err := os.Stat(filepath.Join(m.bare(), "shallow"))
	return err == nil
}

func (m mirror) fetchRefs(ctx context.Context, depth int, spec string, options ...string) error {
	args := append([]string{"fetch", "--quiet", "--no-tags", "--update-head-ok", "--no-write-fetch-head"}, options...)
	whole := args
	switch {
	case depth > 0:
		args = append(args, "--depth="+strconv.Itoa(depth))
	case m.shallow():
		args = append(args, "--unshallow")
	}
	_, err := m.git(ctx, append(args, "--", m.remote.URL, spec)...)
	if errors.Is(err, errNoShallow) {
		_, err = m.git(ctx, append(whole, "--", m.remote.URL, spec)...)
	}
	return err
}

// layOut makes a repository with the wanted commit, as Dagger does: the branch is checked out under its name.
func (r Remote) layOut(ctx context.Context, source string, w Wanted, tree string) error {
	git := func(args ...string) error {
		_, err := r.run(ctx, tree, args...)
		return err
	}
	if _, err := r.run(ctx, filepath.Dir(tree), "-c", "init.defaultBranch=main", "init", "--quiet", format(w.Ref.SHA), tree); err != nil {
		return err
	}
	const temporary = "refs/blumeops.tmp/checkout"
	fetch := []string{"fetch", "--quiet", "--no-tags", "--update-head-ok", "--no-write-fetch-head"}
	if w.Depth > 0 {
		fetch = append(fetch, "--depth="+strconv.Itoa(w.Depth))
	}
	specs := []string{"+" + w.Ref.SHA + ":" + temporary}
	if w.Tags != "" {
		specs = append(specs, "+"+tags+"*:"+tags+"*")
	}
	steps := [][]string{append(append(fetch, "--", "file://"+source), specs...)}
	if w.Ref.Name != "" && w.Ref.Name != "HEAD" { // the HEAD of a server may be a commit
		steps = append(steps, []string{"update-ref", w.Ref.Name, w.Ref.SHA})
	}
	if strings.HasPrefix(w.Ref.Name, heads) { // git checkout reads a name such as HEAD or -x in another way
		steps = append(steps, []string{"symbolic-ref", "HEAD", w.Ref.Name})
	} else {
		steps = append(steps, []string{"update-ref", "--no-deref", "HEAD", w.Ref.SHA})
	}
	steps = append(steps, []string{"read-tree", "--reset", "-u", "HEAD"}, []string{"update-ref", "-d", temporary})
	if !filepath.IsAbs(r.URL) {
		steps = append(steps, []string{"remote", "add", "origin", r.URL})
	}
	steps = append(steps, []string{"reflog", "expire", "--all", "--expire=now"}, []string{"submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"})
	for _, step := range steps {
		if err := git(step...); err != nil {
			return err
		}
	}
	if w.Git {
		return nil
	}
	return os.RemoveAll(filepath.Join(tree, ".git"))
}

// format is the option for the kind of hashes that a repository uses.
func format(sha string) string {
	if len(sha) == 64 {
		return "--object-format=sha256"
	}
	return "--object-format=sha1"
}
