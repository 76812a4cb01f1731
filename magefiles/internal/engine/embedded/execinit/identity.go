//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// identity is the user and the groups of the command.
type identity struct {
	uid, gid int
	groups   []int // supplementary ones, including the primary one, as in container runtimes
	home     string
}

func lookupUser(spec string, at place) (identity, error) {
	u, err := user.GetExecUserPath(spec, &user.ExecUser{Home: "/"}, at.passwd, at.group)
	if err != nil {
		return identity{}, fmt.Errorf("get user: %w", err)
	}
	groups := u.Sgids
	if !slices.Contains(groups, u.Gid) {
		groups = append([]int{u.Gid}, groups...)
	}
	return identity{uid: u.Uid, gid: u.Gid, groups: groups, home: u.Home}, nil
}

// credential is the identity for a new process; nil if the init may not change it and already has it.
func (id identity) credential() *syscall.Credential {
	if os.Geteuid() != 0 && os.Geteuid() == id.uid {
		return nil
	}
	c := &syscall.Credential{Uid: uint32(id.uid), Gid: uint32(id.gid)}
	for _, g := range id.groups {
		c.Groups = append(c.Groups, uint32(g))
	}
	return c
}

// makeWorkdir makes the missing folders of dir, owned by the user. Links are followed, also a link that leads nowhere.
func (id identity) makeWorkdir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	resolved, err := followed(dir)
	if err != nil {
		return err
	}
	if err := user.MkdirAllAndChown(resolved, 0o755, id.uid, id.gid, user.WithOnlyNew); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755) // also folders that the path leaves again by .., as a container runtime does
}

// maxLinks is how many links a path may lead through.
const maxLinks = 255

// followed is the absolute path that dir leads to, whether it exists or not.
func followed(dir string) (string, error) {
	done, rest := "/", strings.Split(dir, "/")
	for links := 0; len(rest) > 0; {
		next := filepath.Join(done, rest[0])
		rest = rest[1:]
		target, err := os.Readlink(next)
		if err != nil { // not a link, or missing
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", &fs.PathError{Op: "stat", Path: dir, Err: unix.ELOOP}
		}
		if filepath.IsAbs(target) {
			done = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return done, nil
}

// own gives the files to the user, as far as possible: opening /dev/stdout requires access to the pipe behind it.
func (id identity) own(files ...*os.File) {
	for _, f := range files {
		_ = f.Chown(id.uid, id.gid)
	}
}

// program finds the file to execute for name, with the permissions of the user: files that the user cannot reach are not found.
func (id identity) program(name, path string) (string, error) {
	if filepath.Base(name) != name { // also "", which the kernel then refuses
		return name, nil
	}
	if err := os.Setenv("PATH", path); err != nil {
		return "", err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The file system ids are the only part of a thread's identity that can be restored.
	oldGID, _ := unix.SetfsgidRetGid(id.gid)
	oldUID, _ := unix.SetfsuidRetUid(id.uid)
	file, err := exec.LookPath(name)
	_, _ = unix.SetfsuidRetUid(oldUID)
	_, _ = unix.SetfsgidRetGid(oldGID)
	if errors.Is(err, exec.ErrDot) {
		err = nil // "." in a container's PATH is allowed
	}
	return file, err
}

// notDirectory is an error if dir exists and is not a directory.
func notDirectory(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: unix.ENOTDIR}
	}
	return nil
}
