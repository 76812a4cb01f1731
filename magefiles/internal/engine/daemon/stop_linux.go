package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// stopTime is how long the daemon may take to end before it is killed.
const stopTime = 4 * time.Second

func downOwn(ctx context.Context, opts Options) error {
	f := opts.files()
	if _, err := os.Stat(f.lock); errors.Is(err, os.ErrNotExist) {
		return nil // never started
	}
	unlock, err := opts.lock(ctx, f.lock)
	if err != nil {
		return err
	}
	defer unlock()
	r := probe(ctx, f.socket)
	if err := r.foreign(f); err != nil {
		return err
	}
	return opts.stop(ctx, r, f)
}

// stop ends the daemon, by force if necessary, and removes the files that it left.
func (o Options) stop(ctx context.Context, r running, f files) error {
	if r.pid != 0 {
		// RootlessKit is the daemon's parent and ends after it without a signal: it still removes its own state.
		for _, pid := range append([]int{r.pid}, parents(r.pid, f.bin)...) {
			if err := terminate(ctx, pid, pid == r.pid); err != nil {
				return fmt.Errorf("stop the engine (process %d): %w", pid, err)
			}
		}
	}
	o.cleanUp(ctx, f)
	return nil
}

// parents are the ancestors of a process that run one of our programs.
func parents(pid int, bin string) (found []int) {
	for {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return found
		}
		// The second field, in parentheses, may contain any text; the parent is the fourth, see proc_pid_stat(5).
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) < 2 {
			return found
		}
		pid, err = strconv.Atoi(fields[1])
		if err != nil || !runsFrom(pid, bin) {
			return found
		}
		found = append(found, pid)
	}
}

// runsFrom tells whether a process runs a program of the folder.
func runsFrom(pid int, bin string) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && strings.HasPrefix(exe, bin+string(filepath.Separator))
}

// terminate waits on a handle of the process, not on its number, which another process could get. Without ask it sends no signal first: the
// process is expected to end.
func terminate(ctx context.Context, pid int, ask bool) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if ask || sig == unix.SIGKILL {
			if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
		if ended, err := waitFD(ctx, fd, stopTime); ended || err != nil {
			return err
		}
	}
	return errors.New("it did not end, even after SIGKILL")
}

// waitFD waits until the process of the handle has ended.
func waitFD(ctx context.Context, fd int, patience time.Duration) (ended bool, err error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 50)
		if n > 0 {
			return true, nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false, err
		}
	}
	return false, nil
}

// cleanUp removes the remains of a daemon that was killed: containers of running steps with their files, the bridge of its services, its sockets,
// temporary files. Mounts ended with its mount namespace. Files that cannot be removed stay until the next start.
func (o Options) cleanUp(ctx context.Context, f files) {
	for _, runtime := range o.runtimes() {
		o.deleteContainers(ctx, runtime, f.root)
	}
	if os.Geteuid() == 0 {
		removeBridge(f.root)
	}
	for _, pattern := range []string{"executor", "service-hosts"} { // in the folder of BuildKit's worker
		paths, _ := filepath.Glob(filepath.Join(f.root, "*", pattern))
		for _, path := range paths {
			os.RemoveAll(path)
		}
	}
	os.Remove(f.socket)
	os.Remove(f.network)
	os.RemoveAll(f.tmp)
	removeKitState(f)
}

// removeKitState removes RootlessKit's folders, one for each start. RootlessKit removes its folder itself unless it is killed.
func removeKitState(f files) {
	paths, _ := filepath.Glob(filepath.Join(f.sockets, kitState+"*"))
	for _, path := range paths {
		os.RemoveAll(path)
	}
}

// deleteContainers ends the containers whose bundles are below root. It does not touch other containers of the same runtime.
func (o Options) deleteContainers(ctx context.Context, runtime, root string) {
	containers, err := o.containers(ctx, runtime)
	if err != nil {
		o.logf("containers of an engine that was killed may be left, because they cannot be listed: %v", err)
	}
	for _, c := range containers {
		if strings.HasPrefix(c.Bundle, root+string(filepath.Separator)) {
			remove := exec.CommandContext(ctx, runtime, "delete", "--force", c.ID)
			remove.Env = o.environment()
			remove.Run()
		}
	}
}

// container is a part of the state of a container of an OCI runtime.
type container struct{ ID, Bundle string }

// listTries is how often the containers are listed until it succeeds.
const listTries = 50

// containers lists the containers of a runtime, also those of other programs. runc fails if one of them is deleted while it lists them.
func (o Options) containers(ctx context.Context, runtime string) (found []container, err error) {
	for range listTries {
		list := exec.CommandContext(ctx, runtime, "list", "--format=json")
		list.Env = o.environment()
		var out []byte
		out, err = list.Output()
		if err == nil {
			err = json.Unmarshal(out, &found)
		}
		if err == nil || ctx.Err() != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%s list: %w: %s", runtime, err, bytes.TrimSpace(failed.Stderr))
	}
	return found, err
}
