//go:build unix

package procgroup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup/procgrouptest"
)

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := Command{Args: []string{"sh", "-c", `echo "$A $PWD"; echo two >&2; cat; exit 3`}, Dir: t.TempDir(), Env: []string{"A=1", "PATH=" + os.Getenv("PATH")}, Output: &out, Grace: time.Minute}
	var exit *exec.ExitError
	if err := c.Run(t.Context()); !errors.As(err, &exit) || exit.ExitCode() != 3 || out.String() != "1 "+c.Dir+"\ntwo\n" {
		t.Errorf("got %v, %q", err, out.String())
	}
	c.Args = []string{"no-such-program"}
	if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "program no-such-program not found on PATH") {
		t.Errorf("got %v", err)
	}
}

// Run does not wait for processes that the command leaves in the background.
func TestRunDoesNotEndBackgroundProcesses(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := Command{Args: []string{"sh", "-c", "sleep 600 & echo $!"}, Env: os.Environ(), Output: &out, Grace: 100 * time.Millisecond}
	if err := c.Run(t.Context()); err != nil {
		t.Errorf("got %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(out.String()))
	if err != nil || syscall.Kill(pid, syscall.SIGKILL) != nil {
		t.Errorf("it does not go on: %q", out.String())
	}
}

// The end of the context ends the whole group: processes that react to the interrupt and those that do not.
func TestStop(t *testing.T) {
	t.Parallel()
	for name, trap := range map[string]string{"heeds": "", "stubborn": "trap '' INT; "} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reached := filepath.Join(t.TempDir(), "reached")
			ctx, stop := context.WithCancelCause(t.Context())
			enough := errors.New("that is enough")
			gone := procgrouptest.Pipe(t, reached, func() { stop(enough) })
			c := Command{
				Args: []string{"sh", "-c", trap + `exec 3>"$REACHED"; sleep 600 & echo reached >&3; wait`},
				Env:  append(os.Environ(), "REACHED="+reached), Output: io.Discard, Grace: 10 * time.Millisecond,
			}
			if err := c.Run(ctx); !errors.Is(err, enough) {
				t.Errorf("got %v, want %v", err, enough)
			}
			gone()
		})
	}
}
