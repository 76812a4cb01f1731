package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// setReference moves a branch, tag or tracking branch from one value to another, as git does: under its lock, by a rename, and with a line in its
// log. go-git v5 writes in place and knows no lock, so that a kill could leave an empty reference. old is zero for one that is
// new. Another value than old is ErrMoved. The caller holds the lock of objects.
func (r *Repo) setReference(name plumbing.ReferenceName, old, now plumbing.Hash, log string) error {
	lock, err := r.lockReference(name)
	if err != nil {
		return err
	}
	defer lock.release()
	if err := r.expect(name, old); err != nil {
		return err
	}
	return r.move(lock, name, old, now, log)
}

func (r *Repo) expect(name plumbing.ReferenceName, want plumbing.Hash) error {
	var have plumbing.Hash
	ref, err := r.store.Reference(name)
	switch {
	case err == nil && ref.Type() != plumbing.HashReference:
		return fmt.Errorf("%s: %w: it names another reference", name, ErrMoved)
	case err == nil:
		have = ref.Hash()
	case !errors.Is(err, plumbing.ErrReferenceNotFound):
		return fmt.Errorf("%s: %w", name, err)
	}
	if have != want {
		return fmt.Errorf("%s: %w: expected %.12s, found %.12s", name, ErrMoved, want, have)
	}
	return nil
}

// newReference makes a reference that must not be there, in one step and without a lock that a kill could leave.
func (r *Repo) newReference(name plumbing.ReferenceName, value plumbing.Hash) (err error) {
	if err := r.expect(name, plumbing.ZeroHash); err != nil {
		return err
	}
	common, err := r.commonDir()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(common, "blumeops-new-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.WriteString(value.String() + "\n")
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil { // #nosec G302 -- as git has it
		return err
	}
	path := filepath.Join(common, filepath.FromSlash(string(name)))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil { // #nosec G301 -- the umask decides, as with git
		return err
	}
	return os.Link(f.Name(), path)
}

// refLockPatience is how long a reference's lock is waited for. git waits too (core.filesRefLockTimeout): another git that packs references holds
// each lock for a moment.
const refLockPatience = time.Second

// lockReference takes git's lock of a reference.
func (r *Repo) lockReference(name plumbing.ReferenceName) (*lockFile, error) {
	common, err := r.commonDir()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(common, filepath.FromSlash(string(name)))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil { // #nosec G301 -- the umask decides, as with git
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for end := time.Now().Add(refLockPatience); ; time.Sleep(10 * time.Millisecond) {
		l, err := lock(path, common)
		if !errors.Is(err, ErrLocked) || time.Now().After(end) {
			return l, err
		}
	}
}

// move writes a locked reference, and its log before: a log may run ahead, and must not lag.
func (r *Repo) move(l *lockFile, name plumbing.ReferenceName, old, now plumbing.Hash, log string) error {
	common, err := r.commonDir()
	if err != nil {
		return err
	}
	if err := r.logReference(name, old, now, log); err != nil {
		return fmt.Errorf("%s: log: %w", name, err)
	}
	if err := l.replace([]byte(now.String()+"\n"), common); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// logReference adds a line to a reference's log, and to that of HEAD where that is on it. Logs that git does not keep are not begun,
// but for those of branches (core.logAllRefUpdates).
func (r *Repo) logReference(name plumbing.ReferenceName, old, now plumbing.Hash, message string) error {
	common, err := r.commonDir()
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%s %s %s\t%s\n", old, now, r.identity(), strings.ReplaceAll(message, "\n", " "))
	log := filepath.Join(common, "logs", filepath.FromSlash(string(name)))
	if err := appendLog(log, line, !name.IsTag()); err != nil {
		return err
	}
	head, err := r.store.Reference(plumbing.HEAD)
	if err != nil || head.Target() != name {
		return nil //nolint:nilerr // no HEAD, no log of it
	}
	return appendLog(filepath.Join(r.gitDir(), "logs", "HEAD"), line, true)
}

func appendLog(path, line string, begin bool) error {
	flags := os.O_APPEND | os.O_WRONLY
	if begin {
		flags |= os.O_CREATE
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil { // #nosec G301 -- the umask decides, as with git
			return err
		}
	}
	f, err := os.OpenFile(path, flags, 0o666) // #nosec G302 -- the umask decides, as with git
	if errors.Is(err, fs.ErrNotExist) && !begin {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}
