package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// remains are the things that sessions could leave on the machine, by kind.
type remains map[string][]string

// more are the things that are not in before, or less often.
func (r remains) more(before remains) remains {
	more := remains{}
	for kind, things := range r {
		had := slices.Clone(before[kind])
		for _, thing := range things {
			if i := slices.Index(had, thing); i >= 0 {
				had = slices.Delete(had, i, i+1)
			} else {
				more[kind] = append(more[kind], thing)
			}
		}
	}
	return more
}

// engineUse looks at what an engine that no other test uses has on this machine.
type engineUse struct {
	t           *testing.T
	state, mark string

	mu      sync.Mutex
	cgroups map[string]bool // folders of processes that were seen
}

// numbered is the number of a kernel object, which is never the same again.
var numbered = regexp.MustCompile(`:\[\d+\]$`)

// now returns the remains. The daemon may be none: 0.
func (e *engineUse) now(daemon int) remains {
	r := remains{}
	add := func(kind, thing string) { r[kind] = append(r[kind], thing) }
	self, err := os.Executable() // the clients have the mark too
	must(e.t, err)
	for _, pid := range processes(e.t) {
		line, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
		if err == nil && bytes.Contains(line, []byte(e.mark)) && !bytes.HasPrefix(line, []byte(self+"\x00")) || isChild(pid, daemon) {
			add("process", string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	e.network(add)
	for _, line := range mountsOf(e.t, e.state) {
		add("mount", line)
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", daemon))
	must(e.t, err)
	for _, path := range files { // sockets, databases, network namespaces
		target, err := os.Readlink(path)
		if err != nil {
			continue
		}
		// Without root the daemon listens for the servers of the machine's loopback addresses, which others start and stop, and Go keeps pipes for the
		// data that it forwards to them.
		kind := numbered.ReplaceAllString(target, "")
		if os.Geteuid() == 0 || kind != "socket" && kind != "pipe" {
			add("open file", kind)
		}
	}
	for _, pattern := range []string{"root/*/executor/*", "root/*/service-hosts/*", "tmp/*", "run/*"} {
		found, err := filepath.Glob(filepath.Join(e.state, pattern))
		must(e.t, err)
		for _, path := range found {
			if entries, err := os.ReadDir(path); err == nil && len(entries) == 0 && strings.HasPrefix(filepath.Base(path), "buildkit-mount") {
				continue // BuildKit leaves them, and the daemon removes them when they are a minute old
			}
			if base := filepath.Base(path); strings.HasPrefix(base, "rootlesskit-") {
				path = strings.TrimSuffix(path, base) + "rootlesskit" // of a daemon that does not run as root: each has another name
			}
			add("file", path)
		}
	}
	runtimes, err := filepath.Glob("/run/*/*/state.json")
	must(e.t, err)
	for _, path := range runtimes {
		if text, err := os.ReadFile(path); err == nil && bytes.Contains(text, []byte(e.state+"/")) {
			add("container", path)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for path := range e.cgroups {
		if _, err := os.Stat(path); err == nil {
			add("cgroup", path)
		}
	}
	return r
}

func (e *engineUse) network(add func(kind, thing string)) {
	sum := sha256.Sum256([]byte(filepath.Join(e.state, "root")))
	key := hex.EncodeToString(sum[:4]) // part of the names of the daemon's interfaces
	links, err := net.Interfaces()
	must(e.t, err)
	for _, l := range links {
		if !strings.Contains(l.Name, key) {
			continue
		}
		add("interface", l.Name)
		addresses, _ := l.Addrs() // it may be gone
		for _, a := range addresses {
			add("address", a.String())
		}
	}
	routes, err := os.ReadFile("/proc/net/route")
	must(e.t, err)
	for line := range strings.Lines(string(routes)) {
		if strings.Contains(line, key) {
			add("route", line)
		}
	}
	if rules := firewall(e.t); strings.Contains(rules, key) {
		add("firewall rule", rules)
	}
}

// remember keeps the cgroups of the processes with a mark, to look for them later.
func (e *engineUse) remember(mark string) {
	own := cgroupsOf(e.t, "self")
	for _, pid := range processes(e.t) {
		line, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
		if err != nil || !bytes.Contains(line, []byte(mark)) {
			continue
		}
		for _, path := range cgroupsOf(e.t, pid) {
			if !slices.Contains(own, path) {
				e.mu.Lock()
				e.cgroups[path] = true
				e.mu.Unlock()
			}
		}
	}
}

// cgroupsOf are the folders of the cgroups of a process.
func cgroupsOf(t *testing.T, pid string) (paths []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", pid, "cgroup"))
	if err != nil {
		return nil // it has ended
	}
	for line := range strings.Lines(string(text)) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(line, ":")
		for _, hierarchy := range []string{strings.TrimPrefix(controllers, "name="), "unified"} {
			dir := filepath.Join("/sys/fs/cgroup", hierarchy, path)
			if _, err := os.Stat(dir); err == nil {
				paths = append(paths, dir)
				break
			}
		}
	}
	return paths
}

func processes(t *testing.T) (pids []string) {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*")
	must(t, err)
	for _, path := range found {
		pids = append(pids, filepath.Base(path))
	}
	return pids
}

// isChild reports whether a process is a child of another.
func isChild(pid string, of int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil || of == 0 {
		return false
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return len(fields) > 1 && fields[1] == fmt.Sprint(of)
}

// mountsOf are the mounts in all mount namespaces that have the text.
func mountsOf(t *testing.T, text string) (lines []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, pid := range processes(t) {
		namespace, err := os.Readlink(filepath.Join("/proc", pid, "ns/mnt"))
		if err != nil || seen[namespace] {
			continue
		}
		mounts, err := os.ReadFile(filepath.Join("/proc", pid, "mountinfo"))
		if err != nil {
			continue // it has ended
		}
		seen[namespace] = true
		for line := range strings.Lines(string(mounts)) {
			if fields := strings.Fields(line); strings.Contains(line, text) {
				lines = append(lines, strings.Join(fields[3:], " "))
			}
		}
	}
	return lines
}

// firewall is the kernel's list of the rules of nftables; "" if it has none. The names of interfaces are text in it.
func firewall(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return ""
	}
	must(t, err)
	defer unix.Close(fd)
	request := make([]byte, unix.SizeofNlMsghdr+4) // and a struct nfgenmsg, of all families
	request[0] = byte(len(request))
	request[4], request[5] = unix.NFT_MSG_GETRULE, unix.NFNL_SUBSYS_NFTABLES
	request[6], request[7] = unix.NLM_F_REQUEST, unix.NLM_F_DUMP>>8
	must(t, unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	var all strings.Builder
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		must(t, err)
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		must(t, err)
		for _, m := range messages {
			if m.Header.Type == unix.NLMSG_DONE || m.Header.Type == unix.NLMSG_ERROR {
				return all.String()
			}
			all.Write(m.Data)
		}
	}
}

// nothing waits until nothing is left that was not there before.
func (e *engineUse) nothing(daemon int, before remains) {
	e.t.Helper()
	var more remains
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if more = e.now(daemon).more(before); len(more) == 0 {
			return
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(more)) {
		e.t.Errorf("left, %s: %q", kind, more[kind])
	}
}

// Nothing of 100 sessions with services and shells is left, however they end.
func TestSessionsLeaveNothing(t *testing.T) {
	busybox := testenv.Program(t, "busybox", "apt-get install busybox-static")
	opts := enginetest.Fresh(t, program(t, server))
	tmp := t.TempDir()
	use := &engineUse{t: t, state: opts.StateDir, mark: "mark" + nonce(), cgroups: map[string]bool{}}
	does := [][]string{{"service"}, {"shell"}, {"service", "shell"}, {"service", "inspect"}}
	first := newUser(t, opts, busybox, tmp, use.mark+"-first", does[3]...) // starts the daemon, which opens its files
	first.ready(0)
	first.leave()
	status, err := engine.Status(context.Background(), opts)
	must(t, err)
	before := use.now(status.PID)
	sessions := 100
	if os.Geteuid() != 0 {
		sessions = 25 // in addition to those as root
	}
	t.Run("sessions", func(t *testing.T) {
		for i := range sessions {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				mark := fmt.Sprint(use.mark, "-", i)
				u := newUser(t, opts, busybox, tmp, mark, does[i%4]...)
				switch i / 4 % 5 {
				case 0:
					u.ready(0)
					use.remember(mark)
					u.leave()
				case 1, 2:
					u.ready(0)
					use.remember(mark)
					u.kill()
				case 3, 4: // at some event
					u.ready(i%17 + 1)
					use.remember(mark)
					u.kill()
				}
			})
		}
	})
	use.nothing(status.PID, before)
	last := newUser(t, opts, busybox, tmp, use.mark+"-last", "service") // removes the files that killed clients left
	last.ready(0)
	last.leave()
	left, err := os.ReadDir(tmp)
	must(t, err)
	if len(left) > 0 {
		t.Errorf("temporary files of the clients are left: %q", left)
	}
	use.nothing(status.PID, before)
	nothingInUse(t, opts)
}

// nothingInUse waits until the cache can be emptied: the daemon releases results after it answered.
func nothingInUse(t *testing.T, opts engine.Options) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		_, err := engine.Prune(context.Background(), opts, true)
		must(t, err)
		status, err := engine.Status(context.Background(), opts)
		must(t, err)
		if status.CacheUsed == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes of the cache are still in use", status.CacheUsed)
		}
	}
}

// Nothing of the cache stays in use after clients were killed while operations of theirs ran, at some moment of each.
func TestStoppedOperationsLeaveNothing(t *testing.T) {
	busybox := testenv.Program(t, "busybox", "apt-get install busybox-static")
	opts := enginetest.Fresh(t, program(t, server))
	for i, what := range []string{"sleep", "fail", "succeed", "mounts", "files", "copies", "times"} {
		t.Run(what, func(t *testing.T) {
			for n := range 4 {
				u := newUser(t, opts, busybox, t.TempDir(), fmt.Sprintf("%s-%d-%d", nonce(), i, n), "again", what)
				u.ready(0)
				time.Sleep(time.Duration((i*4+n)*37%100) * time.Millisecond) // any moment must do
				u.kill()
				if status, ok := u.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
					t.Errorf("the client ended before it was killed: %s", u.stderr.String())
				}
			}
			nothingInUse(t, opts)
		})
	}
}

// A daemon that is killed leaves the processes and the network of its services and shells. engine:down removes them, and so does the next daemon.
func TestKilledDaemonLeavesNothing(t *testing.T) {
	busybox := testenv.Program(t, "busybox", "apt-get install busybox-static")
	opts := enginetest.Fresh(t, program(t, server))
	ctx := context.Background()
	for name, after := range map[string]func() error{
		"down": func() error { return engine.Down(ctx, opts) },
		"next": func() error { _, err := engine.Up(ctx, opts); return err },
	} {
		t.Run(name, func(t *testing.T) {
			use := &engineUse{t: t, state: opts.StateDir, mark: "mark" + nonce(), cgroups: map[string]bool{}}
			first := newUser(t, opts, busybox, t.TempDir(), use.mark+"-first", "service", "shell", "inspect") // starts the daemon, which opens its files
			first.ready(0)
			first.leave()
			status, err := engine.Status(ctx, opts)
			must(t, err)
			before := use.now(status.PID)
			var users []*user
			for i, does := range [][]string{{"service", "shell"}, {"service", "inspect"}} {
				u := newUser(t, opts, busybox, t.TempDir(), fmt.Sprint(use.mark, "-", i), does...)
				u.ready(0)
				users = append(users, u)
			}
			use.remember(use.mark)
			running := use.now(status.PID).more(before)
			kinds := []string{"process", "mount", "open file", "file"}
			if os.Geteuid() == 0 { // else these are in namespaces, which end with their processes, or belong to the user's session
				kinds = append(kinds, "interface", "address", "route", "container", "cgroup")
			}
			for _, kind := range kinds {
				if len(running[kind]) == 0 {
					t.Errorf("while they run, no %s is found: the test would not see one that is left", kind)
				}
			}
			users[0].kill() // before its daemon
			must(t, syscall.Kill(status.PID, syscall.SIGKILL))
			must(t, after())
			users[1].kill() // after it: until then it connects again
			now, err := engine.Status(ctx, opts)
			must(t, err)
			use.nothing(now.PID, before)
		})
	}
}
