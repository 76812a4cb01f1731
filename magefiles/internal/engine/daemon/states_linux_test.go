package daemon

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func TestDownLeavesNothing(t *testing.T) {
	opts, _ := newOptions(t)
	d := ensure(t, opts)
	ended := startWaiting(t, opts, d)
	pid := find(t, opts).PID
	if err := Down(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	if err := <-ended.result; err == nil {
		t.Error("the build that was going on ended well")
	}
	if left := processes(t, opts.StateDir, pid); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
	if left := mounts(t, opts.StateDir); len(left) > 0 {
		t.Errorf("still mounted: %v", left)
	}
	if _, err := os.Stat(opts.files().socket); err == nil {
		t.Error("the socket is still there")
	}
	if err := Down(t.Context(), opts); err != nil {
		t.Errorf("down of what is down: %v", err)
	}
}

func TestKilledDaemonIsCleanedUpAfter(t *testing.T) {
	opts, _ := newOptions(t)
	ended := startWaiting(t, opts, ensure(t, opts))
	pid := find(t, opts).PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-ended.result; err == nil {
		t.Error("the build ended well")
	}
	if s := find(t, opts); s.Running {
		t.Errorf("after SIGKILL: %+v", s)
	}
	d := ensure(t, opts)
	if left := steps(t); len(left) > 0 {
		t.Errorf("steps of the killed daemon still run: %v", left)
	}
	if left := mounts(t, opts.StateDir); len(left) > 0 {
		t.Errorf("still mounted: %v", left)
	}
	if out, err := run(t.Context(), t, d, "again"); err != nil || !strings.Contains(out, "[again]") {
		t.Errorf("the build after: %q, %v", out, err)
	}
}

func TestStaleSocketIsTakenOver(t *testing.T) {
	opts, _ := newOptions(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: opts.files().socket}); err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	ensure(t, opts)
}

func TestForeignProcessAtTheSocketIsNotStopped(t *testing.T) {
	opts, _ := newOptions(t)
	for _, c := range []struct {
		name, want string
		serve      func(net.Listener)
	}{
		{"another BuildKit daemon", "not the engine's own (v0.1.0)", serveBuildKit(t, "github.com/moby/buildkit", nil)},
		{"no BuildKit daemon", "does not answer as a BuildKit daemon", hangUp},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("unix", opts.files().socket)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go c.serve(l)
			_, ensureErr := Ensure(t.Context(), opts)
			_, findErr := Find(t.Context(), opts)
			downErr := Down(t.Context(), opts)
			for what, err := range map[string]error{"ensure": ensureErr, "find": findErr, "down": downErr} {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "BUILDKIT_HOST") {
					t.Errorf("%s: %v, want it to say %q", what, err, c.want)
				}
			}
		})
	}
}

func TestDaemonThatEndsAtStartReportsTheReason(t *testing.T) {
	opts, _ := newOptions(t)
	lock := flock.New(filepath.Join(opts.files().root, "buildkitd.lock"))
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer lock.Unlock()
	_, err := Ensure(t.Context(), opts)
	if err == nil || !strings.Contains(err.Error(), "is in use by another buildkitd") || !strings.Contains(err.Error(), opts.files().log) {
		t.Errorf("got %v, want the daemon's own words and its log", err)
	}
}

func TestFullDiskIsRefused(t *testing.T) {
	testenv.Superuser(t, "mounts a small file system")
	opts, _ := newOptions(t)
	root := opts.files().root
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, "size=64m"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(root, unix.MNT_DETACH)
	_, err := Ensure(t.Context(), opts)
	if err == nil || !strings.Contains(err.Error(), "64 MB free") || !strings.Contains(err.Error(), "engine:prune") {
		t.Errorf("got %v, want what is free and what to do", err)
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	opts, _ := newOptions(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	bad := opts
	bad.StateDir = filepath.Join(file, "engine")
	if _, err := Ensure(t.Context(), bad); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want it to name %s", err, file)
	}
	bad.StateDir = "relative"
	if _, err := Ensure(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "not an absolute path") {
		t.Errorf("got %v", err)
	}
}

func TestChangedSettingsRestartAnIdleDaemon(t *testing.T) {
	opts, log := newOptions(t)
	d := ensure(t, opts)
	ended := startWaiting(t, opts, d)
	first := find(t, opts).PID
	changed := opts
	changed.CacheBytes = 1 << 30
	ensure(t, changed)
	if now := find(t, changed); now.PID != first || !log.has("at its next start") {
		t.Errorf("a daemon that builds was replaced: process %d became %d", first, now.PID)
	}
	ended.cancel()
	<-ended.result
	eventually(t, "the daemon is idle", func() bool { return !probe(t.Context(), opts.files().socket).busy(t.Context()) })
	ensure(t, changed)
	if now := find(t, changed); now.PID == first || now.CacheLimit != 1<<30 {
		t.Errorf("an idle daemon kept its settings: %+v", now)
	}
}

func TestOtherVersionIsReplaced(t *testing.T) {
	opts, log := newOptions(t)
	ensure(t, opts)
	first := find(t, opts).PID
	newer := opts
	newer.ModulesDir = t.TempDir()
	if err := os.CopyFS(newer.ModulesDir, os.DirFS(opts.ModulesDir)); err != nil {
		t.Fatal(err)
	}
	extra := filepath.Join(newer.ModulesDir, "buildkitd", "extra.go")
	if err := os.WriteFile(extra, []byte("package main\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ensure(t, newer)
	if now := find(t, newer).PID; now == first {
		t.Error("the daemon of another version still runs")
	}
	if !log.has("building BuildKit") || !log.has("built BuildKit") {
		t.Errorf("the build did not report it: %q", log.all)
	}
}

func TestDeepFolderGetsAShortSocket(t *testing.T) {
	opts, _ := newOptions(t)
	deep := opts
	deep.StateDir = filepath.Join(opts.StateDir, strings.Repeat("d", 100))
	furnish(t, deep)
	f, d := deep.files(), ensure(t, deep)
	if !fits(f.sockets) || d.Address != "unix://"+f.socket {
		t.Errorf("address %s", d.Address)
	}
	if err := Down(t.Context(), deep); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(f.sockets); err != nil {
		t.Error(err)
	}
}

// waiting is a build that runs until it is cancelled or its daemon ends.
type waiting struct {
	result <-chan error
	cancel func()
}

// startWaiting returns once the step runs.
func startWaiting(t *testing.T, opts Options, d *Daemon) waiting {
	t.Helper()
	if err := d.RuntimeError(); err != nil {
		testenv.Missing(t, err.Error())
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	result := make(chan error, 1)
	go func() {
		_, err := run(ctx, t, d, "wait")
		result <- err
	}()
	eventually(t, "the step runs", func() bool {
		select {
		case err := <-result:
			t.Fatalf("the step that waits ended by itself: %v", err)
		default:
		}
		return len(steps(t)) > 0
	})
	return waiting{result, cancel}
}

// mounts lists the mounts under a folder, as this process sees them.
func mounts(t *testing.T, dir string) (found []string) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, dir) {
			found = append(found, line)
		}
	}
	return found
}

// steps lists the processes of waiting steps.
func steps(t *testing.T) []string {
	t.Helper()
	return commandLines(t, func(line string) bool { return line == "/step\x00wait\x00" })
}

// processes lists the processes that were started from a folder, and the process itself if it still exists.
func processes(t *testing.T, dir string, pid int) []string {
	t.Helper()
	left := commandLines(t, func(line string) bool { return strings.Contains(line, dir) })
	if syscall.Kill(pid, 0) == nil {
		state, _ := os.ReadFile(filepath.Join("/proc", itoa(pid), "stat"))
		if !strings.Contains(string(state), ") Z ") { // the test is its parent
			left = append(left, string(state))
		}
	}
	return append(left, steps(t)...)
}

func commandLines(t *testing.T, match func(string) bool) []string {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, path := range paths {
		if line, err := os.ReadFile(path); err == nil && match(string(line)) {
			found = append(found, path+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
