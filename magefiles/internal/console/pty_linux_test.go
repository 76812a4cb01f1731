package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// The test binary runs itself on a terminal of its own, in the role that this variable names.
const roleVariable = "CONSOLE_TEST_ROLE"

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
		os.Exit(m.Run())
	case "work":
		work()
	case "attend":
		attend()
	default:
		lead(role)
	}
}

// work is a target with a view; it goes on when descriptor 3 is written to.
func work() {
	c := New(Options{Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv})
	v, err := c.View("build nettest", "")
	if err != nil {
		panic(err)
	}
	v.Event(Event{Step: "1", Name: "compile linux/amd64", State: Started})
	v.Event(Event{Step: "2", Name: "FROM scratch", State: Cached})
	v.Event(Event{Step: "1", State: Log, Stream: 1, Data: []byte("main.go\n")})
	c.Note("a note")
	await := func() { _, _ = os.NewFile(3, "go").Read(make([]byte, 1)) }
	await()
	for range 3 { // as the clock would
		if c.screen != nil {
			width, height := c.screen.terminal.size()
			c.show(frame(v.title, v.steps, v.begun, time.Now(), width, height, c.screen.look))
		}
	}
	v.Event(Event{Step: "1", State: Done})
	v.Finish(nil)
	if err := c.Result("the-result"); err != nil {
		panic(err)
	}
}

// lead is the leader of a session, like a shell: it starts the work in the background, or starts it in the foreground and moves it to
// the background when descriptor 3 is written to. It reports on descriptor 4 how the work ended. The terminal has `stty tostop`.
func lead(role string) {
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	mode, err := unix.IoctlGetTermios(0, unix.TCGETS)
	check(err)
	mode.Lflag |= unix.TOSTOP
	check(unix.IoctlSetTermios(0, unix.TCSETS, mode))
	goOn, tell, err := os.Pipe()
	check(err)
	child := exec.Command(os.Args[0]) //nolint:noctx // ends with its terminal
	work := "work"
	if role == "attend in the background" {
		work = "attend"
	}
	child.Env = append(os.Environ(), roleVariable+"="+work)
	child.Stdin, child.Stdout, child.Stderr, child.ExtraFiles = os.Stdin, os.Stdout, os.Stderr, []*os.File{goOn}
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if role == "foreground, then background" {
		child.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: 0}
	}
	check(child.Start())
	signal.Ignore(unix.SIGTTOU) // needed to take the terminal back; not earlier, as the work would inherit it
	_, _ = os.NewFile(3, "control").Read(make([]byte, 1))
	if role == "foreground, then background" {
		check(unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, unix.Getpgrp()))
		fmt.Print("[moved]\n")
	}
	_, err = tell.Write([]byte("."))
	check(err)
	var status unix.WaitStatus
	_, err = unix.Wait4(child.Process.Pid, &status, unix.WUNTRACED, nil)
	check(err)
	report := "stopped"
	if status.Exited() {
		report = "exited " + strconv.Itoa(status.ExitStatus())
	} else {
		_ = child.Process.Kill()
	}
	_, _ = io.WriteString(os.NewFile(4, "report"), report)
}

// session runs this test binary in a role, on a terminal of its own.
type session struct {
	t       *testing.T
	cmd     *exec.Cmd
	master  *os.File // of the terminal
	control *os.File // for proceed
	report  *os.File

	mu     sync.Mutex
	output bytes.Buffer
	more   chan struct{} // something was written
	closed chan struct{} // nothing more comes
}

func begin(t *testing.T, role string, columns uint16, env ...string) *session {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	controlled, control, err1 := os.Pipe()
	report, reported, err2 := os.Pipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	s := &session{t: t, master: master, cmd: exec.CommandContext(ctx, os.Args[0]), control: control, report: report, more: make(chan struct{}, 1), closed: make(chan struct{})}
	s.cmd.Env = append(env, roleVariable+"="+role, "GOCOVERDIR="+t.TempDir())
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.ExtraFiles = []*os.File{controlled, reported}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{slave, controlled, reported} {
		_ = f.Close()
	}
	t.Cleanup(func() { _ = master.Close() })
	go s.collect(master)
	return s
}

func (s *session) collect(from io.Reader) {
	defer close(s.closed)
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		s.mu.Lock()
		s.output.Write(buf[:n])
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil { // EIO: the last process on the terminal has ended
			return
		}
	}
}

func (s *session) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

// until waits for output that matches.
func (s *session) until(pattern string) {
	s.t.Helper()
	for want := regexp.MustCompile(pattern); !want.MatchString(s.text()); {
		select {
		case <-s.more:
		case <-s.closed:
			if !want.MatchString(s.text()) {
				s.t.Fatalf("it ended and %q did not come: %q", pattern, s.text())
			}
		}
	}
}

// proceed tells the role to go on, and returns everything that was printed until it ended.
func (s *session) proceed() string {
	s.t.Helper()
	if _, err := s.control.Write([]byte(".")); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Fatalf("%v: %q", err, s.text())
	}
	<-s.closed
	return s.text()
}

var sequence = regexp.MustCompile("\x1b\\[([0-9]*)([A-Za-z])")

// screenAfter returns the lines that a terminal shows after text, if text holds only the sequences that a live view
// uses.
func screenAfter(t *testing.T, text string, columns int) []string {
	t.Helper()
	rows, y, x := [][]rune{nil}, 0, 0
	for len(text) > 0 {
		if at := sequence.FindStringSubmatchIndex(text); at != nil && at[0] == 0 {
			count, command := text[at[2]:at[3]], text[at[4]:at[5]]
			text = text[at[1]:]
			switch command {
			case "A":
				n, _ := strconv.Atoi(count)
				if n > y {
					t.Fatalf("the cursor goes %d rows up from row %d", n, y)
				}
				y -= n
			case "J":
				rows, rows[y] = rows[:y+1], rows[y][:x]
			case "m":
			default:
				t.Fatalf("unexpected sequence %q", command)
			}
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		switch {
		case r == '\r':
			x = 0
		case r == '\n':
			if y++; y == len(rows) {
				rows = append(rows, nil)
			}
		case r < ' ':
			t.Fatalf("unexpected control character %q", r)
		default:
			if x == columns {
				t.Fatalf("a line is longer than %d columns: %q", columns, string(rows[y]))
			}
			for len(rows[y]) <= x {
				rows[y] = append(rows[y], ' ')
			}
			rows[y][x] = r
			x++
		}
	}
	var shown []string
	for _, row := range rows {
		shown = append(shown, strings.TrimRight(string(row), " "))
	}
	return shown
}

func TestLiveViewLeavesOneLine(t *testing.T) {
	for _, columns := range []int{20, 40, 80, 200} {
		s := begin(t, "work", uint16(columns), "TERM=xterm", "LANG=C.UTF-8")
		s.until(`build nett.*\n.*comp`)
		if live := screenAfter(t, s.text(), columns); len(live) != 4 || live[0] != "a note" || !strings.Contains(live[1], "build nett") || !strings.HasPrefix(live[2], "  comp") {
			t.Errorf("%d columns: %q", columns, live)
		}
		shown := screenAfter(t, s.proceed(), columns)
		if len(shown) != 4 || shown[0] != "a note" || !strings.HasPrefix(shown[1], "✓ build nettest") || columns > 20 && !regexp.MustCompile(`  \d\.\ds`).MatchString(shown[1]) || shown[2] != "the-result" || shown[3] != "" {
			t.Errorf("%d columns: it leaves %q", columns, shown)
		}
	}
}

func TestNoLiveView(t *testing.T) {
	for _, env := range [][]string{{"TERM=dumb"}, {}, {"TERM=xterm", "CI=true"}} {
		s := begin(t, "work", 80, env...)
		s.until("a note")
		if got := s.proceed(); strings.Contains(got, "\x1b") || !strings.Contains(got, "done    compile linux/amd64") {
			t.Errorf("%q: %q", env, got)
		}
	}
}

func TestNoColour(t *testing.T) {
	s := begin(t, "work", 80, "TERM=xterm", "NO_COLOR=1")
	s.until("compile")
	if got := s.proceed(); regexp.MustCompile("\x1b\\[[0-9;]*m").MatchString(got) || !strings.Contains(got, "ok build nettest") {
		t.Errorf("%q", got)
	}
}

// In the background of a terminal with tostop, any write would stop a process that is not prepared for it.
func TestBackgroundIsNeverStopped(t *testing.T) {
	for role, ready := range map[string]string{"background": "a note", "foreground, then background": `build nettest.*\n.*compile`} {
		t.Run(role, func(t *testing.T) {
			s := begin(t, role, 80, "TERM=xterm")
			s.until(ready)
			got := s.proceed()
			report, err := io.ReadAll(s.report)
			if err != nil || string(report) != "exited 0" {
				t.Fatalf("%s, %v: %q", report, err, got)
			}
			_, after, moved := strings.Cut(got, "[moved]")
			if !moved {
				after = got
			}
			if strings.Contains(after, "\x1b[J") || strings.Contains(after, "A\x1b") || !strings.Contains(after, "the-result") {
				t.Errorf("it draws in the background: %q", after)
			}
		})
	}
}

func TestFrame(t *testing.T) {
	now := time.Unix(1000, 0)
	steps := []*step{{name: "done", state: Done}, {name: "from", state: Cached}}
	for i := range 12 {
		steps = append(steps, &step{name: fmt.Sprint("step ", i), state: Started, begun: now.Add(-time.Second)})
	}
	steps[2].current, steps[2].total = 12e6, 40.1e6
	steps[3].last = "its last words"
	lines := frame("title", steps, now.Add(-70*time.Second), now, 60, 24, look{})
	var text []string
	for _, l := range lines {
		if len(l.text) != 59 || l.width != 59 {
			t.Errorf("%d columns: %q", len(l.text), l.text)
		}
		text = append(text, strings.Join(strings.Fields(l.text), " "))
	}
	want := []string{"| title 2 steps, 1 cached 1m10s", "step 0 12.0 of 40.1 MB 1.0s", "step 1 its last words 1.0s"}
	for i := 2; i < 7; i++ {
		want = append(want, fmt.Sprintf("step %d 1.0s", i))
	}
	want = append(want, "and 5 more")
	if strings.Join(text, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\nwant\n%s", strings.Join(text, "\n"), strings.Join(want, "\n"))
	}
	if got := frame("title", steps, now, now, 60, 5, look{}); len(got) != 4 {
		t.Errorf("%d lines on a terminal of 5", len(got))
	}
	for width := range 30 { // no width makes it panic or overflow
		for _, l := range frame("タイトル", steps, now, now, width, 24, look{unicode: true}) {
			if l.width >= max(width, 1) {
				t.Errorf("%d columns on a terminal of %d", l.width, width)
			}
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0.0s", 40 * time.Millisecond: "0.0s", 59940 * time.Millisecond: "59.9s", 59960 * time.Millisecond: "1m00s",
		125 * time.Second: "2m05s", 3 * time.Hour: "3h00m",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
