package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// clientRole makes this test binary a user of the engine. Its arguments are the folder of the engine, the folder of the program (server), the path
// of busybox, a mark, and what the user does, in this order: "service" starts one, "shell" opens one, "inspect" opens one in a failed step, "again"
// repeats the operation of the next argument until the user is killed.
// The mark is in the arguments of all processes in containers. It prints a line for each event of the engine, and "ready" in the end. Then it waits
// for the end of its stdin, and closes the session.
const clientRole = "client"

func client(state, dir, busybox, mark string, does ...string) error {
	shown, typed := newShell(mark)
	var mu sync.Mutex
	say := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(line)
	}
	s, err := engine.Connect(context.Background(), engine.Options{
		Choice: engine.Embedded, Workdir: dir, StateDir: state, CacheBytes: testenv.EngineCacheBytes, LookupEnv: os.LookupEnv,
		Log: func(line string) { fmt.Fprintln(os.Stderr, line) }, Events: func(engine.Event) { say("event") },
		Inspect: slices.Contains(does, "inspect"),
		Screen: func(ctx context.Context, _ []string) (context.Context, *engine.Screen, error) {
			screen := &engine.Screen{Term: "vt100", Size: engine.Size{Columns: 100, Rows: 30}, Close: func(int, error) {}}
			screen.Streams = engine.Streams{Stdin: typed, Stdout: shown, Sizes: make(chan engine.Size)}
			return ctx, screen, nil
		},
	})
	if err != nil {
		return err
	}
	ct := busyboxIn(s.Client, busybox).WithFile("/program", s.Client.Host().File("program"))
	ended := make(chan error, 2)
	shells := 0
	for _, what := range does {
		open := terminal(ct, "sh", "-s", mark)
		switch what {
		case "again":
			if ct, err = ct.Sync(context.Background()); err != nil {
				return err
			}
			say("ready")
			for i := 0; ; i++ {
				if err := operation(s.Client, ct, does[1], fmt.Sprint(mark, i)); err != nil && (does[1] != "fail" || !strings.Contains(err.Error(), "exit code: 3")) {
					return err
				}
			}
		case "service":
			web := serve(ct, "serve", "8080", mark)
			if _, err := web.Start(context.Background()); err != nil {
				return err
			}
			ct = ct.WithServiceBinding("web", web)
			if _, err := ct.WithExec([]string{"/program", "ask", "tell", "web:8080"}).Sync(context.Background()); err != nil {
				return err
			}
			continue
		case "inspect":
			open = func() error {
				_, err := ct.WithEnvVariable("N", mark).WithExec([]string{"sh", "-c", "exit 9"}).Sync(context.Background())
				if err == nil || !strings.Contains(err.Error(), "exit code: 9") {
					return fmt.Errorf("the failed step: %w", err)
				}
				return nil
			}
		}
		shells++
		go func() { ended <- open() }()
		select {
		case <-shown.seen:
		case err := <-ended:
			return fmt.Errorf("the shell ended: %w", err)
		}
	}
	say("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	_ = typed.Close() // ends the shell
	for range shells {
		if err := <-ended; err != nil {
			return err
		}
	}
	return s.Close()
}

// operation is a small operation, new for each nonce.
func operation(c *dagger.Client, ct *dagger.Container, name, nonce string) error {
	ctx := context.Background()
	dir := c.Directory()
	for i := range 5 {
		dir = dir.WithNewFile(fmt.Sprint("f", i), nonce)
	}
	ct = ct.WithEnvVariable("N", nonce)
	command := map[string]string{"sleep": "sleep 100", "fail": "exit 3", "succeed": "exit 0"}[name]
	var err error
	switch name {
	case "mounts":
		_, err = ct.WithMountedDirectory("/x", dir).WithMountedCache("/c", c.CacheVolume("c")).WithExec([]string{"ls", "/x"}).Sync(ctx)
	case "files":
		_, err = dir.Sync(ctx)
	case "copies":
		_, err = ct.WithDirectory("/x", dir, dagger.ContainerWithDirectoryOpts{Include: []string{"f*"}}).Sync(ctx)
	case "times":
		_, err = dir.WithTimestamps(1).Sync(ctx)
	default:
		_, err = ct.WithExec([]string{"sh", "-c", command}).Sync(ctx)
	}
	return err
}

// output of a shell.
type shell struct {
	text bytes.Buffer
	seen chan struct{} // closed when the command that was typed has printed its line
	once sync.Once
}

// newShell is the screen of a shell in which somebody has typed a command that runs in the background, with the mark in its arguments.
func newShell(mark string) (*shell, *io.PipeReader) {
	typed, w := io.Pipe()
	go func() { _, _ = fmt.Fprintf(w, "sh -c 'echo in\"\"side; sleep 100000; : %s' &\r", mark) }() // an error says that the shell is closed
	return &shell{seen: make(chan struct{})}, typed
}

func (s *shell) Write(p []byte) (int, error) {
	s.text.Write(p)
	if bytes.Contains(s.text.Bytes(), []byte("inside")) {
		s.once.Do(func() { close(s.seen) })
	}
	return len(p), nil
}

// user is a running client.
type user struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.Closer
	lines  *bufio.Scanner
	stderr bytes.Buffer
}

// newUser starts a client. tmp is its folder of temporary files.
func newUser(t *testing.T, opts engine.Options, busybox, tmp, mark string, does ...string) *user {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	u := &user{t: t, cmd: exec.Command(self, append([]string{opts.StateDir, opts.Workdir, busybox, mark}, does...)...)}
	u.cmd.Env = append(os.Environ(), roleVariable+"="+clientRole, "TMPDIR="+tmp)
	u.cmd.Stderr = &u.stderr
	u.stdin, err = u.cmd.StdinPipe()
	must(t, err)
	stdout, err := u.cmd.StdoutPipe()
	must(t, err)
	u.lines = bufio.NewScanner(stdout)
	must(t, u.cmd.Start())
	t.Cleanup(func() { _ = u.cmd.Process.Kill() }) // usually it has ended
	return u
}

// ready waits until the client is ready, or until a number of events if that is not 0.
func (u *user) ready(events int) {
	u.t.Helper()
	for seen := 0; u.lines.Scan(); {
		if u.lines.Text() == "ready" {
			return
		}
		if seen++; seen == events {
			return
		}
	}
	_ = u.cmd.Wait()
	u.t.Fatalf("the client ended: %s", u.stderr.String())
}

// kill ends the client with SIGKILL.
func (u *user) kill() {
	u.t.Helper()
	must(u.t, u.cmd.Process.Kill())
	_ = u.cmd.Wait() // it was killed
}

// leave has the client close its session.
func (u *user) leave() {
	u.t.Helper()
	must(u.t, u.stdin.Close())
	for u.lines.Scan() {
	}
	if err := u.cmd.Wait(); err != nil {
		u.t.Errorf("%v\n%s", err, u.stderr.String())
	}
}
