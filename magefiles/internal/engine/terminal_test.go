package engine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// person is a user with a terminal, without the terminal: what is typed and shown are pipes.
type person struct {
	t     *testing.T
	typed *io.PipeWriter
	sizes chan engine.Size
	piped bool // there is no terminal

	mu     sync.Mutex
	shown  bytes.Buffer
	errors bytes.Buffer
	lines  []string
	codes  []int
	more   chan struct{}
	ended  chan struct{} // the terminal has ended
}

// waitTime is the time after which a test that waits has failed.
const waitTime = 30 * time.Second

func newPerson(t *testing.T) *person { return &person{t: t, more: make(chan struct{}, 1)} }

// open is an engine.OpenScreen.
func (p *person) open(ctx context.Context, lines []string) (context.Context, *engine.Screen, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	typed, w := io.Pipe()
	p.typed, p.sizes, p.lines = w, make(chan engine.Size), lines
	s := &engine.Screen{Term: "vt100", Size: engine.Size{Columns: 100, Rows: 30}, Streams: engine.Streams{Stdin: typed, Stdout: p, Sizes: p.sizes}}
	if p.piped {
		s.Streams = engine.Streams{Stdout: p, Stderr: &p.errors}
	}
	s.Close = func(code int, err error) {
		_ = typed.Close()
		p.mu.Lock()
		p.codes = append(p.codes, code)
		p.mu.Unlock()
	}
	p.wake()
	return ctx, s, nil
}

func (p *person) wake() {
	select {
	case p.more <- struct{}{}:
	default:
	}
}

func (p *person) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake()
	return p.shown.Write(b)
}

func (p *person) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown.String()
}

// sees waits until the pattern is shown, and forgets everything up to its end.
func (p *person) sees(pattern string) {
	p.t.Helper()
	timeout := time.After(waitTime)
	for want := regexp.MustCompile(pattern); ; {
		p.mu.Lock()
		at := want.FindIndex(p.shown.Bytes())
		if at != nil {
			p.shown.Next(at[1])
		}
		p.mu.Unlock()
		if at != nil {
			return
		}
		select {
		case <-p.more:
		case <-p.ended:
			p.t.Fatalf("the terminal ends, and %q is not shown: %q", pattern, p.text())
		case <-timeout:
			p.t.Fatalf("%q is not shown: %q", pattern, p.text())
		}
	}
}

// opened waits for the terminal to be open.
func (p *person) opened() {
	p.t.Helper()
	for {
		p.mu.Lock()
		open := p.typed != nil
		p.mu.Unlock()
		if open {
			return
		}
		select {
		case <-p.more:
		case <-p.ended:
			p.t.Fatal("the terminal ends before it is used")
		case <-time.After(waitTime):
			p.t.Fatal("no terminal is opened")
		}
	}
}

func (p *person) types(text string) {
	p.t.Helper()
	p.opened()
	if _, err := io.WriteString(p.typed, text); err != nil {
		p.t.Fatal(err)
	}
}

// attended is a session with the person at its terminal, and a container with busybox.
func attended(t *testing.T, change func(*engine.Options)) (*person, *dagger.Client, *dagger.Container) {
	t.Helper()
	busybox := testenv.Program(t, "busybox", "apt-get install busybox-static")
	opts := enginetest.Options(t, t.TempDir())
	enginetest.NeedsRuntime(t, opts)
	p := newPerson(t)
	opts.Screen = p.open
	if change != nil {
		change(&opts)
	}
	c := enginetest.Connect(t, opts).Client
	return p, c, busyboxIn(c, busybox)
}

// busyboxIn is a container with a shell and a few programs.
func busyboxIn(c *dagger.Client, busybox string) *dagger.Container {
	dir := c.Directory().WithFile("bin/busybox", c.Host().File(busybox))
	for _, name := range []string{"sh", "cat", "sleep", "stty", "id", "ls", "env", "wc", "grep", "head", "mkdir", "md5sum"} {
		dir = dir.WithSymlink("busybox", "bin/"+name)
	}
	return c.Container().WithRootfs(dir).
		WithNewFile("/etc/passwd", "root:x:0:0::/root:/bin/sh\nworker:x:1001:1002::/home/worker:/bin/sh\n").
		WithNewFile("/etc/group", "root:x:0:\nworker:x:1002:\nextra:x:1003:worker\n")
}

// during runs a terminal while the person uses it.
func (p *person) during(open func() error, use func()) {
	p.t.Helper()
	var err error
	ended := make(chan struct{})
	p.mu.Lock()
	p.ended = ended
	p.mu.Unlock()
	go func() {
		defer close(ended)
		if err = open(); err != nil {
			p.t.Error(err)
		}
	}()
	use()
	select {
	case <-ended:
	case <-time.After(waitTime):
		p.t.Fatal("the terminal does not end")
	}
}

func terminal(ct *dagger.Container, cmd ...string) func() error {
	return func() error {
		_, err := ct.Terminal(dagger.ContainerTerminalOpts{Cmd: cmd}).Sync(context.Background())
		return err
	}
}

// A terminal has the user, the working directory, the environment, the mounts, the cache volumes and the secrets of a step.
func TestTerminalIsLikeAStep(t *testing.T) {
	p, c, ct := attended(t, nil)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "from-host"), []byte("host content\n"), 0o644))
	ct = ct.WithEnvVariable("GREETING", "hello you").WithUser("worker").WithWorkdir("/new/folder").
		WithMountedDirectory("/mnt", c.Host().Directory(dir)).WithMountedCache("/cache", c.CacheVolume(t.Name())).
		WithMountedTemp("/scratch").WithSecretVariable("TOKEN", c.SetSecret("t", "s3cret")).
		WithMountedSecret("/run/key", c.SetSecret("k", "the key"), dagger.ContainerWithMountedSecretOpts{Owner: "worker"})
	p.during(terminal(ct), func() {
		p.sees(`\$ (\x1b\[6n)?$`)
		for _, do := range [][2]string{
			{"id", `uid=1001\(worker\) gid=1002\(worker\) groups=1002\(worker\),1003\(extra\)`},
			{"pwd", `/new/folder`},
			{`echo "[$GREETING] [$TOKEN] [$HOME] [$TERM] [$BLUMEOPS_EXEC$BLUMEOPS_TERMINAL]"`, `\[hello you\] \[s3cret\] \[/home/worker\] \[vt100\] \[\]`},
			{"cat /mnt/from-host /run/key; ls -d /cache /scratch | cat", `host content\r\nthe key/cache\r\n/scratch`},
			{"echo äöü日本 | cat", `\näöü日本`},
			{"stty size", `30 100`},
		} {
			p.types(do[0] + "\r")
			p.sees(do[1])
			p.sees(`\$ (\x1b\[6n)?$`)
		}
		p.types("\x04")
	})
}

func TestTerminalKeysAndSizes(t *testing.T) {
	p, _, ct := attended(t, nil)
	p.during(terminal(ct), func() {
		p.sees(`# (\x1b\[6n)?$`)
		for range 2 { // the second is taken when the first was sent: the keys come after it
			p.sizes <- engine.Size{Columns: 61, Rows: 17}
		}
		p.types("stty size\r")
		p.sees(`\n17 61\r\n`)
		p.types("sh -c 'echo started; exec sleep 1000'\r") // when it says so it is in the foreground
		p.sees(`\nstarted\r\n`)
		p.types("\x03")
		p.sees(`\^C(.|\n)*# (\x1b\[6n)?$`)
		p.types("echo status=$?\r")
		p.sees(`status=130`)
		p.types("exit 7\r")
	})
	if len(p.codes) != 1 || p.codes[0] != 7 {
		t.Errorf("exit codes %v", p.codes)
	}
}

// Text after the end of the shell does no harm: another terminal opens in the same session.
func TestTypedAheadOfTheEnd(t *testing.T) {
	p, _, ct := attended(t, nil)
	for range 3 {
		p.during(terminal(ct), func() {
			p.sees(`# (\x1b\[6n)?$`)
			p.types("exit\rls\rls\r" + strings.Repeat("ls\r", 1000))
		})
		p.mu.Lock()
		p.typed = nil
		p.mu.Unlock()
	}
	if len(p.codes) != 3 {
		t.Errorf("%d terminals were opened", len(p.codes))
	}
}

// A paste of 100 kB reaches the program whole.
func TestPaste(t *testing.T) {
	p, _, ct := attended(t, nil)
	p.during(terminal(ct), func() {
		p.sees(`# (\x1b\[6n)?$`)
		p.types("stty -echo; echo go; cat | md5sum\r")
		p.sees(`go\r\n`)
		p.types(strings.Repeat(strings.Repeat("0123456789", 9)+"123456789\r", 1000) + "\x04")
		p.sees(`[0-9a-f]{32}  -`)
		p.types("\x04")
	})
}

func TestCommandWithoutTerminal(t *testing.T) {
	p, _, ct := attended(t, nil)
	p.piped = true
	must(t, terminal(ct, "sh", "-c", "echo out; echo err >&2; cat; exit 255")())
	if p.shown.String() != "out\n" || p.errors.String() != "err\n" || len(p.codes) != 1 || p.codes[0] != 255 {
		t.Errorf("%q, %q, %v", p.shown.String(), p.errors.String(), p.codes)
	}
}

// brokenWriter is an output that cannot be written.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestOutputThatCannotBeWritten(t *testing.T) {
	_, _, ct := attended(t, func(o *engine.Options) {
		o.Screen = func(ctx context.Context, _ []string) (context.Context, *engine.Screen, error) {
			return ctx, &engine.Screen{Streams: engine.Streams{Stdout: brokenWriter{}, Stderr: brokenWriter{}}, Close: func(int, error) {}}, nil
		}
	})
	testenv.WantError(t, terminal(ct, "sh", "-c", "echo out; sleep 1000")(), "no room")
	testenv.WantError(t, terminal(ct, "sh", "-c", "echo out")(), "no room")
}

// A terminal that is gone ends the command, as it does everywhere.
func TestHangUp(t *testing.T) {
	p, _, ct := attended(t, nil)
	p.during(terminal(ct), func() {
		p.sees(`# (\x1b\[6n)?$`)
		must(t, p.typed.Close())
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.codes) != 1 || p.codes[0] == 0 {
		t.Errorf("exit codes %v", p.codes)
	}
}

func TestDefaultTerminalCommand(t *testing.T) {
	p, _, ct := attended(t, nil)
	p.piped = true
	must(t, terminal(ct.WithDefaultTerminalCmd([]string{"sh", "-c", "echo default"}))())
	must(t, terminal(ct.WithDefaultTerminalCmd([]string{"sh", "-c", "echo default"}), "sh", "-c", "echo own")())
	if p.shown.String() != "default\nown\n" {
		t.Errorf("%q", p.shown.String())
	}
	must(t, terminal(ct, "no-such-program")())
	if !strings.Contains(p.errors.String(), "not found") || p.codes[2] != 127 {
		t.Errorf("%q, %v", p.errors.String(), p.codes)
	}
}

func TestDirectoryTerminal(t *testing.T) {
	p, c, ct := attended(t, nil)
	p.piped = true
	d := c.Directory().WithNewFile("a/b", "content")
	_, err := d.Terminal(dagger.DirectoryTerminalOpts{Container: ct, Cmd: []string{"sh", "-c", "pwd; cat a/b; echo x >a/b"}}).Sync(context.Background())
	must(t, err)
	if p.shown.String() != "/src\ncontent" || !strings.Contains(p.errors.String(), "ead-only") {
		t.Errorf("%q %q", p.shown.String(), p.errors.String())
	}
}

func TestTerminalIsRefused(t *testing.T) {
	_, _, ct := attended(t, func(o *engine.Options) { o.Screen = nil })
	testenv.WantError(t, terminal(ct)(), "has no terminal", "foreground")
	_, _, ct = attended(t, nil)
	_, err := ct.WithDefaultTerminalCmd([]string{"sh"}, dagger.ContainerWithDefaultTerminalCmdOpts{ExperimentalPrivilegedNesting: true}).Terminal().Sync(context.Background())
	testenv.WantError(t, err, "Container.terminal(experimentalPrivilegedNesting) is not supported")
}

// A failed step opens a shell in the state before it, once, and the error stays that of the step.
func TestInspect(t *testing.T) {
	p, c, ct := attended(t, func(o *engine.Options) { o.Inspect = true })
	failing := ct.WithUser("worker").WithWorkdir("/work").WithSecretVariable("TOKEN", c.SetSecret("t", "s3cret")).
		WithMountedCache("/cache", c.CacheVolume(t.Name())).WithEnvVariable("STEP", t.Name()).
		WithExec([]string{"sh", "-c", "echo one two; echo $TOKEN; mkdir /work/made; exit 9"})
	var err error
	p.during(func() error { _, err = failing.Sync(context.Background()); return nil }, func() {
		p.sees(`\$ (\x1b\[6n)?$`)
		for _, do := range [][2]string{
			{"id -un; pwd; echo \"[$TOKEN] [$STEP]\"", `worker\r\n/work\r\n\[s3cret\] \[TestInspect\]`},
			{"ls /work | wc -l; ls -a / | cat", `\n0\r\n`},
			{`sh -c "$FAILED_COMMAND"; echo status=$?`, `one two\r\ns3cret\r\nstatus=9`},
		} {
			p.types(do[0] + "\r")
			p.sees(do[1])
			p.sees(`\$ (\x1b\[6n)?$`)
		}
		p.types("exit 3\r")
	})
	var failed *dagger.ExecError
	if !errors.As(err, &failed) || failed.ExitCode != 9 {
		t.Errorf("the error is %v", err)
	}
	said := strings.Join(p.lines, "\n")
	for _, want := range []string{"exit code 9", "  | one two\n  | ***\n", "real values"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q does not say %q", said, want)
		}
	}
	if len(p.codes) != 1 {
		t.Errorf("%d shells", len(p.codes))
	}
}

// So does a root file system whose programs are for another machine.
func TestInspectForeign(t *testing.T) {
	busybox := testenv.Program(t, "busybox", "apt-get install busybox-static")
	tools := t.TempDir()
	must(t, os.Mkdir(filepath.Join(tools, "bin"), 0o755))
	content, err := os.ReadFile(busybox)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(tools, "bin", "sh"), content, 0o755))
	p, c, _ := attended(t, func(o *engine.Options) {
		o.Inspect, o.Shell = true, func(context.Context) (string, error) { return tools, nil }
	})
	p.during(func() error {
		_, err := c.Container().WithNewFile("/bin/sh", "no program", dagger.ContainerWithNewFileOpts{Permissions: 0o755}).
			WithExec([]string{"sh", "-c", "true"}).Sync(context.Background())
		if err == nil {
			t.Error("a text ran as a program")
		}
		return nil
	}, func() {
		p.sees(`# (\x1b\[6n)?$`)
		p.types("echo $((40+2))\r")
		p.sees(`\n42\r\n`)
		p.types("exit\r")
	})
}

// Several results that fail because of one step open one shell, and all of them fail when it has ended.
func TestInspectOnce(t *testing.T) {
	p, _, ct := attended(t, func(o *engine.Options) { o.Inspect = true })
	failing := ct.WithEnvVariable("STEP", t.Name()).WithExec([]string{"sh", "-c", "exit 4"})
	p.during(func() error {
		var group sync.WaitGroup
		for _, name := range []string{"/a", "/b", "/c"} {
			group.Go(func() {
				_, err := failing.WithNewFile(name, "x").Sync(context.Background())
				var failed *dagger.ExecError
				if !errors.As(err, &failed) || failed.ExitCode != 4 {
					t.Errorf("the error is %v", err)
				}
			})
		}
		group.Wait()
		return nil
	}, func() {
		p.sees(`# (\x1b\[6n)?$`)
		p.types("exit\r")
	})
	if len(p.codes) != 1 {
		t.Errorf("%d shells", len(p.codes))
	}
}

// A root file system without a shell gets a static one.
func TestInspectWithoutShell(t *testing.T) {
	busybox := testenv.Program(t, "busybox", "apt-get install busybox-static")
	tools := t.TempDir()
	must(t, os.Mkdir(filepath.Join(tools, "bin"), 0o755))
	must(t, os.Link(busybox, filepath.Join(tools, "bin", "sh")))
	p, c, _ := attended(t, func(o *engine.Options) {
		o.Inspect, o.Shell = true, func(context.Context) (string, error) { return tools, nil }
	})
	var err error
	p.during(func() error {
		_, err = box(t, c, printEnv).WithEnvVariable("T", t.Name()).WithExec([]string{"/program", "it's", "fail"}).Sync(context.Background())
		return nil
	}, func() {
		p.sees(`# (\x1b\[6n)?$`)
		p.types("(eval \"$FAILED_COMMAND\"); echo status=$?\r")
		p.sees(`it's\r\nstatus=7`)
		p.types("exit\r")
	})
	if err == nil || !strings.Contains(strings.Join(p.lines, "\n"), "the image has none") {
		t.Errorf("%v, %q", err, p.lines)
	}
}
