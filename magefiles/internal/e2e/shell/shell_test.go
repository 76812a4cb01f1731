package shell

import (
	"crypto/rand"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// secretValue is in a secret of a build. It may be seen on the terminal, if the user prints it there, and nowhere else.
const secretValue = "canary-shell-77aa31"

// withBusybox is a workspace for shells in images without one.
func withBusybox(t *testing.T) *e2etest.Workspace {
	t.Helper()
	e2etest.NeedRuntime(t)
	testenv.Program(t, "busybox", "apt-get install busybox-static")
	return e2etest.NewWorkspace(t)
}

// debian is a workspace with a container on Debian, and a Dockerfile for it.
func debian(t *testing.T, dockerfile string) *e2etest.Workspace {
	t.Helper()
	registry, base := e2etest.NeedBase(t, testimage.Debian())
	w := e2etest.NewWorkspace(t)
	w.Env["BLUMEOPS_MIRRORS"] = "docker.io=" + registry
	w.Write("containers/tool/Dockerfile", "FROM "+base+"\n"+dockerfile)
	return w
}

// A Go program on an empty image gets the static shell: prompt, commands, sizes, keys, text, and the exit code.
func TestShell(t *testing.T) {
	w := withBusybox(t)
	y := start(t, w, "container:shell", "hello")
	y.sees(`the image has no shell: the static shell of this machine is mounted at /.blumeops-shell`)
	y.sees(prompt)
	y.raw()
	y.does("id -u", "65532")
	y.does("/hello", "hello from .*")
	y.does("echo typed-text-$((40+2))", "typed-text-42")
	y.does("stty size", "30 100")
	y.resize(71, 19)
	for size := ""; size == ""; { // the signal and the keys have separate ways
		y.types("stty size | tr ' ' x\r")
		y.sees(`\n(19x71|30x100)\r\n`)
		if strings.Contains(y.text(), "19x71") {
			size = "new"
		}
		y.sees(prompt)
	}
	y.does("echo grüße, 世界 | cat", "grüße, 世界")
	y.types("sh -c 'echo started; exec sleep 1000'\r") // when it says so it is in the foreground
	y.sees(`\nstarted\r\n`)
	y.types("\x03")
	y.sees(prompt)
	y.does("echo status=$?", "status=130")
	y.types("sh -c 'echo again; exec sleep 2000'\r")
	y.sees(`\nagain\r\n`)
	y.types("\x1a")
	y.sees(`Stopped`)
	y.sees(prompt)
	y.does("jobs | wc -l", "1")
	y.does("kill -9 %1; echo killed", "killed")
	y.types("exit 7\rexit 7\r") // the first only warns if the shell has not seen yet that the job has ended
	y.ends(7)
	notInLogs(t, w, "typed-text", "grüße", "hello from")
}

// Ctrl-D ends the shell, a paste reaches a program whole, and a program that left the alternate screen on does no harm.
func TestShellInput(t *testing.T) {
	w := withBusybox(t)
	y := start(t, w, "container:shell", "hello")
	y.sees(prompt)
	y.types("stty -echo; echo go; wc -c\r")
	y.sees(`go\r\n`)
	y.types(strings.Repeat(strings.Repeat("0123456789", 9)+"123456789\r", 1000) + "\x04")
	y.sees(`100000\r\n`)
	y.sees(prompt)
	y.types("printf '\\033[?1049h\\033[?25lin the alternate screen\\n'\r")
	y.sees(`in the alternate screen`)
	y.sees(prompt)
	y.types("\x04")
	y.ends(0)
	if end := y.text(); !strings.Contains(end[strings.LastIndex(end, "alternate"):], "\x1b[?1049l\x1b[?25h") {
		t.Errorf("the alternate screen stays: %q", end)
	}
}

// However mage is killed, the terminal is as it was, and no process is left in the container, not even one that ignores signals.
func TestKilledShell(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			w := withBusybox(t)
			y := start(t, w, "container:shell", "hello")
			y.sees(prompt)
			y.raw()
			mark := "mark-" + rand.Text()
			y.types("/hello wait " + mark + "\r")
			y.sees("ready " + mark)
			if len(e2etest.Processes(mark)) == 0 {
				t.Error("the process is not visible, so that nobody could tell whether it ends")
			}
			if err := y.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			y.end()
			y.restored()
			e2etest.Gone(t, mark)
		})
	}
}

// An engine that is lost ends the shell, and the terminal is as it was.
func TestLostEngine(t *testing.T) {
	w := withBusybox(t)
	w.OwnEngine()
	y := start(t, w, "container:shell", "hello")
	y.sees(prompt)
	var status struct{ PID int }
	if err := json.Unmarshal([]byte(w.Mage("engine:status", "-format=json")), &status); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(status.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	y.ends(1)
	if !strings.Contains(y.text(), "connection to BuildKit was lost") {
		t.Errorf("%q", y.text())
	}
}

// One command needs no terminal. Its output passes as it is, and its exit code is the status.
func TestShellCommand(t *testing.T) {
	w := withBusybox(t)
	got := w.Run("container:shell", "hello", "-command=printf 'a\\033b::error::'; echo err >&2; exit 3")
	if got.Stdout != "a\x1bb::error::" || !strings.Contains(got.Stderr, "\nerr\n") || got.Status != 3 {
		t.Errorf("%+v", got)
	}
	if got := w.Run("container:shell", "hello", "-command=/hello"); got.Status != 0 || !strings.HasPrefix(got.Stdout, "hello from") {
		t.Errorf("%+v", got)
	}
	for _, args := range [][]string{{"container:shell", "hello"}, {"container:build", "hello", "-interactive"}, {"docs:build", "-interactive"}} {
		got := w.Run(args...)
		if got.Status != 2 || !strings.Contains(got.Stderr, "stdin is not a terminal") || strings.Contains(got.Stderr, "engine:") {
			t.Errorf("%s without a terminal: %+v", args, got)
		}
	}
	w.Env["CI"] = "true"
	if y := start(t, w, "container:build", "hello", "-interactive"); true {
		y.ends(2)
		if !strings.Contains(y.text(), "$CI is set") {
			t.Errorf("in CI: %q", y.text())
		}
	}
}

// An image with bash: its user, working directory and environment, and a stage of the Dockerfile.
func TestShellOfImage(t *testing.T) {
	w := debian(t, "AS build\nRUN useradd -m worker\nUSER worker\nWORKDIR /data\nENV GREETING=\"hello you\"\nFROM scratch\n")
	w.Edit("containers/tool/Dockerfile", "\nAS build", " AS build")
	got := w.Run("container:shell", "tool", "-target=build", `-command=echo "$0 [$(id -un)] [$PWD] [$HOME] [$GREETING]"`)
	if !strings.HasSuffix(got.Stdout, "/bash [worker] [/data] [/home/worker] [hello you]\n") || got.Status != 0 {
		t.Errorf("%+v", got)
	}
	y := start(t, w, "container:shell", "tool", "-target=build")
	y.sees(prompt)
	y.does(`test -t 0 && tty && echo "$BASH_VERSION" | grep -c .`, `/dev/pts/\d+\r\n1`)
	y.types("exit\r")
	y.ends(0)
	if got := w.Run("container:shell", "tool", "-platform=linux/amd64,linux/arm64", "-command=true"); got.Status != 2 || !strings.Contains(got.Stderr, "one platform") {
		t.Errorf("%+v", got)
	}
}

// The failing step: what failed is shown, the shell has all that the step had, and the target ends with the code of the step.
func TestInteractive(t *testing.T) {
	w := debian(t, `RUN useradd -m worker
ENV GREETING="hello you"
USER worker
WORKDIR /work
RUN --mount=type=secret,id=shop-token,env=TOKEN --mount=type=cache,target=/cache,uid=1000 \
    echo line-one; echo "token $TOKEN"; touch /cache/kept; touch /tmp/made; exit 41
`)
	w.Env["SHOP_TOKEN"] = secretValue
	y := start(t, w, "container:build", "tool", "-secret=shop-token=env://SHOP_TOKEN", "-interactive")
	y.sees(`exit code 41`)
	y.sees(`  \| line-one\r\n  \| token \*\*\*`)
	y.sees(`real values`)
	y.sees(prompt)
	y.does(`echo "[$(id -un)] [$PWD] [$GREETING]"`, `\[worker\] \[/work\] \[hello you\]`)
	y.does(`ls /tmp | grep -c made; ls /cache`, `0\r\nkept`)
	y.does(`echo "$TOKEN" | cut -c1-6`, "canary")
	again := regexp.MustCompile(`before this step: (.+) runs the command again`).FindStringSubmatch(y.text())
	if again == nil {
		t.Fatalf("no command that runs the step again: %q", y.text())
	}
	y.does(again[1]+`; echo status=$?`, `status=41`) // the step has an exit, which must not end the shell
	y.types("exit\r")
	y.ends(41)
	if got := y.text(); strings.Contains(got[:strings.Index(got, "real values")], secretValue) {
		t.Errorf("the secret is shown before the shell: %q", got)
	}
	notInLogs(t, w, secretValue, "[worker]")
}

// A signal ends the shell in a failing step, and the target.
func TestInteractiveStopped(t *testing.T) {
	w := debian(t, "RUN exit 5\n")
	y := start(t, w, "container:build", "tool", "-interactive")
	y.sees(prompt)
	if err := y.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	y.ends(143)
}

// A publication that fails pushes nothing.
func TestInteractivePublish(t *testing.T) {
	w := debian(t, "RUN exit 5\n")
	w.CommitAll("Add a tool that fails")
	y := start(t, w, "container:publish", "tool", "dev", "-registry=127.0.0.1:1", "-platform=linux/amd64", "-interactive")
	y.ends(1) // the registry is asked before the build
	s := w.NewRegistry(lab.RegistryOptions{})
	y = start(t, w, "container:publish", "tool", "dev", "-registry="+s.Addr, "-platform=linux/amd64", "-interactive")
	y.sees(prompt)
	y.types("exit\r")
	y.ends(5)
	if got := w.Run("container:promote", "tool", "dev", "-dryrun"); got.Status == 0 {
		t.Errorf("the tool was published: %+v", got)
	}
}

// Several builds that fail open one shell after the other, and all failures are reported.
func TestInteractiveWithSeveral(t *testing.T) {
	w := debian(t, "RUN echo this is tool; exit 5\n")
	w.Write("containers/other/Dockerfile", strings.Replace(w.Read("containers/tool/Dockerfile"), "this is tool; exit 5", "this is other; exit 6", 1))
	w.CommitAll("Add two that fail")
	s := w.NewRegistry(lab.RegistryOptions{})
	y := start(t, w, "container:publish", "tool,other", "dev", "-registry="+s.Addr, "-platform=linux/amd64", "-interactive")
	for range 2 {
		y.sees(prompt)
		y.does(`echo "$FAILED_COMMAND" | cut -c6-20`, `this is (tool|other).*`)
		y.types("exit\r")
	}
	y.end()
	for _, want := range []string{"this is tool", "this is other", "exit code 5", "exit code 6"} {
		if !strings.Contains(y.text(), want) {
			t.Errorf("%q does not say %q", y.text(), want)
		}
	}
	if y.state.ExitCode() == 0 {
		t.Errorf("status %d", y.state.ExitCode())
	}
	y.restored()
}

// The generator of the website is a step like others.
func TestInteractiveDocs(t *testing.T) {
	registry, node := e2etest.NeedBase(t, baseimage.NodeSlim())
	w := e2etest.NewWorkspace(t)
	repository, _, _ := strings.Cut(node, ":")
	w.Env["BLUMEOPS_MIRRORS"] = "docker.io/" + repository + "=" + registry + "/" + repository
	w.Env["BLUMEOPS_DOCS_OUTPUT"] = "build"
	w.Write("docs/package.json", `{"name": "docs", "version": "1.0.0", "scripts": {"build": "echo no site today; exit 9"}}`)
	w.Write("docs/package-lock.json", `{"name": "docs", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "docs", "version": "1.0.0"}}}`)
	w.Write("docs/index.md", "# Home\n")
	w.CommitAll("Write docs")
	state := kept{t, filepath.Join(w.Dir, "state")}
	y := start(t, w, "docs:build", "-interactive", "-keep=dir:"+state.dir)
	y.sees(`no site today`)
	y.sees(`in the state before this step`)
	y.sees(prompt)
	y.does("ls package.json", "package.json")
	state.has("rootfs/site/package.json", "no site today")
	y.types("exit\r")
	y.ends(9)
}
