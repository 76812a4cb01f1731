//go:build unix

package engine_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
)

// The test program also acts as the programs that it needs: a Dagger CLI, and a target that connects to Dagger.
const (
	roleVariable = "BLUMEOPS_TEST_ROLE"
	holdVariable = "BLUMEOPS_TEST_HOLD" // a named pipe that the CLI and its children hold open
)

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); {
	case role == "target":
		target()
	case role == clientRole:
		if err := client(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5:]...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case role != "":
		daggerSession(role)
	default:
		os.Exit(m.Run())
	}
}

// target connects to Dagger, and runs until it is killed.
func target() {
	os.Setenv(roleVariable, os.Getenv(roleVariable+"_CLI"))
	_, err := engine.Connect(context.Background(), engine.Options{
		Choice: engine.Dagger, Workdir: "/", LookupEnv: os.LookupEnv, Log: func(string) {},
	})
	fmt.Fprintln(os.Stderr, "connected:", err)
	select {}
}

// daggerSession is a `dagger session` whose behaviour depends on its role: words, each of which changes one thing.
func daggerSession(role string) {
	is := func(word string) bool { return strings.Contains(" "+role+" ", " "+word+" ") }
	if is("deaf") {
		signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	}
	hold(!is("alone"))
	if host := os.Getenv(runner); is("builder") && (!strings.HasPrefix(host, "tcp://") || os.Getenv(session) != "") {
		fmt.Fprintf(os.Stderr, "Error: the runner is %q, and the session %q\n", host, os.Getenv(session))
		os.Exit(1)
	}
	if is("fails") {
		fmt.Fprintln(os.Stderr, "Error: it is not my day")
		os.Exit(1)
	}
	if is("waits") {
		select {}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // for a test
		switch {
		case is("lost"): // the answer of the CLI of v0.21.8 after the end of its engine
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, `http do: Post "http://dagger/query": rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 10.0.0.1:8080: connect: connection refused"`)
		case is("dies"):
			os.Exit(1)
		case is("half"):
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"data":`)
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"data":{"version":"v0.21.8","defaultPlatform":"linux/s390x"}}`)
		}
	}))
	fmt.Printf("{\"port\":%d,\"session_token\":\"t\"}\n", l.Addr().(*net.TCPAddr).Port)
	io.Copy(io.Discard, os.Stdin) //nolint:errcheck // its end is all that counts
	if is("deaf") {
		select {}
	}
}

var pipe *os.File // kept from the garbage collector, which would close it

// hold opens the named pipe, and starts a child that holds it too, and that ignores the end of its input.
func hold(withChild bool) {
	path := os.Getenv(holdVariable)
	if path == "" {
		return
	}
	var err error
	pipe, err = os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	defer fmt.Fprintln(pipe, "running")
	if !withChild {
		return
	}
	child := exec.Command("sleep", "600")
	child.Stdout = pipe
	if err := child.Start(); err != nil {
		panic(err)
	}
}

// held is a named pipe that a CLI holds open.
type held struct {
	runs chan struct{} // closed when the CLI runs
	gone chan struct{} // closed when no process holds it any more
}

// holds gives each CLI that is started from now on a pipe to hold.
func holds(t *testing.T) *held {
	t.Helper()
	path := filepath.Join(t.TempDir(), "held")
	must(t, syscall.Mkfifo(path, 0o600))
	t.Setenv(holdVariable, path)
	h := &held{make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(h.gone)
		f, err := os.Open(path)
		if err != nil {
			return
		}
		defer f.Close()
		r := bufio.NewReader(f)
		if _, err := r.ReadString('\n'); err == nil {
			close(h.runs)
		}
		io.Copy(io.Discard, r) //nolint:errcheck // its end is all that counts
	}()
	return h
}

// patience limits waits for events that must come. It is far longer than they take on a busy machine.
const patience = 2 * time.Minute

// ends waits for the end of all processes that hold the pipe.
func (h *held) ends(t *testing.T) {
	t.Helper()
	select {
	case <-h.gone:
	case <-time.After(patience):
		t.Error("the Dagger CLI, or what it started, is still running")
	}
}

// daggerOptions are those of a session with the test program as the Dagger CLI, in its own environment.
func daggerOptions(t *testing.T, role string, env map[string]string) (engine.Options, *safeBuffer) {
	t.Helper()
	t.Setenv(roleVariable, role)
	self, err := os.Executable()
	must(t, err)
	all := map[string]string{"_EXPERIMENTAL_DAGGER_CLI_BIN": self, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
	for name, value := range env {
		all[name] = value
	}
	said := &safeBuffer{}
	return engine.Options{
		Choice: engine.Dagger, Workdir: t.TempDir(), StateDir: t.TempDir(),
		LookupEnv: func(name string) (string, bool) { value, ok := all[name]; return value, ok },
		Log:       func(line string) { fmt.Fprintln(said, line) },
	}, said
}

// within is a context whose end a test must never reach.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience) // t's own ends before the clean-up
	t.Cleanup(func() {
		if ctx.Err() != nil {
			t.Errorf("it took %s", patience)
		}
		cancel()
	})
	return ctx
}

// plain checks that an error is one plain line that contains all of the texts, with a hint.
func plain(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", want)
	}
	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q, want %q in it", err, part)
		}
	}
	if strings.ContainsAny(err.Error(), "\n\r\x1b") {
		t.Errorf("error %q is more than a line of text", err)
	}
	var hinter interface{ Hint() string }
	if !errors.As(err, &hinter) || hinter.Hint() == "" || strings.ContainsAny(hinter.Hint(), "\n\x1b") {
		t.Errorf("error %q comes without a remedy", err)
	}
}
