package e2e

import (
	"crypto/rand"
	"strings"
	"syscall"
	"testing"
)

// A signal ends the tests that ci runs together with all that they started, and is what is told of them.
func TestCISignals(t *testing.T) {
	for signal, status := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			mark := "mark-" + rand.Text()
			w.write("tests.sh", "trap '' INT\nsh -c 'sleep 600; :' "+mark+" &\necho ready \"$1\"\nwait\n")
			w.env["BLUMEOPS_TEST_COMMAND"] = "sh tests.sh " + mark
			r := w.start("ci", "-only=tests,validate")
			r.says("tests | ready " + mark)
			if len(processes(mark)) < 2 {
				t.Errorf("of the script and what it started there is %v, so that nobody could tell whether they end", processes(mark))
			}
			r.signal(signal)
			got := r.wait()
			if got.status != status || got.stdout != "" || !strings.Contains(got.stderr, "stopped") || strings.Contains(got.stderr, "failed: tests") {
				t.Errorf("status %d, want %d\n%s%s", got.status, status, got.stdout, got.stderr)
			}
			gone(t, mark)
		})
	}
}
