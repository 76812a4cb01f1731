// Package devpi_test runs the container's start script on this machine. Fakes replace devpi's own programs and record their arguments.
package devpi_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// fakeInit replaces devpi-init. It writes half a server, prints a line, and then waits, fails or finishes, as FAKE_INIT says.
const fakeInit = `#!/bin/sh
while [ $# -gt 0 ]; do
	case $1 in
	--serverdir) dir=$2 ;;
	--configfile) config=$2 ;;
	esac
	shift
done
echo once >>"$RECORD/inits"
cat "$config" >"$RECORD/config" || exit 8
mkdir "$dir" || exit 9
echo half >"$dir/.serverversion"
case $FAKE_INIT in
wait) echo "init: half done"; read -r _ <"$RECORD/never" ;;
fail) echo "init: cannot do it" >&2; exit 3 ;;
nothing) rm -r "$dir" ;;
*) echo '{}' >"$dir/.nodeinfo" ;;
esac
`

// fakeServer replaces devpi-server: it records its arguments, then waits for SIGTERM.
const fakeServer = `#!/bin/sh
printf '%s\n' "$@" >"$RECORD/server-args"
env >"$RECORD/server-env"
trap 'echo "server: stopped by TERM"; exit 7' TERM
echo "server: $$"
read -r _ <"$RECORD/never"
`

// lab is a volume, a secret and the fakes for one test.
type lab struct {
	t                         *testing.T
	data, tmp, record, secret string
	env                       []string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	root := t.TempDir()
	l := &lab{t: t, data: filepath.Join(root, "data"), tmp: filepath.Join(root, "tmp"), record: filepath.Join(root, "record"), secret: filepath.Join(root, "secret")}
	bin := filepath.Join(root, "bin")
	for _, dir := range []string{l.data, l.tmp, l.record, bin} {
		must(t, os.Mkdir(dir, 0o755))
	}
	must(t, os.WriteFile(filepath.Join(bin, "devpi-init"), []byte(fakeInit), 0o755))
	must(t, os.WriteFile(filepath.Join(bin, "devpi-server"), []byte(fakeServer), 0o755))
	must(t, syscall.Mkfifo(filepath.Join(l.record, "never"), 0o600))
	l.env = []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "RECORD=" + l.record, "TMPDIR=" + l.tmp, "FAKE_INIT=",
		"DEVPI_DATA=" + l.data, "DEVPI_ROOT_PASSWORD_FILE=" + l.secret,
	}
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (l *lab) setSecret(content string) { must(l.t, os.WriteFile(l.secret, []byte(content), 0o600)) }

// running is a running start script.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	stderr bytes.Buffer
}

// start starts the script in a process group of its own, with extra environment and arguments.
func (l *lab) start(env []string, args ...string) *running {
	l.t.Helper()
	r := &running{t: l.t, cmd: exec.Command("sh", append([]string{"./start.sh"}, args...)...)}
	r.cmd.Env = append(append([]string{}, l.env...), env...)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.Stderr = &r.stderr
	stdout, err := r.cmd.StdoutPipe()
	must(l.t, err)
	must(l.t, r.cmd.Start())
	r.lines = bufio.NewScanner(stdout)
	l.t.Cleanup(func() { syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) })
	return r
}

// wait reads the output up to the end of the script and returns its exit status.
func (r *running) wait() (stdout string, status int) {
	for r.lines.Scan() {
		stdout += r.lines.Text() + "\n"
	}
	r.cmd.Wait()
	return stdout, r.cmd.ProcessState.ExitCode()
}

// expect reads one line of output and checks its beginning.
func (r *running) expect(prefix string) string {
	r.t.Helper()
	if !r.lines.Scan() || !strings.HasPrefix(r.lines.Text(), prefix) {
		r.cmd.Wait()
		r.t.Fatalf("output %q, want it to begin with %q; stderr:\n%s", r.lines.Text(), prefix, &r.stderr)
	}
	return strings.TrimPrefix(r.lines.Text(), prefix)
}

// stop ends the server as a container runtime does and checks that the signal reached it.
func (r *running) stop() {
	r.t.Helper()
	must(r.t, r.cmd.Process.Signal(syscall.SIGTERM))
	if out, status := r.wait(); status != 7 || out != "server: stopped by TERM\n" {
		r.t.Errorf("after SIGTERM: status %d, output %q, stderr %q", status, out, &r.stderr)
	}
}

func (l *lab) recorded(name string) string {
	l.t.Helper()
	text, err := os.ReadFile(filepath.Join(l.record, name))
	must(l.t, err)
	return string(text)
}

// wantFailure runs the script to its end and checks that it failed with a message, and that no server is left.
func (l *lab) wantFailure(says string, env ...string) {
	l.t.Helper()
	r := l.start(env)
	if _, status := r.wait(); status != 1 || !strings.Contains(r.stderr.String(), says) {
		l.t.Errorf("status %d, stderr %q; want status 1 and %q", status, &r.stderr, says)
	}
	if _, err := os.Stat(filepath.Join(l.data, "server")); err == nil {
		l.t.Error("a failed start left a server behind")
	}
}

func TestFirstAndSecondStart(t *testing.T) {
	l := newLab(t)
	const password = `it's "p@ss" \ #1: {x} $HOME ` // ends with a space, which belongs to it
	l.setSecret(password + "\n")

	r := l.start([]string{"DEVPI_OUTSIDE_URL=https://pypi.example", "DEVPI_LISTEN_PORT=4000"}, "--threads", "5")
	if pid := r.expect("server: "); pid != strconv.Itoa(r.cmd.Process.Pid) {
		t.Errorf("the server is process %s, want the script's own %d: it must be replaced by exec", pid, r.cmd.Process.Pid)
	}
	want := fmt.Sprintf("--serverdir\n%s/server\n--host\n0.0.0.0\n--port\n4000\n--threads\n5\n--outside-url\nhttps://pypi.example\n", l.data)
	if got := l.recorded("server-args"); got != want {
		t.Errorf("devpi-server got\n%swant\n%s", got, want)
	}
	if got, want := l.recorded("config"), "devpi-server:\n  root-passwd: 'it''s \"p@ss\" \\ #1: {x} $HOME '\n"; got != want {
		t.Errorf("devpi-init read the configuration\n%swant\n%s", got, want)
	}
	l.wantNoTraceOf("p@ss")
	r.stop()
	if strings.Contains(l.recorded("server-env"), "p@ss") || strings.Contains(r.stderr.String(), "p@ss") {
		t.Error("the password is in the server's environment or in the log")
	}

	must(t, os.Remove(l.secret)) // a second start needs no password
	r = l.start(nil)
	r.expect("server: ")
	if got := l.recorded("inits"); got != "once\n" {
		t.Errorf("devpi-init ran %d times", strings.Count(got, "\n"))
	}
	r.stop()
}

// wantNoTraceOf checks that no file of the volume or of the temporary folder contains a text.
func (l *lab) wantNoTraceOf(text string) {
	l.t.Helper()
	for _, dir := range []string{l.data, l.tmp} {
		must(l.t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			if bytes.Contains(content, []byte(text)) {
				l.t.Errorf("%s holds the password", path)
			}
			return err
		}))
	}
}

func TestPasswordIsNotInAnyProcessTable(t *testing.T) {
	l := newLab(t)
	l.setSecret("hunter2-and-more")
	r := l.start([]string{"FAKE_INIT=wait"})
	r.expect("init: half done")
	seen := 0
	for _, pid := range groupOf(t, r.cmd.Process.Pid) {
		for _, file := range []string{"cmdline", "environ"} {
			content, err := os.ReadFile(filepath.Join("/proc", pid, file))
			must(t, err)
			seen += len(content)
			if bytes.Contains(content, []byte("hunter2")) {
				t.Errorf("the password is in /proc/%s/%s: %q", pid, file, content)
			}
		}
	}
	if seen == 0 {
		t.Error("no process was looked at")
	}
}

// groupOf lists the processes of a process group.
func groupOf(t *testing.T, group int) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	must(t, err)
	var pids []string
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if g, err := syscall.Getpgid(pid); err == nil && g == group {
				pids = append(pids, e.Name())
			}
		}
	}
	if len(pids) < 2 {
		t.Fatalf("process group %d has the processes %v, want the script and devpi-init", group, pids)
	}
	return pids
}

func TestStartAfterCrash(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.setSecret("hunter2")
			r := l.start([]string{"FAKE_INIT=wait"})
			r.expect("init: half done")
			target := r.cmd.Process.Pid
			if signal == syscall.SIGKILL {
				target = -target // with process 1 a container loses all processes
			}
			must(t, syscall.Kill(target, signal))
			_, status := r.wait()
			if signal == syscall.SIGTERM {
				if status != 143 {
					t.Errorf("status %d after SIGTERM, want 143; stderr %s", status, &r.stderr)
				}
			}
			l.wantNoTraceOf("hunter2") // whether or not it had time to clean up
			r = l.start(nil)
			r.expect("server: ")
			if _, err := os.Stat(filepath.Join(l.data, "server", ".nodeinfo")); err != nil {
				t.Errorf("the server is not whole: %v", err)
			}
			if _, err := os.Stat(filepath.Join(l.data, ".server.new")); err == nil {
				t.Error("the half of the first attempt is still there")
			}
			r.stop()
		})
	}
}

func TestTwoStartsAtOnce(t *testing.T) {
	l := newLab(t)
	l.setSecret("secret")
	first, second := l.start(nil), l.start(nil)
	first.expect("server: ")
	second.expect("server: ")
	if got := l.recorded("inits"); got != "once\n" {
		t.Errorf("devpi-init ran %d times", strings.Count(got, "\n"))
	}
}

func TestBadSecrets(t *testing.T) {
	l := newLab(t)
	l.wantFailure("does not exist; mount the secret")
	for content, says := range map[string]string{"": "is empty", "\n\n": "is empty", "one\ntwo\n": "more than one line", "tab\there": "more than one line", "dos\r\n": "more than one line"} {
		l.setSecret(content)
		l.wantFailure(says)
	}
	must(t, os.Remove(l.secret))
	must(t, os.Mkdir(l.secret, 0o755))
	l.wantFailure("cannot be read")
}

func TestInitFails(t *testing.T) {
	l := newLab(t)
	l.setSecret("secret")
	l.wantFailure("devpi-init failed with status 3", "FAKE_INIT=fail")
	l.wantNoTraceOf("secret")
	l.wantFailure("left no server", "FAKE_INIT=nothing")
	r := l.start(nil)
	r.expect("server: ")
	r.stop()
}

func TestVolumes(t *testing.T) {
	t.Run("of the predecessor", func(t *testing.T) {
		l := newLab(t)
		must(t, os.WriteFile(filepath.Join(l.data, ".nodeinfo"), []byte("{}"), 0o600))
		r := l.start(nil)
		r.expect("server: ")
		if got := l.recorded("server-args"); !strings.HasPrefix(got, "--serverdir\n"+l.data+"\n") {
			t.Errorf("devpi-server got\n%s", got)
		}
		r.stop()
	})
	t.Run("with something else", func(t *testing.T) {
		l := newLab(t)
		must(t, os.Mkdir(filepath.Join(l.data, "server"), 0o755))
		r := l.start(nil)
		if _, status := r.wait(); status != 1 || !strings.Contains(r.stderr.String(), "something else") {
			t.Errorf("status %d, stderr %q", status, &r.stderr)
		}
	})
	t.Run("not there", func(t *testing.T) {
		l := newLab(t)
		must(t, os.RemoveAll(l.data))
		must(t, os.WriteFile(l.data, nil, 0o444))
		l.wantFailure("cannot write to "+l.data, "DEVPI_DATA="+l.data+"/below")
	})
}
