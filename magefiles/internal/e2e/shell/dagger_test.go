package shell

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// sessionPort and sessionToken are the variables of a session of Dagger, as `dagger run` sets them.
const (
	sessionPort  = "DAGGER_SESSION_PORT"
	sessionToken = "DAGGER_SESSION_TOKEN"
)

// idle is a session of Dagger that only knows its version. It records other requests.
type idle struct {
	port string
	mu   sync.Mutex
	more []string
}

func newIdle(t *testing.T) *idle {
	t.Helper()
	s := &idle{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := make([]byte, 1000)
		n, _ := r.Body.Read(text) // a request without a body is recorded too
		if query := string(text[:n]); !strings.Contains(query, "version") {
			s.mu.Lock()
			s.more = append(s.more, query)
			s.mu.Unlock()
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"data":{"version":"v0.21.8"}}`)
	}))
	t.Cleanup(web.Close)
	s.port = web.URL[strings.LastIndexByte(web.URL, ':')+1:]
	return s
}

// unused fails if anything was requested.
func (s *idle) unused(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.more) > 0 {
		t.Errorf("requested from Dagger: %q", s.more)
	}
}

// Dagger cannot open these shells. That is refused before the build, with the command that opens them.
func TestShellsThatDaggerRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		args  []string
		below bool // `dagger run`
		want  []string
	}{
		"shell":             {[]string{"container:shell", "hello"}, false, []string{"only below `dagger run`", "`dagger run --`", "-engine=embedded"}},
		"failed step":       {[]string{"container:build", "hello", "-interactive"}, false, []string{"requires the embedded engine", "add -engine=embedded", "`dagger run -i --`"}},
		"failed step below": {[]string{"container:build", "hello", "-interactive"}, true, []string{"requires the embedded engine", "leave out -interactive", "`dagger run -i --`"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := e2etest.NewWorkspace(t)
			w.Env["BLUMEOPS_ENGINE"] = "dagger"
			s := newIdle(t)
			if c.below {
				w.Env[sessionPort], w.Env[sessionToken] = s.port, "t"
			} else {
				cli := filepath.Join(w.Dir, "dagger-session")
				script := fmt.Sprintf("#!/bin/sh\necho '{\"port\":%s,\"session_token\":\"t\"}'\nexec cat >/dev/null\n", s.port)
				if err := os.WriteFile(cli, []byte(script), 0o755); err != nil {
					t.Fatal(err)
				}
				w.Env["_EXPERIMENTAL_DAGGER_CLI_BIN"] = cli
			}
			y := start(t, w, c.args...)
			y.ends(2)
			shown := strings.Join(strings.Fields(y.text()), " ") // whose lines the terminal may have broken
			for _, want := range c.want {
				if !strings.Contains(shown, want) {
					t.Errorf("missing %q: %q", want, shown)
				}
			}
			s.unused(t)
		})
	}
}

// Below `dagger run` the embedded engine has no terminal, and says so before the build.
func TestEmbeddedShellBelowDagger(t *testing.T) {
	e2etest.NeedRuntime(t)
	w := e2etest.NewWorkspace(t)
	s := newIdle(t)
	w.Env[sessionPort], w.Env[sessionToken] = s.port, "t"
	for _, args := range [][]string{{"container:shell", "hello", "-engine=embedded"}, {"container:build", "hello", "-engine=embedded", "-interactive"}} {
		got := w.Run(args...)
		if got.Status != 2 || !strings.Contains(got.Stderr, "stdin is not a terminal") || strings.Contains(got.Stderr, "done    compile") {
			t.Errorf("%q: %+v", args, got)
		}
	}
	s.unused(t)
}

// onDagger is a workspace with a container on Debian, for a real Dagger, and its command line. Without an engine of Dagger the test is left out.
func onDagger(t *testing.T, dockerfile string) (w *e2etest.Workspace, cli string) {
	t.Helper()
	if os.Getenv(e2etest.RunnerHost) == "" {
		t.Skip("a real Dagger engine is used where " + e2etest.RunnerHost + " names one")
	}
	cli, err := exec.LookPath(cmp.Or(os.Getenv("_EXPERIMENTAL_DAGGER_CLI_BIN"), "dagger"))
	if err != nil {
		testenv.Missing(t, fmt.Errorf("the command line of the Dagger that %s names: %w", e2etest.RunnerHost, err))
	}
	w = debian(t, dockerfile)
	w.UseDagger()
	return w, cli
}

// daggerRun is mage below `dagger run`, which gets the flags before --.
func daggerRun(w *e2etest.Workspace, cli string, flags []string, args ...string) *exec.Cmd {
	w.Env["TERM"] = "xterm-256color"
	cmd := w.Command(args...)
	cmd.Args = append(append(append([]string{cli, "run"}, flags...), "--", cmd.Path), args...)
	cmd.Path = cli
	return cmd
}

// A real Dagger opens the shell below `dagger run`. It does not report how the shell ended.
func TestShellOnDagger(t *testing.T) {
	w, cli := onDagger(t, "RUN useradd -m worker\nUSER worker\nWORKDIR /data\nENV GREETING=\"hello you\"\n")
	y := startCommand(t, daggerRun(w, cli, nil, "container:shell", "tool"))
	y.sees(`worker@\w+:/data\$ `)
	y.types("echo \"[$(id -un)] [$PWD] [$GREETING]\"; tty\r")
	y.sees(`\[worker\] \[/data\] \[hello you\]\r\n/dev/pts/\d+`)
	y.types("exit 7\r")
	y.ends(0)
}

// One command needs no `dagger run`, and no terminal. Its exit code is the status, below `dagger run` too.
func TestShellCommandOnDagger(t *testing.T) {
	w, cli := onDagger(t, "RUN useradd -m worker\nUSER worker\n")
	const command = "-command=id -un; echo err >&2; exit 3"
	got := w.Run("container:shell", "tool", command)
	if got.Stdout != "worker\n" || !strings.Contains(got.Stderr, "\nerr\n") || got.Status != 3 {
		t.Errorf("%+v", got)
	}
	cmd := daggerRun(w, cli, nil, "container:shell", "tool", command)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if string(stdout) != "worker\n" || cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("below dagger run: %q, %v: %s", stdout, err, &stderr)
	}
}

// Without a terminal, `dagger run` opens no shell.
func TestNoTerminalOnDagger(t *testing.T) {
	w, cli := onDagger(t, "")
	out, err := daggerRun(w, cli, nil, "container:shell", "tool").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "`dagger run` requires a terminal") {
		t.Errorf("%v: %s", err, out)
	}
}

// `dagger run -i` opens a shell in the state that the failed step left, and the status is that of the step.
func TestFailedStepOnDagger(t *testing.T) {
	w, cli := onDagger(t, `RUN useradd -m worker
ENV GREETING="hello you"
USER worker
RUN --mount=type=secret,id=shop-token,env=TOKEN echo "token $TOKEN"; touch /tmp/made; exit 41
`)
	w.Env["SHOP_TOKEN"] = secretValue
	y := startCommand(t, daggerRun(w, cli, []string{"-i"}, "container:build", "tool", "-secret=shop-token=env://SHOP_TOKEN"))
	y.sees(`exit code: 41`)
	y.sees(`\$ `)
	y.types("echo \"[$(id -un)] [$GREETING] [$(ls /tmp)] [${TOKEN%-*}]\"\r")
	y.sees(`\[worker\] \[hello you\] \[made\] \[`)
	y.types("exit\r")
	y.ends(41)
	notInLogs(t, w, secretValue, "[worker]")
}
