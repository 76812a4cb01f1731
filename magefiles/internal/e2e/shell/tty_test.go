package shell

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

// tty is mage on a pseudo terminal.
type tty struct {
	t      testing.TB
	cmd    *exec.Cmd
	master *os.File
	slave  *os.File // stays open, so that the mode of the terminal can be read after the end
	before unix.Termios
	ended  chan struct{}
	state  *os.ProcessState // after the end

	mu    sync.Mutex
	shown bytes.Buffer // what no pattern has matched yet
	all   bytes.Buffer
	more  chan struct{}
}

// start starts mage in the foreground of a terminal.
func start(t testing.TB, w *e2etest.Workspace, args ...string) *tty {
	t.Helper()
	w.Env["TERM"] = "xterm-256color"
	return startCommand(t, w.Command(args...))
}

// startCommand starts a command in the foreground of a terminal.
func startCommand(t testing.TB, cmd *exec.Cmd) *tty {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	y := newTTY(t, cmd, master, slave)
	y.cmd.Stdin, y.cmd.Stdout, y.cmd.Stderr = slave, slave, slave
	y.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	y.begin()
	return y
}

func newTTY(t testing.TB, cmd *exec.Cmd, master, slave *os.File) *tty {
	t.Helper()
	y := &tty{t: t, cmd: cmd, master: master, slave: slave, ended: make(chan struct{}), more: make(chan struct{}, 1)}
	y.resize(100, 30)
	y.before = y.mode()
	return y
}

func (y *tty) begin() {
	y.t.Helper()
	if err := y.cmd.Start(); err != nil {
		y.t.Fatal(err)
	}
	go y.collect()
	go func() {
		defer close(y.ended)
		y.state, _ = y.cmd.Process.Wait() // its state tells; unlike Cmd.Wait it leaves the pipes open
	}()
	y.t.Cleanup(func() {
		_ = y.cmd.Process.Kill() // as a rule it has ended
		<-y.ended
		_ = y.slave.Close()
		_ = y.master.Close()
	})
}

func (y *tty) collect() {
	buf := make([]byte, 4096)
	for {
		n, err := y.master.Read(buf)
		y.mu.Lock()
		y.shown.Write(buf[:n])
		y.all.Write(buf[:n])
		y.mu.Unlock()
		select {
		case y.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// sees waits until the pattern is shown, and forgets everything up to its end.
func (y *tty) sees(pattern string) {
	y.t.Helper()
	timeout := time.After(e2etest.Patience)
	for want := regexp.MustCompile(pattern); ; {
		y.mu.Lock()
		at := want.FindIndex(y.shown.Bytes())
		if at != nil {
			y.shown.Next(at[1])
		}
		y.mu.Unlock()
		if at != nil {
			return
		}
		select {
		case <-y.more:
		case <-timeout:
			y.t.Fatalf("%q is not shown: %q", pattern, y.text())
		}
	}
}

// text is everything that was shown.
func (y *tty) text() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.all.String()
}

func (y *tty) types(text string) {
	y.t.Helper()
	if _, err := io.WriteString(y.master, text); err != nil {
		y.t.Fatal(err)
	}
}

// does types a command, and waits for a line of its output and for the next prompt.
func (y *tty) does(command, line string) {
	y.t.Helper()
	y.types(command + "\r")
	y.sees(`[\r\n]` + line + `\r\n`) // bash sends a carriage return before the output
	y.sees(prompt)
}

// prompt is the prompt of busybox and of bash: busybox then asks for the position of the cursor, and bash may clear the rest of the line.
const prompt = `[$#] (\x1b\[(6n|K))?$`

func (y *tty) resize(columns, rows uint16) {
	y.t.Helper()
	if err := pty.Setsize(y.master, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		y.t.Fatal(err)
	}
}

func (y *tty) mode() unix.Termios {
	y.t.Helper()
	mode, err := unix.IoctlGetTermios(int(y.slave.Fd()), unix.TCGETS)
	if err != nil {
		y.t.Fatal(err)
	}
	return *mode
}

// end waits for the end, and for all that was shown until then.
func (y *tty) end() {
	y.t.Helper()
	select {
	case <-y.ended:
	case <-time.After(e2etest.Patience):
		y.t.Fatalf("it does not end: %q", y.text())
	}
	if _, err := io.WriteString(y.slave, "[end]"); err != nil {
		y.t.Fatal(err)
	}
	y.sees(`\[end\]`)
}

// ends waits for the end, and wants this exit status and the terminal as it was.
func (y *tty) ends(status int) {
	y.t.Helper()
	y.end()
	if got := y.state.ExitCode(); got != status {
		y.t.Errorf("status %d, want %d: %q", got, status, y.text())
	}
	y.restored()
}

// restored waits until the terminal is as it was: after a kill another process restores it.
func (y *tty) restored() {
	y.t.Helper()
	for deadline := time.Now().Add(e2etest.Patience); y.mode() != y.before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			y.t.Fatalf("the mode of the terminal is %+v, it was %+v", y.mode(), y.before)
		}
	}
}

// raw fails if the mode of the terminal is the usual one.
func (y *tty) raw() {
	y.t.Helper()
	if y.mode() == y.before {
		y.t.Error("the mode of the terminal is not changed: keys would not reach the shell as they are")
	}
}

// notInLogs fails if a text is in a file of the logs.
func notInLogs(t testing.TB, w *e2etest.Workspace, texts ...string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(w.Dir, "cache", "blumeops", "log", "*"))
	if err != nil || len(logs) == 0 {
		t.Errorf("no logs: %v", err)
	}
	for _, name := range logs {
		log, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
		}
		for _, text := range texts {
			if strings.Contains(string(log), text) {
				t.Errorf("%s has %q:\n%s", name, text, log)
			}
		}
	}
}
