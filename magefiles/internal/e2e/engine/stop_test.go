package engine

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

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

// waiting writes the container waits, whose only RUN says that it is there and then waits, and returns a word that is on the command line of
// that process and nowhere else.
func (w *workspace) waiting() (mark string) {
	w.T.Helper()
	mark = "mark-" + rand.Text()
	program := filepath.Join(w.Repo, "containers", "waits", "hello")
	cmd := exec.Command("go", "build", "-o", program, "./containers/hello")
	cmd.Dir, cmd.Env = w.Repo, append(w.Env.List(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		w.T.Fatalf("%v: %s", err, out)
	}
	w.runs("wait", mark)
	return mark
}

// runs makes the RUN of the container waits another one.
func (w *workspace) runs(args ...string) {
	w.T.Helper()
	line, err := json.Marshal(append([]string{"/hello"}, args...))
	if err != nil {
		w.T.Fatal(err)
	}
	w.Write("containers/waits/Dockerfile", fmt.Sprintf("FROM scratch\nCOPY hello /hello\nRUN %s\n", line))
}

// A signal in the middle of a RUN ends mage and all of the build, and the next build works.
func TestSignals(t *testing.T) {
	e2etest.NeedRuntime(t)
	for signal, status := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t)
			mark := w.waiting()
			r := w.Start("-v", "container:build", "waits", "-output=out.tar")
			r.Says("ready " + mark)
			if len(e2etest.Processes(mark)) == 0 {
				t.Error("the process of the build is not to be seen, so that nobody could tell whether it ends")
			}
			r.Signal(signal)
			got := r.Wait()
			if got.Status != status || got.Stdout != "" || !strings.Contains(got.Stderr, "stopped") {
				t.Errorf("status %d, want %d\n%s%s", got.Status, status, got.Stdout, got.Stderr)
			}
			e2etest.Gone(t, mark)
			w.cleanAfterStop()
		})
	}
}

// Killing mage ends the build as well, and the next one works.
func TestKilled(t *testing.T) {
	e2etest.NeedRuntime(t)
	w := newWorkspace(t)
	mark := w.waiting()
	r := w.Start("-v", "container:build", "waits", "-output=out.tar")
	r.Says("ready " + mark)
	r.Signal(os.Kill)
	r.Wait()
	e2etest.Gone(t, mark)
	w.cleanAfterStop()
}

// cleanAfterStop checks that nothing half-written lies about, and that a build works.
func (w *workspace) cleanAfterStop() {
	w.T.Helper()
	left, err := filepath.Glob(filepath.Join(w.Repo, "*.tar"))
	hidden, hiddenErr := filepath.Glob(filepath.Join(w.Repo, ".blumeops-*"))
	if left = append(left, hidden...); len(left) > 0 || err != nil || hiddenErr != nil {
		w.T.Errorf("left behind: %q", left)
	}
	w.runs()
	w.Mage("container:build", "waits")
	if left, err := filepath.Glob(filepath.Join(w.Env["TMPDIR"], "blumeops-*")); len(left) > 0 || err != nil {
		w.T.Errorf("left in the folder of temporary files: %q", left)
	}
}

// An engine that is killed, idle or in the middle of a build, is started again by the next command.
func TestEngineKilled(t *testing.T) {
	e2etest.NeedRuntime(t)
	w := newWorkspace(t)
	w.OwnEngine()
	mark := w.waiting()
	r := w.Start("-v", "container:build", "waits")
	r.Says("ready " + mark)
	w.killEngine()
	got := r.Wait()
	if got.Status == 0 || got.Stdout != "" || !strings.Contains(got.Stderr, "connection to BuildKit was lost") {
		t.Errorf("while the engine is killed: %+v", got)
	}
	w.runs()
	w.Mage("container:build", "waits")
	e2etest.Gone(t, mark)
	w.killEngine()
	w.Mage("container:build", "files")
}

func (w *workspace) killEngine() {
	w.T.Helper()
	if err := syscall.Kill(w.engine().PID, syscall.SIGKILL); err != nil {
		w.T.Fatal(err)
	}
}

// engineStatus is a part of what engine:status tells.
type engineStatus struct {
	Running bool
	PID     int
	Root    string
}

func (w *workspace) engine() (s engineStatus) {
	w.T.Helper()
	if err := json.Unmarshal([]byte(w.Mage("engine:status", "-format=json")), &s); err != nil {
		w.T.Fatal(err)
	}
	return s
}

// The targets of the engine, on one of its own.
func TestEngineTargets(t *testing.T) {
	w := newWorkspace(t)
	w.OwnEngine()
	if text := w.Mage("engine:status"); !strings.HasPrefix(text, "running  ") || !strings.Contains(text, " no\n") {
		t.Errorf("before it is up: %s", text)
	}
	w.Mage("engine:down") // what is down can be put down
	address := w.Mage("engine:up")
	if !strings.HasPrefix(address, "unix:///") || strings.Contains(address, "\n") {
		t.Errorf("engine:up prints %q", address)
	}
	up := w.engine()
	if !up.Running || up.PID == 0 {
		t.Errorf("status %+v", up)
	}
	if again := w.Mage("engine:up"); again != address || w.engine().PID != up.PID {
		t.Errorf("up again: %q, status %+v; before %q, %+v", again, w.engine(), address, up)
	}
	w.Mage("container:build", "files")
	for _, args := range [][]string{{"engine:prune"}, {"engine:prune", "-all"}} {
		if freed := w.Mage(args...); !strings.HasPrefix(freed, "freed ") {
			t.Errorf("%s prints %q", args, freed)
		}
	}
	w.Mage("container:build", "files")
	w.Mage("engine:down")
	if down := w.engine(); down.Running {
		t.Errorf("after engine:down: %+v", down)
	}
	e2etest.Gone(t, w.Env["BLUMEOPS_ENGINE_STATE"]+"/")
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), w.Env["BLUMEOPS_ENGINE_STATE"]) {
		t.Errorf("mounted after engine:down (%v): %s", err, mounts)
	}
	w.Mage("engine:prune", "-all")
	if entries, err := os.ReadDir(up.Root); err == nil && len(entries) > 0 {
		t.Errorf("the cache of an engine that is down still holds %q", entries)
	}
}

// The state of a machine without an engine.
func TestChoiceOfEngine(t *testing.T) {
	w := newWorkspace(t)
	w.Env["BLUMEOPS_ENGINE"] = ""
	if got := w.Run("container:build", "files"); got.Status != 0 || !strings.Contains(got.Stderr, "engine: embedded (no Docker, no Dagger runner)\n") {
		t.Errorf("by itself: %+v", got)
	}
	if got := w.Run("container:build", "files", "-engine=embedded"); got.Status != 0 || !strings.Contains(got.Stderr, "engine: embedded (requested)\n") {
		t.Errorf("asked for: %+v", got)
	}
	w.Env["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] = "tcp://127.0.0.1:1"
	if got := w.Run("container:build", "files"); got.Status != 0 || !strings.Contains(got.Stderr, "engine: embedded (a runner is set") || !strings.Contains(got.Stderr, "connection refused") {
		t.Errorf("a Dagger runner that is down: %+v", got)
	}
	if got := w.Run("container:build", "files", "-engine=dagger"); got.Status != 1 || !strings.Contains(got.Stderr, "no Dagger engine at tcp://127.0.0.1:1") || !strings.Contains(got.Stderr, "hint: start") {
		t.Errorf("a Dagger runner that is down, asked for: %+v", got)
	}
	if got := w.Run("doctor", "-only=engine"); got.Status != 1 || !strings.Contains(got.Stdout, "no Dagger engine at tcp://127.0.0.1:1") {
		t.Errorf("doctor at a Dagger runner that is down: %+v", got)
	}
	delete(w.Env, "_EXPERIMENTAL_DAGGER_RUNNER_HOST")
	w.Env["BUILDKIT_HOST"] = "tcp://127.0.0.1:1"
	got := w.Run("container:build", "files")
	if got.Status != 1 || !strings.Contains(got.Stderr, "BUILDKIT_HOST") || !strings.Contains(got.Stderr, "127.0.0.1:1") || got.Stdout != "" {
		t.Errorf("a BuildKit that does not answer: %+v", got)
	}
}
