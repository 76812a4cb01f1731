package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// waiting writes the container waits, whose only RUN says that it is there and then waits, and returns a word that stands on the command line of
// that process and nowhere else.
func (w *world) waiting() (mark string) {
	w.t.Helper()
	mark = "mark-" + rand.Text()
	program := filepath.Join(w.repo, "containers", "waits", "hello")
	cmd := exec.Command("go", "build", "-o", program, "./containers/hello")
	cmd.Dir, cmd.Env = w.repo, append(w.env.list(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	w.runs("wait", mark)
	return mark
}

// runs makes the RUN of the container waits another one.
func (w *world) runs(args ...string) {
	w.t.Helper()
	line, err := json.Marshal(append([]string{"/hello"}, args...))
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("containers/waits/Dockerfile", fmt.Sprintf("FROM scratch\nCOPY hello /hello\nRUN %s\n", line))
}

// A signal in the middle of a RUN ends mage and all of the build, and the next build works.
func TestSignals(t *testing.T) {
	needRuntime(t)
	for signal, status := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			mark := w.waiting()
			r := w.start("-v", "container:build", "waits", "-output=out.tar")
			r.says("ready " + mark)
			if len(processes(mark)) == 0 {
				t.Error("the process of the build is not to be seen, so that nobody could tell whether it ends")
			}
			r.signal(signal)
			got := r.wait()
			if got.status != status || got.stdout != "" || !strings.Contains(got.stderr, "stopped") {
				t.Errorf("status %d, want %d\n%s%s", got.status, status, got.stdout, got.stderr)
			}
			gone(t, mark)
			w.cleanAfterStop()
		})
	}
}

// Killing mage ends the build as well, and the next one works.
func TestKilled(t *testing.T) {
	needRuntime(t)
	w := newWorld(t)
	mark := w.waiting()
	r := w.start("-v", "container:build", "waits", "-output=out.tar")
	r.says("ready " + mark)
	r.signal(os.Kill)
	r.wait()
	gone(t, mark)
	w.cleanAfterStop()
}

// cleanAfterStop checks that nothing half-written lies about, and that a build works.
func (w *world) cleanAfterStop() {
	w.t.Helper()
	left, err := filepath.Glob(filepath.Join(w.repo, "*.tar"))
	hidden, hiddenErr := filepath.Glob(filepath.Join(w.repo, ".blumeops-*"))
	if left = append(left, hidden...); len(left) > 0 || err != nil || hiddenErr != nil {
		w.t.Errorf("left behind: %q", left)
	}
	w.runs()
	w.mage("container:build", "waits")
	if left, err := filepath.Glob(filepath.Join(w.env["TMPDIR"], "blumeops-*")); len(left) > 0 || err != nil {
		w.t.Errorf("left in the folder of temporary files: %q", left)
	}
}

// An engine that is killed, idle or in the middle of a build, is started again by the next command.
func TestEngineKilled(t *testing.T) {
	needRuntime(t)
	w := newWorld(t)
	w.ownEngine()
	mark := w.waiting()
	r := w.start("-v", "container:build", "waits")
	r.says("ready " + mark)
	w.killEngine()
	got := r.wait()
	if got.status == 0 || got.stdout != "" || !strings.Contains(got.stderr, "connection to BuildKit was lost") {
		t.Errorf("while the engine is killed: %+v", got)
	}
	w.runs()
	w.mage("container:build", "waits")
	gone(t, mark)
	w.killEngine()
	w.mage("container:build", "files")
}

func (w *world) killEngine() {
	w.t.Helper()
	if err := syscall.Kill(w.engine().PID, syscall.SIGKILL); err != nil {
		w.t.Fatal(err)
	}
}

// engineStatus is a part of what engine:status tells.
type engineStatus struct {
	Running bool
	PID     int
	Root    string
}

func (w *world) engine() (s engineStatus) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.mage("engine:status", "-format=json")), &s); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// The targets of the engine, on one of its own.
func TestEngineTargets(t *testing.T) {
	w := newWorld(t)
	w.ownEngine()
	if text := w.mage("engine:status"); !strings.HasPrefix(text, "running  ") || !strings.Contains(text, " no\n") {
		t.Errorf("before it is up: %s", text)
	}
	w.mage("engine:down") // what is down can be put down
	address := w.mage("engine:up")
	if !strings.HasPrefix(address, "unix:///") || strings.Contains(address, "\n") {
		t.Errorf("engine:up prints %q", address)
	}
	up := w.engine()
	if !up.Running || up.PID == 0 {
		t.Errorf("status %+v", up)
	}
	if again := w.mage("engine:up"); again != address || w.engine().PID != up.PID {
		t.Errorf("up again: %q, status %+v; before %q, %+v", again, w.engine(), address, up)
	}
	w.mage("container:build", "files")
	for _, args := range [][]string{{"engine:prune"}, {"engine:prune", "-all"}} {
		if freed := w.mage(args...); !strings.HasPrefix(freed, "freed ") {
			t.Errorf("%s prints %q", args, freed)
		}
	}
	w.mage("container:build", "files")
	w.mage("engine:down")
	if down := w.engine(); down.Running {
		t.Errorf("after engine:down: %+v", down)
	}
	gone(t, w.env["BLUMEOPS_ENGINE_STATE"]+"/")
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), w.env["BLUMEOPS_ENGINE_STATE"]) {
		t.Errorf("mounted after engine:down (%v): %s", err, mounts)
	}
	w.mage("engine:prune", "-all")
	if entries, err := os.ReadDir(up.Root); err == nil && len(entries) > 0 {
		t.Errorf("the cache of an engine that is down still holds %q", entries)
	}
}

// What stands where no engine is to be had.
func TestChoiceOfEngine(t *testing.T) {
	w := newWorld(t)
	w.env["BLUMEOPS_ENGINE"] = ""
	if got := w.run("container:build", "files"); got.status != 0 || !strings.Contains(got.stderr, "engine: embedded (no Docker, no Dagger runner)\n") {
		t.Errorf("by itself: %+v", got)
	}
	if got := w.run("container:build", "files", "-engine=embedded"); got.status != 0 || !strings.Contains(got.stderr, "engine: embedded (asked for)\n") {
		t.Errorf("asked for: %+v", got)
	}
	w.env["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] = "tcp://127.0.0.1:1"
	if got := w.run("container:build", "files"); got.status != 0 || !strings.Contains(got.stderr, "engine: embedded (a runner is named") || !strings.Contains(got.stderr, "connection refused") {
		t.Errorf("a Dagger runner that is down: %+v", got)
	}
	if got := w.run("container:build", "files", "-engine=dagger"); got.status != 1 || !strings.Contains(got.stderr, "no Dagger engine at tcp://127.0.0.1:1") || !strings.Contains(got.stderr, "hint: start") {
		t.Errorf("a Dagger runner that is down, asked for: %+v", got)
	}
	if got := w.run("doctor", "-only=engine"); got.status != 1 || !strings.Contains(got.stdout, "no Dagger engine at tcp://127.0.0.1:1") {
		t.Errorf("doctor at a Dagger runner that is down: %+v", got)
	}
	delete(w.env, "_EXPERIMENTAL_DAGGER_RUNNER_HOST")
	w.env["BUILDKIT_HOST"] = "tcp://127.0.0.1:1"
	got := w.run("container:build", "files")
	if got.status != 1 || !strings.Contains(got.stderr, "BUILDKIT_HOST") || !strings.Contains(got.stderr, "127.0.0.1:1") || got.stdout != "" {
		t.Errorf("a BuildKit that does not answer: %+v", got)
	}
}
