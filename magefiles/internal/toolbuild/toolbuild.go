// Package toolbuild builds third-party programs from source: from modules in this repository that have their own go.mod and go.sum. So every build
// is pinned by hash, and the project's own go.mod does not contain their dependencies. The module archive that the go command downloads omits
// such modules. So each owner embeds an archive of them, which command archive writes.
//
// An executable is named NAME-KEY after the content that it is built from, and kept in a folder outside the clone. So clones share equal
// executables, and a change of the module gives another executable. Each is built once per machine.
package toolbuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Program is an executable that is built from a pinned module.
type Program struct {
	Name    string // of the executable
	Title   string // for people
	Dir     string // folder of the pinned module, absolute or relative to Builder.Sources
	Package string // to build: an import path, or "." for the module's own
	Module  string // defines the program's version: a module that the pinned module requires
	Tags    string // build tags, in go build's format
	CGO     bool   // needs a C compiler; without it, the user's go command decides about cgo
	Seconds int    // approximate build time on two cores with empty caches

	// Stamp are values of package variables that are set at link time, by the variables' full names. In the values {version} is replaced by the
	// version of Module, {number} by the same without its v, and {key} by the key of the content.
	Stamp map[string]string

	// Patch are changes of the modules' sources. The module cache is not changed.
	Patch []Patch
}

// Patch replaces a text in a file of a module, if the program has no setting for it. The text must occur once, so that a newer version of the
// module is reviewed again.
type Patch struct {
	Module   string // as in go.mod
	File     string // slash path in the module
	Old, New string
}

// Builder builds programs and keeps their executables.
type Builder struct {
	Sources string       // folder that Program.Dir is relative to; "" is the folder of the unpacked archive
	Archive string       // of that folder, as command archive writes it
	Bin     string       // folder of the executables; created if necessary, only for this user
	Log     func(string) // receives one line of progress each; nil: none
}

// Build returns the path of the executable. It returns immediately if the executable is kept; otherwise it builds under a lock, so that several
// processes may call it at the same time. Programs of one module wait for each other: they share packages, which are then compiled only once. An
// interrupted build leaves nothing that looks like a program.
func (b Builder) Build(ctx context.Context, p Program) (path string, err error) {
	s, err := b.Inspect(p)
	if err != nil {
		return "", err
	}
	if s.Kept {
		return s.Path, touch(s.Path)
	}
	if err := os.MkdirAll(b.Bin, 0o700); err != nil {
		return "", fmt.Errorf("folder of built programs: %w", err)
	}
	unlock, err := b.lock(ctx, s)
	if err != nil {
		return "", err
	}
	defer unlock()
	if isBuilt(s.Path) { // now built by the last holder of the lock
		return s.Path, nil
	}
	if err := b.build(ctx, s); err != nil {
		return "", fmt.Errorf("build %s: %w", s.Label(), err)
	}
	return s.Path, nil
}

// Built reports whether Build would return immediately.
func (b Builder) Built(p Program) (bool, error) {
	s, err := b.Inspect(p)
	return s.Kept, err
}

// lockRetry is how often a waiting build checks whether the lock is free.
const lockRetry = 100 * time.Millisecond

// lock keeps others from building programs of the module. The file stays: if it were removed, two processes could hold the lock.
func (b Builder) lock(ctx context.Context, s State) (unlock func(), err error) {
	path := filepath.Join(b.Bin, filepath.Base(s.dir)+".lock")
	l := flock.New(path)
	ok, err := l.TryLock()
	if err == nil && !ok {
		b.logf("another run is building %s, or a program that shares packages with it; waiting for it", s.Label())
		ok, err = l.TryLockContext(ctx, lockRetry)
	}
	if ctx.Err() != nil && !ok {
		return nil, fmt.Errorf("wait for another run that builds %s: %w", s.Label(), context.Cause(ctx))
	}
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("lock %s", path), err)
	}
	return func() { l.Unlock() }, nil
}

// unusedTime is how long an unused executable is kept: another clone may still use it.
const unusedTime = 30 * 24 * time.Hour

// touch marks an executable as used. Once a day is enough.
func touch(path string) error {
	info, err := os.Stat(path)
	if err != nil || time.Since(info.ModTime()) < 24*time.Hour {
		return err
	}
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// sweep removes the files of killed builds of the program, and executables that were not used for a long time. The caller holds the lock.
func (b Builder) sweep(s State) {
	program := s.program.Name + "-" + anyKey
	left, _ := filepath.Glob(filepath.Join(b.Bin, program+".*.tmp"))
	for _, path := range left {
		os.RemoveAll(path)
	}
	paths, _ := filepath.Glob(filepath.Join(b.Bin, program))
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && path != s.Path && time.Since(info.ModTime()) > unusedTime {
			os.Remove(path)
		}
	}
}

func (b Builder) logf(format string, args ...any) {
	if b.Log != nil {
		b.Log(fmt.Sprintf(format, args...))
	}
}
