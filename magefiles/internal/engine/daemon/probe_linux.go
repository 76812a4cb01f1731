package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// running is the process that listens at a socket; the zero value means that none does.
type running struct {
	address  string
	pid      int // of the process that listens
	ours     bool
	version  string // of BuildKit
	key      string // of the executable, see toolbuild.State
	settings string
	dying    bool  // it was killed and has not ended yet
	err      error // why it does not answer
}

// probe asks the process that listens at the socket. A socket without a listener counts as missing.
func probe(ctx context.Context, socket string) running {
	pid, err := peer(socket)
	if err != nil {
		return running{err: err}
	}
	r := running{address: "unix://" + socket, pid: pid}
	info, err := (&Daemon{Address: r.address}).worker(ctx, answerTime)
	if err != nil {
		r.err = err
		_, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
		r.dying = errors.Is(err, os.ErrNotExist)
		return r
	}
	v := info.BuildkitVersion
	r.ours, r.version, r.key = v.Package == ownPackage, v.Version, v.Revision
	r.settings = info.Labels[settingsLabel]
	return r
}

// peer is the process that listens at a Unix socket.
func peer(socket string) (pid int, err error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if credErr != nil {
		return 0, credErr
	}
	return int(cred.Pid), nil
}

func (r running) answers() bool { return r.pid != 0 && r.err == nil }

// serves reports whether this is the daemon with the right version and settings.
func (r running) serves(key string, s settings) bool {
	return r.answers() && r.ours && r.key == key && r.settings == s.Labels[settingsLabel]
}

// foreign refuses a process at our socket that is not our daemon: it belongs to somebody, so it is not stopped. Our daemon is recognized by its
// executable if it does not answer.
func (r running) foreign(f files) error {
	if r.pid == 0 || r.ours || r.dying {
		return nil
	}
	if r.err != nil && runsFrom(r.pid, f.bin) {
		return nil
	}
	what := "a program that does not answer as a BuildKit daemon"
	if r.err == nil {
		what = "a BuildKit daemon that is not the engine's own (" + r.version + ")"
	}
	return fmt.Errorf("%s listens at %s (process %d): stop it, or use it with BUILDKIT_HOST=unix://%s", what, f.socket, r.pid, f.socket)
}

// busy reports whether a build is running.
func (r running) busy(ctx context.Context) bool {
	c, err := (&Daemon{Address: r.address}).Client(ctx)
	if err != nil {
		return false
	}
	defer c.Close()
	n, _ := runningBuilds(ctx, c) // a daemon that does not answer runs none for long
	return n > 0
}

func (r running) waitIdle(ctx context.Context) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for r.busy(ctx) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}
