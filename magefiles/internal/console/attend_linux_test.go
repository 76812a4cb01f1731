package console

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// attend is a target with a view that gives its terminal to a "command": it shows what is typed, each byte as a number, until q.
func attend() {
	c := New(Options{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv})
	v, err := c.View("build nettest", "")
	if err != nil {
		panic(err)
	}
	v.Event(Event{Step: "1", Name: "compile", State: Started})
	for range 2 {
		a, err := c.Attend(context.Background(), []string{"a line\x1b[31m", "::another"})
		if err != nil {
			_ = c.Result("refused: " + err.Error())
			return
		}
		c.Note("a note that waits")
		use(a)
		a.Close()
		a.Close() // a second time does nothing
	}
	v.Event(Event{Step: "1", State: Done})
	v.Finish(nil)
}

// use writes the number of each byte that is typed, until q, and each size of the terminal.
func use(a *Attended) {
	_, _ = io.WriteString(a, "open\r\n")
	typed := make(chan byte)
	go func() {
		defer close(typed)
		for buf := make([]byte, 1); ; {
			if n, err := a.Read(buf); n == 0 || err != nil {
				return
			}
			typed <- buf[0]
		}
	}()
	for {
		select {
		case size := <-a.Sizes():
			_, _ = io.WriteString(a, strings.Repeat("=", size[0])+"\r\n")
		case b := <-typed:
			if b == 'q' {
				_, _ = io.WriteString(a, "\x1b[?1049hlast\r\n")
				return
			}
			_, _ = io.WriteString(a, "<"+string(rune('0'+b/100))+string(rune('0'+b/10%10))+string(rune('0'+b%10))+">")
		}
	}
}

func (s *session) mode() unix.Termios {
	s.t.Helper()
	mode, err := unix.IoctlGetTermios(int(s.master.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return *mode
}

func (s *session) types(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.master, text); err != nil {
		s.t.Fatal(err)
	}
}

// Keys pass as they are, also those that are signals; other output waits; the mode of the terminal is restored.
func TestAttend(t *testing.T) {
	s := begin(t, "attend", 80, "TERM=xterm", "LANG=C.UTF-8", "PATH="+os.Getenv("PATH"))
	s.until("open\r\n")
	s.types("\x03\x1a\x04\xc3\xa4")
	s.until(`<003><026><004><195><164>`)
	if err := unix.IoctlSetWinsize(int(s.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 61, Row: 20}); err != nil {
		t.Fatal(err)
	}
	s.until("\n?={61}\r\n")
	if got := s.text(); strings.Contains(got, "waits") || !strings.Contains(got, "a line\r\n: :another\r\nopen") {
		t.Errorf("%q", got)
	}
	s.types("q")
	s.until("last\r\n(.|\n)*a note that waits(.|\n)*open\r\n")
	s.types("x") // for the second command, although a reader of the first has waited
	s.until("<120>")
	if got := s.text(); !strings.Contains(got, "last\r\n\x1b[?1049l") {
		t.Errorf("the alternate screen stays: %q", got)
	}
	s.types("q")
	if err := s.cmd.Wait(); err != nil {
		t.Fatalf("%v: %q", err, s.text())
	}
	if mode := s.mode(); mode.Lflag&(unix.ECHO|unix.ICANON|unix.ISIG) != unix.ECHO|unix.ICANON|unix.ISIG {
		t.Errorf("the mode of the terminal is %+v", mode)
	}
}

// Another process restores the terminal of a target that is killed.
func TestAttendKilled(t *testing.T) {
	testenv.Program(t, "stty", "apt-get install coreutils")
	s := begin(t, "attend", 80, "TERM=xterm", "PATH="+os.Getenv("PATH"))
	s.until("open\r\n")
	if s.mode().Lflag&unix.ECHO != 0 {
		t.Error("the mode of the terminal is not changed")
	}
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait() // it was killed
	for deadline := time.Now().Add(time.Minute); s.mode().Lflag&unix.ECHO == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the mode of the terminal is %+v", s.mode())
		}
	}
}

func TestAttendIsRefused(t *testing.T) {
	s := begin(t, "attend", 80, "TERM=xterm", "CI=1")
	s.until(`refused: this requires a terminal: \$CI is set`)
	_ = s.cmd.Wait() // what it says counts
	s = begin(t, "attend in the background", 80, "TERM=xterm")
	s.until("refused: this requires a terminal: this command runs in the background")
	s.proceed()
	c := New(Options{Stdout: io.Discard, Stderr: io.Discard})
	testenv.WantError(t, c.MayAttend(), "stdin is not a terminal")
	pipe, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer w.Close()
	_, err = New(Options{Stdin: pipe, Stdout: io.Discard, Stderr: io.Discard}).Attend(t.Context(), nil)
	var hinter Hinter
	if testenv.WantError(t, err, "stdin is not a terminal"); !errors.As(err, &hinter) || hinter.Hint() == "" {
		t.Errorf("no hint in %v", err)
	}
}
