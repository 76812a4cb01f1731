package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func TestEnsureStartsOneDaemonAndFindsItAgain(t *testing.T) {
	opts, _ := newOptions(t)
	if s := find(t, opts); s.Running {
		t.Fatalf("before the start: %+v", s)
	}
	d := ensure(t, opts)
	first := find(t, opts)
	if !first.Running || first.PID == 0 || first.Version != d.Version || first.CacheLimit != DefaultCacheBytes {
		t.Errorf("status %+v of %+v", first, d)
	}
	if first.Since.IsZero() || first.Snapshots == "" {
		t.Errorf("status without since or snapshots: %+v", first)
	}
	ensure(t, opts)
	if again := find(t, opts); again.PID != first.PID {
		t.Errorf("process %d became %d", first.PID, again.PID)
	}
}

func TestRunsStepsWithEachRuntime(t *testing.T) {
	for _, name := range []string{"runc", "crun"} {
		t.Run(name, func(t *testing.T) {
			path := lookIn(systemDirs, name)
			if path == "" {
				testenv.Missing(t, "no "+name+": apt-get install "+name)
			}
			opts, _ := newOptions(t)
			only(t, &opts, path)
			d := ensure(t, opts)
			if !supportsKeep(t.Context(), path) { // Debian 12 has such a crun
				if d.Runtime == path {
					t.Errorf("%s has no run --keep, and was chosen", path)
				}
				return
			}
			if err := d.RuntimeError(); err != nil {
				testenv.Missing(t, err.Error())
			}
			if !strings.HasSuffix(d.Runtime, name) {
				t.Errorf("runtime %s, want %s", d.Runtime, name)
			}
			out, err := run(t.Context(), t, d, "hello")
			if err != nil {
				t.Fatalf("%v, and the step said %q", err, out)
			}
			if !strings.Contains(out, "uid 0 [hello]") {
				t.Errorf("the step said %q", out)
			}
		})
	}
}

func TestWithoutRuntimeBuildsStepsWithoutCommands(t *testing.T) {
	runtimes := (Options{ModulesDir: "none"}).withDefaults().runtimes()
	if len(runtimes) == 0 || (Options{}).withDefaults().singleUser() {
		testenv.Missing(t, "no OCI runtime that works: apt-get install runc uidmap")
	}
	if _, err := step(); err != nil { // while the go command is on PATH
		t.Fatal(err)
	}
	opts, log := newOptions(t)
	only(t, &opts)
	t.Setenv("PATH", "") // no C compiler, so that no runc is built
	d := ensure(t, opts)
	if d.Runtime != "" || !errors.Is(d.RuntimeError(), ErrNoRuntime) {
		t.Fatalf("found %q, %v", d.Runtime, d.RuntimeError())
	}
	file := llb.Scratch().File(llb.Mkfile("/f", 0o644, []byte("x")))
	if _, err := solve(t.Context(), t, d, file, t.TempDir()); err != nil {
		t.Errorf("a file operation: %v", err)
	}
	_, err := run(t.Context(), t, d, "hello")
	if err == nil || !strings.Contains(err.Error(), ErrNoRuntime.Error()) {
		t.Errorf("a step without a runtime: %v, want %v", err, ErrNoRuntime)
	}

	only(t, &opts, runtimes[0]) // as if it were installed now
	before := find(t, opts).PID
	d = ensure(t, opts)
	if out, err := run(t.Context(), t, d, "hello"); err != nil || !strings.Contains(out, "[hello]") {
		t.Errorf("with a runtime that came later: %q, %v", out, err)
	}
	if now := find(t, opts).PID; now != before || log.has("restarting") {
		t.Errorf("process %d became %d", before, now)
	}
}

func TestTwoFirstRunsStartOneDaemon(t *testing.T) {
	opts, log := newOptions(t)
	unlock, err := opts.lock(t.Context(), opts.files().lock)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	var errs [2]error
	for i := range errs {
		group.Go(func() { _, errs[i] = Ensure(context.WithoutCancel(t.Context()), opts) })
	}
	eventually(t, "a run says that it waits", func() bool { return log.has("waiting for it") })
	unlock()
	group.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if log.has("restarting") {
		t.Error("the second run restarted the daemon of the first")
	}
}

func TestPruneFrees(t *testing.T) {
	opts, _ := newOptions(t)
	d := ensure(t, opts)
	const size = 3 << 20
	folder := llb.Mkdir("/d", 0o700)
	if !opts.singleUser() { // the user cannot simply remove its files
		folder = llb.Mkdir("/d", 0o700, llb.WithUIDGID(1000, 1000))
	}
	file := llb.Scratch().File(folder.Mkfile("/d/f", 0o644, []byte(strings.Repeat("x", size))))
	build := func() {
		t.Helper()
		if _, err := solve(t.Context(), t, d, file, t.TempDir()); err != nil {
			t.Fatal(err)
		}
	}
	build()
	if used := find(t, opts).CacheUsed; used < size {
		t.Errorf("cache used: %d, want at least %d", used, size)
	}
	freed, err := Prune(t.Context(), opts, false)
	if err != nil || freed < size {
		t.Errorf("freed %d, %v; want at least %d", freed, err, size)
	}
	if used := find(t, opts).CacheUsed; used >= size {
		t.Errorf("cache used after pruning: %d", used)
	}
	build()
	if err := Down(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	if freed, err := Prune(t.Context(), opts, true); err != nil || freed == 0 {
		t.Errorf("prune of the stopped engine: freed %d, %v", freed, err)
	}
	if s := find(t, opts); s.Running {
		t.Error("pruning all of a stopped engine started it")
	}
	ensure(t, opts)
}

// only makes the given runtimes the only ones that are found.
func only(t *testing.T, opts *Options, paths ...string) {
	t.Helper()
	dir := t.TempDir()
	for _, helper := range []string{"newuidmap", "newgidmap"} { // of rootless mode
		if path := lookIn(systemDirs, helper); path != "" {
			paths = append(paths, path)
		}
	}
	for _, path := range paths {
		if err := os.Symlink(path, filepath.Join(dir, filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
	}
	was := systemDirs
	systemDirs = []string{dir}
	t.Cleanup(func() { systemDirs = was })
	getenv := opts.Getenv
	opts.Getenv = func(name string) string {
		if name == "PATH" {
			return ""
		}
		return getenv(name)
	}
}
