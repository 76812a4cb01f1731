package cli

import (
	"crypto/rand"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

// A signal ends the tests that ci runs together with all that they started, and is what is told of them.
func TestCISignals(t *testing.T) {
	for signal, status := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			w := e2etest.NewWorkspace(t)
			mark := "mark-" + rand.Text()
			w.Write("tests.sh", "trap '' INT\nsh -c 'sleep 600; :' "+mark+" &\necho ready \"$1\"\nwait\n")
			w.Env["BLUMEOPS_TEST_COMMAND"] = "sh tests.sh " + mark
			r := w.Start("ci", "-only=tests,validate")
			r.Says("tests | ready " + mark)
			if len(e2etest.Processes(mark)) < 2 {
				t.Errorf("of the script and what it started there is %v, so that nobody could tell whether they end", e2etest.Processes(mark))
			}
			r.Signal(signal)
			got := r.Wait()
			if got.Status != status || got.Stdout != "" || !strings.Contains(got.Stderr, "stopped") || strings.Contains(got.Stderr, "failed: tests") {
				t.Errorf("status %d, want %d\n%s%s", got.Status, status, got.Stdout, got.Stderr)
			}
			e2etest.Gone(t, mark)
		})
	}
}
