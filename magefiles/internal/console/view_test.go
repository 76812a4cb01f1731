package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// quietly is a Console that writes to buffers.
func quietly(o Options) (c *Console, stdout, stderr *bytes.Buffer) {
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	o.Stdout, o.Stderr = stdout, stderr
	return New(o), stdout, stderr
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// logIn is the only log of a folder.
func logIn(t *testing.T, folder string) string {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(folder, "*.log"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("logs: %q, %v", logs, err)
	}
	return logs[0]
}

// play shows a build of three steps, the last of which ends as err says, at fixed times.
func play(t *testing.T, c *Console, logs string, err error) {
	t.Helper()
	v, failed := c.View("build devpi", logs)
	if failed != nil {
		t.Fatal(failed)
	}
	at := v.begun
	v.now = func() time.Time { return at }
	v.Event(Event{Step: "1", Name: "FROM python", State: Cached})
	v.Event(Event{Step: "2", Name: "COPY  start.sh\n  /", State: Started})
	at = at.Add(1300 * time.Millisecond)
	v.Event(Event{Step: "2", State: Done})
	v.Event(Event{Step: "2", State: Done}) // engines repeat events
	v.Event(Event{Step: "3", Name: "RUN make", State: Started})
	v.Event(Event{Step: "3", State: Log, Stream: 1, Data: []byte("cc -o a")})
	v.Event(Event{Step: "3", State: Log, Stream: 2, Data: []byte("warn")})
	v.Event(Event{Step: "3", State: Log, Stream: 1, Data: []byte(".out\n10%\r100%\x1b[K\nlast")})
	at = at.Add(61 * time.Second)
	if err == nil {
		v.Event(Event{Step: "3", State: Done})
	} else {
		v.Event(Event{Step: "3", State: Failed, Err: err.Error()})
		v.Event(Event{Step: "4", Name: "RUN other", State: Failed, Err: "context canceled"})
	}
	v.Finish(err)
	v.Finish(err)
	v.Event(Event{Step: "9", Name: "too late", State: Started})
}

func TestPlainProgress(t *testing.T) {
	c, stdout, stderr := quietly(Options{})
	play(t, c, "", nil)
	if err := c.Result("ref@sha256:1"); err != nil {
		t.Fatal(err)
	}
	want := `cached  FROM python
done    COPY start.sh / (1.3s)
done    RUN make (1m01s)
done    build devpi (1m02s, 3 steps, 1 cached)
`
	if stderr.String() != want || stdout.String() != "ref@sha256:1\n" {
		t.Errorf("stderr:\n%s\nstdout:\n%s", stderr, stdout)
	}
}

// The start of a slow step is reported; a step that ends immediately gets a single line.
func TestSlowStepIsAnnounced(t *testing.T) {
	c, _, stderr := quietly(Options{})
	v, err := c.View("x", "")
	if err != nil {
		t.Fatal(err)
	}
	v.quiet = 0
	v.Event(Event{Step: "1", Name: "RUN make", State: Started})
	for said := false; !said; runtime.Gosched() {
		v.mu.Lock()
		said = strings.Contains(stderr.String(), "start   RUN make\n")
		v.mu.Unlock()
	}
	v.Finish(nil)
}

func TestVerboseProgress(t *testing.T) {
	c, _, stderr := quietly(Options{Verbose: true})
	play(t, c, "", nil)
	for _, want := range []string{"RUN make | cc -o a.out\n", "RUN make | 100%\n", "RUN make | last\n", "RUN make | warn\n"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("%q is missing in\n%s", want, stderr)
		}
	}
}

// Aloud output is shown as it comes, in whole lines, however the pieces of several steps mix.
func TestAloud(t *testing.T) {
	c, _, stderr := quietly(Options{})
	v, err := c.View("ci", "")
	if err != nil {
		t.Fatal(err)
	}
	say := func(step, text string, aloud bool) {
		v.Event(Event{Step: step, State: Log, Stream: 1, Data: []byte(text), Aloud: aloud})
	}
	say("tests", "ok  \ta", true)
	say("validate", "no fin", true)
	say("quiet", "not said\n", false)
	say("tests", "\nFA", true)
	say("validate", "dings\n", true)
	say("tests", "IL", true)
	v.Event(Event{Step: "validate", State: Done})
	v.Finish(nil)
	want := "tests | ok  \ta\nvalidate | no findings\n"
	if got, _, _ := strings.Cut(stderr.String(), "done "); got != want || !strings.Contains(stderr.String(), "tests | FAIL\n") {
		t.Errorf("got\n%s\nwant\n%s", stderr, want)
	}
}

func TestFailureShowsStepLinesCodeAndLog(t *testing.T) {
	logs := filepath.Join(t.TempDir(), "logs")
	c, _, stderr := quietly(Options{})
	play(t, c, logs, fmt.Errorf("build devpi: %w", stepError{7}))
	path := logIn(t, logs)
	want := "cached  FROM python\ndone    COPY start.sh / (1.3s)\nfailed  RUN make (1m01s)\nstopped RUN other (0.0s)\nfailed: RUN make (1m01s), exit code 7\n  | cc -o a.out\n  | 100%\n  | last\n  | warn\nfull log: " + path + "\n"
	if stderr.String() != want {
		t.Errorf("%s\nwant\n%s", stderr, want)
	}
	log := read(t, path)
	for _, line := range []string{"    0.00 cached  FROM python\n", "    1.30 RUN make | cc -o a.out\n", "   62.30 reason: build devpi: RUN false: exit code 7\n", "   62.30 failed  RUN make (1m01s)\n", "stopped RUN other"} {
		if !strings.Contains(log, line) {
			t.Errorf("%q is missing in the log:\n%s", line, log)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the log's mode: %v, %v", info.Mode(), err)
	}
}

func TestStoppedWorkShowsNoFailure(t *testing.T) {
	c, _, stderr := quietly(Options{})
	play(t, c, "", context.Canceled)
	if want := "cached  FROM python\ndone    COPY start.sh / (1.3s)\nstopped RUN make (1m01s)\nstopped RUN other (0.0s)\n"; stderr.String() != want {
		t.Errorf("%s", stderr)
	}
}

func TestOnlyTheLastLinesAreShown(t *testing.T) {
	c, _, stderr := quietly(Options{})
	v, err := c.View("x", "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		v.Event(Event{Step: "1", Name: "s", State: Log, Stream: 1, Data: fmt.Appendf(nil, "line %d.\n", i)})
	}
	v.Event(Event{Step: "1", State: Failed})
	v.Finish(errors.New("x"))
	if got := stderr.String(); strings.Contains(got, "line 79.") || !strings.Contains(got, "line 80.\n") || strings.Count(got, "|") != tailLines {
		t.Errorf("%s", got)
	}
}

// Runs of one title each have a log, even at the same moment, and other programs' files in the folder stay.
func TestEveryRunHasItsLog(t *testing.T) {
	logs := t.TempDir()
	for _, title := range []string{"build a/b:c", "build a b c", "build a/b:c", "", "../x", strings.Repeat("é", 300)} {
		c, _, _ := quietly(Options{})
		v, err := c.View(title, logs)
		if err != nil {
			t.Fatal(err)
		}
		v.Event(Event{Step: "1", Name: "says " + title, State: Done})
		defer v.Finish(nil)
	}
	var names []string
	entries, err := os.ReadDir(logs)
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), "-20")
		names = append(names, name)
		if read(t, filepath.Join(logs, e.Name())) == "" {
			t.Error(e.Name(), "is empty")
		}
	}
	if want := []string{"build-a-b-c", "build-a-b-c", "build-a-b-c", "run", "run", "x"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, %v", names, err)
	}
	c, _, _ := quietly(Options{})
	if _, err := c.View("x", filepath.Join(logs, entries[0].Name())); err == nil {
		t.Error("a log under a file was made")
	}
}

// The folder of logs does not grow forever. A log that a run still writes is kept, however old it is.
func TestOldLogsAreDeleted(t *testing.T) {
	logs := t.TempDir()
	c, _, _ := quietly(Options{})
	v, err := c.View("long run", logs)
	if err != nil {
		t.Fatal(err)
	}
	long, old := logIn(t, logs), time.Now().Add(-time.Hour)
	foreign := filepath.Join(logs, "foreign")
	for n := range keptLogs + 20 {
		path := filepath.Join(logs, fmt.Sprintf("build-%d.log", n))
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, old, old.Add(time.Duration(n)*time.Second))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.WriteFile(foreign, nil, 0o600), os.Chtimes(foreign, old, old), os.Chtimes(long, old, old.Add(-time.Hour))); err != nil {
		t.Fatal(err)
	}
	play(t, c, logs, nil)
	left, err := filepath.Glob(filepath.Join(logs, "*"))
	if err != nil || len(left) != keptLogs+2 || !slices.Contains(left, long) || !slices.Contains(left, foreign) || slices.Contains(left, filepath.Join(logs, "build-20.log")) {
		t.Errorf("%d are left: %q, %v", len(left), left, err)
	}
	v.Finish(nil)
	play(t, c, logs, nil)
	if _, err := os.Stat(long); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a log that has ended is kept: %v", err)
	}
}

func TestEventsFromSeveralGoroutines(t *testing.T) {
	c, _, stderr := quietly(Options{Verbose: true})
	v, err := c.View("x", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			id := fmt.Sprint("step", i)
			v.Event(Event{Step: id, State: Started})
			for range 50 {
				v.Event(Event{Step: id, State: Log, Stream: 1, Data: []byte("part one, ")})
				v.Event(Event{Step: id, State: Log, Stream: 1, Data: []byte("part two\n")})
				c.Note("note")
			}
			v.Event(Event{Step: id, State: Done})
		})
	}
	group.Wait()
	v.Finish(nil)
	if n := strings.Count(stderr.String(), " | part one, part two\n"); n != 400 {
		t.Errorf("%d whole lines of 400", n)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttab": "plain\ttab", "a\x1b[31mred\x1b[0m": "ared", "1%\r50%\r100%": "100%", "end\r": "end",
		"\x1b]0;title\x07x": "x", "\x1b[2J\x1b[1;1Hx": "x", "bell\a\b": "bell", "\xff\xfe": "\uFFFD", "lone\x1b": "lone", "日本": "日本", "a\u202eb": "ab", "\u009b31mx": "x",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\n\x1b[31mc"), []byte{1, 2})
	f.Add(bytes.Repeat([]byte("日"), 3000), []byte{7})
	f.Fuzz(func(t *testing.T, text, cuts []byte) {
		var lines, whole []string
		var r Redactor
		out := newStream(&r, func(line string) { lines = append(lines, line) })
		split(t, out.masked, string(text), cuts)
		out.flush()
		all := &lineSplitter{emit: func(line string) { whole = append(whole, line) }}
		if _, err := all.Write(text); err != nil {
			t.Fatal(err)
		}
		all.flush()
		if strings.Join(lines, "\n") != strings.Join(whole, "\n") {
			t.Fatalf("in pieces %q, whole %q", lines, whole)
		}
		for _, line := range lines {
			if strings.ContainsAny(line, "\x1b\r\n\a\b\x00") || len(line) > 3*(maxLine+4) {
				t.Fatalf("line %q", line)
			}
		}
	})
}
