package shell

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
)

var update = flag.Bool("update", false, "write what the terminal shows into the recorded sessions of the page")

const debugPage = "docs/how-to/debug-a-failing-build.md"

// TestDebugPage does what the page says, in a copy of this repository, in a shell on a terminal, and compares its recorded sessions with what the
// terminal shows. The page's Docker Hub and package index are stand-ins: commands whose output would tell are not in the sessions.
func TestDebugPage(t *testing.T) {
	w := withBusybox(t)
	_, _ = e2etest.NeedBase(t, testimage.Python()) // skips without it
	w.Repo = w.Snapshot()
	hub := w.NewRegistry(lab.RegistryOptions{})
	layout, err := baseimage.Images{}.Make(t.Context(), testimage.Python())
	if err == nil {
		err = hub.Seed(t.Context(), "library/python:3.12-slim", layout)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Env["BLUMEOPS_MIRRORS"] = "docker.io=" + hub.Addr
	w.Env["BLUMEOPS_PACKAGE_MIRRORS"] = "PIP_INDEX_URL=" + packageIndex(t, map[string]string{"devpi-server": "6.20.3", "devpi-web": "5.1.1"})
	for _, name := range []string{"nettest", "devpi"} { // so that nothing is compiled or installed in a session
		w.Mage("container:shell", name, "-command=true")
	}
	file := filepath.Join(e2etest.Root(), filepath.FromSlash(debugPage))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	shell := openShell(t, w)
	got := blocks.ReplaceAllStringFunc(string(text), func(block string) string {
		if t.Failed() {
			return block
		}
		at := blocks.FindStringSubmatch(block)
		switch language, shown := at[1], at[2]; {
		case language == "sh" && at[3] == "" && !needsDocker(shown):
			shell.runs(shown)
		case at[3] != "":
			if first, _, _ := strings.Cut(at[3], "\n"); first != "$ "+strings.TrimSpace(shown) {
				t.Errorf("%s: the session after\n%sbegins with %q", debugPage, shown, first)
			}
			now := shell.session(at[3])
			if !*update && comparable(now) != comparable(at[3]) {
				t.Errorf("%s: the terminal shows\n%s\nand the page\n%s\nlines that differ: %q", debugPage, now, at[3], differing(now, at[3]))
			}
			return strings.Replace(block, at[3], now, 1)
		}
		return block
	})
	shell.types("exit\r")
	shell.end()
	if *update && !t.Failed() {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// blocks matches a block of code and, if it follows at once, the recorded session of the same commands.
var blocks = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$(?:\n\n```console\n(.*?)^```$)?")

// needsDocker reports whether a block runs the real Dagger.
func needsDocker(script string) bool { return strings.HasPrefix(script, "dagger ") }

// shell is a shell of the host on a terminal.
type shell struct {
	*tty
	names *strings.Replacer // from the page to this test
	back  *strings.Replacer
}

// hostPrompt is the prompt of the host in the page.
const hostPrompt = "$ "

func openShell(t *testing.T, w *e2etest.Workspace) *shell {
	t.Helper()
	w.Env["TERM"], w.Env["PS1"], w.Env["LANG"] = "xterm-256color", hostPrompt, "C.UTF-8"
	w.Env["PATH"] = w.Shims() + string(filepath.ListSeparator) + w.Env["PATH"]
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	cmd := w.Command()
	cmd.Path, cmd.Args, cmd.Env = "/bin/sh", []string{"sh", "-i"}, w.Env.List()
	y := newTTY(t, cmd, master, slave)
	y.resize(250, 50) // no line is wrapped
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	y.begin()
	failed, cache := filepath.Join(w.Dir, "failed"), w.Env["XDG_CACHE_HOME"]
	s := &shell{tty: y, names: strings.NewReplacer("/tmp/failed", failed), back: strings.NewReplacer(failed, "/tmp/failed", cache, "/home/you/.cache")}
	s.awaits(hostPrompt, 0)
	return s
}

// typed matches a line that is typed after a prompt: of the host, of busybox, or of bash.
var typed = regexp.MustCompile(`(?m)^(\$ |[/~]\S* \$ |\w+@\w+:\S+[$#] )(.+)$`)

// session types the lines of a recorded session, each when its prompt is shown, and returns what the terminal shows.
func (s *shell) session(recorded string) string {
	s.t.Helper()
	lines := typed.FindAllStringSubmatch(recorded, -1)
	begin := s.awaits(lines[0][1], 0)
	row := begin
	for i, line := range lines {
		s.types(s.names.Replace(line[2]) + "\r")
		next := hostPrompt
		if i+1 < len(lines) {
			next = lines[i+1][1]
		}
		row = s.awaits(next, row+1)
	}
	return s.back.Replace(shownBy(s.text()).text(begin, row))
}

// runs types the commands of a block, which must succeed.
func (s *shell) runs(script string) {
	s.t.Helper()
	for command := range strings.Lines(strings.TrimSpace(script)) {
		shown := s.session(hostPrompt + strings.TrimSpace(command) + "\n")
		if status := s.session(hostPrompt + "echo status=$?\n"); !strings.HasSuffix(status, "\nstatus=0\n") {
			s.t.Errorf("%s: it fails:\n%s%s", debugPage, shown, status)
		}
	}
}

// awaits waits until the cursor is after a prompt, in this row or a later one, and returns the row.
func (s *shell) awaits(prompt string, from int) (row int) {
	s.t.Helper()
	timeout := time.After(e2etest.Patience)
	for {
		if screen := shownBy(s.text()); screen.row >= from && screen.at(prompt) {
			return screen.row
		}
		select {
		case <-s.more:
		case <-s.ended:
			s.t.Fatalf("the shell ends: %q", s.text())
		case <-timeout:
			screen := shownBy(s.text())
			s.t.Fatalf("the prompt %q is not shown:\n%s", prompt, screen.text(max(0, from-5), len(screen.lines)))
		}
	}
}

// varying is what differs from run to run: times, numbers of steps, names of logs, versions of tools of the machine.
var varying = regexp.MustCompile(`\d+m\d\ds|\d+\.\d+s|\d+ steps?(, \d+ cached)?|-\d{8}-\d{6}-\d+\.log|BusyBox v.*built-in`)

// comparable is a session without what varies. The number of spaces between words does not count, as it depends on the length of times.
func comparable(session string) string {
	return regexp.MustCompile(` +`).ReplaceAllString(varying.ReplaceAllString(session, "…"), " ")
}

// differing are the lines of one session that the other one does not have.
func differing(a, b string) (lines []string) {
	has := map[string]int{}
	for line := range strings.Lines(comparable(a)) {
		has[line]++
	}
	for line := range strings.Lines(comparable(b)) {
		if has[line]--; has[line] < 0 {
			lines = append(lines, "page: "+line)
		}
	}
	for line, n := range has {
		if n > 0 {
			lines = append(lines, "terminal: "+line)
		}
	}
	return lines
}

func TestComparable(t *testing.T) {
	one := "✓ build devpi  4.5s  3 steps\nfull log: x/build-devpi-20261130-092605-3002878211.log\n$ exit\n"
	other := "✓ build devpi  1m02s  12 steps, 11 cached\nfull log: x/build-devpi-20251231-000000-1.log\n$ exit\n"
	if comparable(one) != comparable(other) || len(differing(one, other)) > 0 {
		t.Errorf("%q and %q differ", comparable(one), comparable(other))
	}
	if worse := strings.Replace(other, "✓", "failed", 1); comparable(one) == comparable(worse) || len(differing(one, worse)) != 2 {
		t.Error("a difference is not seen")
	}
}

// packageIndex serves packages for pip, each with one program of its own name that prints the version.
func packageIndex(t *testing.T, versions map[string]string) (url string) {
	t.Helper()
	files := http.NewServeMux()
	for name, version := range versions {
		wheel, content := makeWheel(t, name, version)
		files.HandleFunc("/simple/"+name+"/", func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(rw, `<!DOCTYPE html><a href="/files/%s">%[1]s</a>`, wheel)
		})
		files.HandleFunc("/files/"+wheel, func(rw http.ResponseWriter, q *http.Request) {
			http.ServeContent(rw, q, wheel, time.Time{}, bytes.NewReader(content))
		})
	}
	server := httptest.NewServer(files)
	t.Cleanup(server.Close)
	return server.URL + "/simple"
}

func makeWheel(t *testing.T, name, version string) (file string, content []byte) {
	t.Helper()
	module := strings.ReplaceAll(name, "-", "_")
	info := module + "-" + version + ".dist-info"
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, part := range [][2]string{
		{module + ".py", "def main():\n    print(" + fmt.Sprintf("%q", version) + ")\n"},
		{path.Join(info, "METADATA"), "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n"},
		{path.Join(info, "WHEEL"), "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{path.Join(info, "entry_points.txt"), "[console_scripts]\n" + name + " = " + module + ":main\n"},
		{path.Join(info, "RECORD"), ""},
	} {
		f, err := archive.Create(part[0])
		if err == nil {
			_, err = f.Write([]byte(part[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return module + "-" + version + "-py3-none-any.whl", out.Bytes()
}
