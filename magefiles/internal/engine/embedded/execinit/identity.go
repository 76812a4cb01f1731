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

// identity is who the command runs as.
type identity struct {
	uid, gid int
	groups   []int // supplementary ones, the primary one among them as container runtimes have it
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

// credential is the identity for a new process; nil if the init has no right to change it and already is that user.
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

// makeWorkdir makes what is missing of dir, owned by the user. Links are followed, also one that leads nowhere.
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
	return os.MkdirAll(dir, 0o755) // what the path leaves again by .., as a container runtime does
}

// maxLinks is how many links a path may lead through.
const maxLinks = 255

// followed is the absolute path that dir leads to, whether it is there or not.
func followed(dir string) (string, error) {
	done, rest := "/", strings.Split(dir, "/")
	for links := 0; len(rest) > 0; {
		next := filepath.Join(done, rest[0])
		rest = rest[1:]
		target, err := os.Readlink(next)
		if err != nil { // no link, or nothing
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

// own gives the files to the user, as far as possible: one who opens /dev/stdout needs the right to the pipe behind it.
func (id identity) own(files ...*os.File) {
	for _, f := range files {
		_ = f.Chown(id.uid, id.gid)
	}
}

// program finds the file to execute for name, with the eyes of the user: what is closed to them is not found.
func (id identity) program(name, path string) (string, error) {
	if filepath.Base(name) != name { // also "", which the kernel is left to refuse
		return name, nil
	}
	if err := os.Setenv("PATH", path); err != nil {
		return "", err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The file system ids are the one part of a thread's identity that can be taken back.
	oldGID, _ := unix.SetfsgidRetGid(id.gid)
	oldUID, _ := unix.SetfsuidRetUid(id.uid)
	file, err := exec.LookPath(name)
	_, _ = unix.SetfsuidRetUid(oldUID)
	_, _ = unix.SetfsgidRetGid(oldGID)
	if errors.Is(err, exec.ErrDot) {
		err = nil // a container may well have "." in its PATH
	}
	return file, err
}

// notDirectory is an error if dir is there, and no directory.
func notDirectory(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: unix.ENOTDIR}
	}
	return nil
}
