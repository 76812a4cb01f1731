package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"dagger.io/dagger/engineconn"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

const (
	cliVariable = "_EXPERIMENTAL_DAGGER_CLI_BIN"
	// startTime is how long the Dagger CLI may take until its session is open: it may need to pull an image and start a container.
	startTime = 5 * time.Minute
	// closeTime is how long the CLI may take to end its session. Then it is killed.
	closeTime = 3 * time.Second
	// outputTime is how long a process that the CLI started may keep the CLI's output open after the CLI ended.
	outputTime = 500 * time.Millisecond
)

// cli is a running `dagger session`: the connection of a client, and the process. The SDK starts the same command, but leaves it running for
// minutes when the command ignores the end of its input: while it waits for an engine, and after the engine's end.
type cli struct {
	cmd   *exec.Cmd
	stdin io.Closer
	line  chan []byte // receives the first line of its output
	said  *outputTail
	ended chan struct{} // closed when the process has ended and all of its output is read
	err   error         // of the process, once ended
	http  *http.Client
	token string
	log   func(string)
}

// startCLI starts the Dagger CLI. connect waits for its session.
func startCLI(program string, opts Options) (*cli, error) {
	c := &cli{line: make(chan []byte, 1), said: &outputTail{}, ended: make(chan struct{}), log: opts.Log}
	for attempt := 0; ; attempt++ {
		err := c.start(program, opts)
		// A program that was just written may still be open in a child that another goroutine starts: https://go.dev/issue/22315.
		if !errors.Is(err, syscall.ETXTBSY) || attempt == 10 {
			return c, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (c *cli) start(program string, opts Options) error {
	c.cmd = exec.Command(program, "session", "--workdir", opts.Workdir,
		"--label", "dagger.io/sdk.name:go", "--label", "dagger.io/sdk.version:"+engineconn.CLIVersion)
	// The CLI gets the whole environment: it reads secrets such as env://NAME there, and the credentials of its container engine. Its output goes
	// to a log.
	c.cmd.Env = append(c.cmd.Environ(), "NO_COLOR=1")
	if opts.Builder != "" {
		session := func(pair string) bool { return strings.HasPrefix(pair, "DAGGER_SESSION_") }
		c.cmd.Env = append(slices.DeleteFunc(c.cmd.Env, session), runnerVariable+"="+opts.getenv(runnerVariable))
	}
	c.cmd.Stdout = &lineWriter{line: c.line}
	c.cmd.Stderr = io.MultiWriter(c.said, opts.daggerLog())
	c.cmd.WaitDelay = outputTime
	stdin, err := c.cmd.StdinPipe() // the CLI ends its session when this is closed
	if err != nil {
		return err
	}
	c.stdin = stdin
	if err := procgroup.Start(c.cmd); err != nil {
		return err
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
	return nil
}

// connect waits until the session is open, and checks the runner again after each period of patience. A caller that gets an error must kill the
// CLI.
func (c *cli) connect(ctx context.Context, opts Options, patience time.Duration) error {
	look, late, told := time.NewTicker(patience), time.After(startTime), false
	defer look.Stop()
	for {
		select {
		case line := <-c.line:
			return c.open(line)
		case <-c.ended:
			return noSession(c.said.String(), c.err, opts)
		case <-look.C:
			if !told {
				told = true
				opts.Log("still waiting for Dagger" + opts.runner())
			}
			if err := checkRunner(ctx, opts); err != nil && !isSlow(err) {
				return err
			}
		case <-late:
			return &daggerError{text: fmt.Sprintf("Dagger%s did not open a session within %s", opts.runner(), startTime), hint: opts.remedy()}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// open reads the port and the token that the CLI prints when its session is open.
func (c *cli) open(line []byte) error {
	var params engineconn.ConnectParams
	if err := json.Unmarshal(line, &params); err != nil || params.Port == 0 {
		return fmt.Errorf("%s printed %q: expected a line of JSON with a port and a token, as `dagger session` prints", c.cmd.Path, firstLine(string(line)))
	}
	c.token = params.SessionToken
	address := fmt.Sprintf("127.0.0.1:%d", params.Port)
	c.http = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}}}
	return nil
}

// Do sends a request to the session.
func (c *cli) Do(r *http.Request) (*http.Response, error) {
	r.SetBasicAuth(c.token, "")
	return c.http.Do(r)
}

// Host is a name for URLs.
func (c *cli) Host() string { return "dagger" }

// Close ends the session and the process.
func (c *cli) Close() error {
	c.http.CloseIdleConnections()
	_ = c.stdin.Close() // the process may have ended
	select {
	case <-c.ended:
	case <-time.After(closeTime):
		c.kill()
		c.log(fmt.Sprintf("the Dagger CLI did not end its session within %s, and was killed", closeTime))
		return nil
	}
	procgroup.Kill(c.cmd) // processes that it started and left
	if c.err != nil && !errors.Is(c.err, exec.ErrWaitDelay) {
		return fmt.Errorf("end the session of Dagger: %w: %s", c.err, reason(c.said.String()))
	}
	return nil
}

// kill ends the process and all processes that it started, and waits for their end.
func (c *cli) kill() {
	_ = c.stdin.Close() // the process may have ended
	procgroup.Kill(c.cmd)
	<-c.ended
}

// cliProgram returns the path of the Dagger CLI: the one that the environment names, or the CLI of the SDK's version, which is downloaded once.
func cliProgram(ctx context.Context, opts Options) (string, error) {
	named := opts.getenv(cliVariable)
	if named == "" {
		return engineconn.CLIDownloader{
			Ref: engineconn.CLIVersion, Release: true, LogOutput: opts.daggerLog(), CleanupOld: true,
		}.Download(ctx)
	}
	path := named
	if rest, ok := strings.CutPrefix(named, "~/"); ok {
		path = filepath.Join(opts.getenv("HOME"), rest)
	}
	path, err := exec.LookPath(path)
	if err != nil {
		return "", &daggerError{
			text: fmt.Sprintf("cannot run $%s=%s: %s", cliVariable, named, cause(err)),
			hint: fmt.Sprintf("set it to the path of the Dagger CLI v%s, or unset it: then the CLI is downloaded", engineconn.CLIVersion), err: err,
		}
	}
	return path, nil
}

// lineWriter sends the first line that is written to it, and drops the rest.
type lineWriter struct {
	line chan<- []byte
	part []byte
	done bool
}

func (w *lineWriter) Write(p []byte) (int, error) {
	if !w.done {
		w.part = append(w.part, p...)
		line, _, whole := bytes.Cut(w.part, []byte("\n"))
		if whole || len(line) > outputLimit {
			w.done = true
			w.line <- line
		}
	}
	return len(p), nil
}

// outputTail keeps the end of a program's output.
type outputTail struct {
	mu   sync.Mutex
	text []byte
}

// outputLimit is how much of it is kept, at least.
const outputLimit = 64 << 10

func (s *outputTail) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p...)
	if len(s.text) > 2*outputLimit {
		s.text = append([]byte(nil), s.text[len(s.text)-outputLimit:]...)
	}
	return len(p), nil
}

func (s *outputTail) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text)
}
