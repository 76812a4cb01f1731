package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// program is a static program for the engine's platform that runs in an empty container, so a test of commands needs no base image.
func program(t *testing.T, source string) string {
	t.Helper()
	testenv.Slow(t, "compiles a program for a container")
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module program\n\ngo 1.26\n"), 0o644))
	cmd := exec.Command("go", "build", "-o", "program", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, workdir string) *dagger.Client {
	t.Helper()
	return enginetest.Connect(t, enginetest.Options(t, workdir)).Client
}

// box is a container with only the program.
func box(t *testing.T, c *dagger.Client, source string) *dagger.Container {
	t.Helper()
	enginetest.NeedsRuntime(t, enginetest.Options(t, "/"))
	return c.Container().WithFile("/program", c.Host().Directory(program(t, source)).File("program"))
}

const printEnv = `package main

import ("fmt"; "os"; "strings"; "time")

func main() {
	for _, a := range os.Args[1:] {
		switch {
		case a == "now":
			fmt.Println(time.Now().UnixNano())
		case a == "fail":
			os.Exit(7)
		case strings.HasPrefix(a, "$"):
			fmt.Println(os.Getenv(a[1:]))
		case strings.HasPrefix(a, "@"):
			b, err := os.ReadFile(a[1:])
			fmt.Println(string(b), err)
		case strings.HasPrefix(a, ">"):
			os.WriteFile(a[1:], []byte(time.Now().String()), 0o644)
		case a == "sleep":
			time.Sleep(time.Minute)
		default:
			fmt.Println(a)
		}
	}
}
`

func TestAFailedCommandRunsAgainAndReportsAllOutput(t *testing.T) {
	ctx := context.Background()
	ct := box(t, connect(t, t.TempDir()), printEnv).WithExec([]string{"/program", "now", "fail"})
	var seen []string
	for range 2 {
		_, err := ct.Sync(ctx)
		var failed *dagger.ExecError
		if !errors.As(err, &failed) {
			t.Fatalf("got %v, want an exec error", err)
		}
		if failed.ExitCode != 7 || strings.Join(failed.Cmd, " ") != "/program now fail" || failed.Stdout == "" {
			t.Errorf("got exit code %d of %q with stdout %q", failed.ExitCode, failed.Cmd, failed.Stdout)
		}
		seen = append(seen, failed.Stdout)
	}
	if seen[0] == seen[1] {
		t.Error("the second call was answered from the first's failure")
	}
}

func TestACachedCommandAnswersInAnotherSession(t *testing.T) {
	ctx := context.Background()
	dir := program(t, printEnv)
	enginetest.NeedsRuntime(t, enginetest.Options(t, "/"))
	run := func() string {
		s, err := engine.Connect(ctx, enginetest.Options(t, dir))
		must(t, err)
		defer s.Close()
		out, err := s.Client.Container().WithFile("/program", s.Client.Host().Directory(".").File("program")).
			WithEnvVariable("TEST", t.Name()).WithExec([]string{"/program", "now"}).Stdout(ctx)
		must(t, err)
		return out
	}
	if a, b := run(), run(); a != b {
		t.Errorf("the command ran again: %q, then %q", a, b)
	}
}

func TestUnsupportedFieldIsNamed(t *testing.T) {
	ctx := context.Background()
	c := connect(t, t.TempDir())
	for field, ask := range map[string]func() error{
		"Query.moduleSource": func() error { _, err := c.ModuleSource("x").ID(ctx); return err },
		"Directory.asModule": func() error { _, err := c.Directory().AsModule().ID(ctx); return err },
	} {
		err := ask()
		if err == nil || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), "BLUMEOPS_ENGINE=dagger") {
			t.Errorf("%s: got %v, want it named, with the way out", field, err)
		}
	}
}

func TestAPlatformVariantReportsItsPlatform(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nARG TARGETARCH\nCOPY a /a-$TARGETARCH\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o644))
	c := connect(t, dir)
	built := c.Host().Directory(".").DockerBuild(dagger.DirectoryDockerBuildOpts{Platform: "linux/arm64"})
	p, err := built.Platform(ctx)
	must(t, err)
	names, err := built.Rootfs().Entries(ctx)
	must(t, err)
	if p != "linux/arm64" || fmt.Sprint(names) != "[a-arm64]" {
		t.Errorf("got platform %s with %v", p, names)
	}
}

func TestAnInterruptedCallStopsItsCommand(t *testing.T) {
	c := connect(t, t.TempDir())
	ct := box(t, c, printEnv).WithEnvVariable("NONCE", fmt.Sprint(time.Now().UnixNano())).WithExec([]string{"/program", "sleep"})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { _, err := ct.Sync(ctx); ended <- err }()
	waitFor(t, "the command", func() bool { return running("/program\x00sleep") })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cancellation", err)
	}
	waitFor(t, "the end of the command", func() bool { return !running("/program\x00sleep") })
	if _, err := c.DefaultPlatform(context.Background()); err != nil {
		t.Errorf("the session is of no use any more: %v", err)
	}
}

// running reports whether a process with these arguments exists.
func running(args string) bool {
	list, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range list {
		if b, _ := os.ReadFile(p); bytes.HasPrefix(b, []byte(args)) {
			return true
		}
	}
	return false
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// A secret goes only to its command: not to the output, not to the events, not into any file that the engine keeps.
func TestSecretsStayOut(t *testing.T) {
	ctx := context.Background()
	canary := fmt.Sprintf("canary-%d-end", time.Now().UnixNano())
	var said safeBuffer
	opts := enginetest.Options(t, t.TempDir())
	opts.Log = func(line string) { fmt.Fprintln(&said, line) }
	opts.Events = func(e engine.Event) { fmt.Fprintf(&said, "%s %s %s\n", e.Name, e.Data, e.Err) }
	c := enginetest.Connect(t, opts).Client
	secret := c.SetSecret("canary-"+t.Name(), canary)
	file := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(file, []byte(canary), 0o600))
	ct := box(t, c, printEnv).WithSecretVariable("TOKEN", secret).WithMountedSecret("/run/token", c.Secret("file://"+file)).
		WithExec([]string{"/program", "$TOKEN", "@/run/token", fmt.Sprint(time.Now().UnixNano())})
	out, err := ct.CombinedOutput(ctx)
	must(t, err)
	if strings.Count(out, "***") != 2 {
		t.Errorf("the command did not see the secret twice: %q", out)
	}
	archive := filepath.Join(t.TempDir(), "image.tar")
	if _, err := ct.Export(ctx, archive); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out+said.String(), canary) {
		t.Error("the secret came out")
	}
	for _, dir := range []string{testenv.EngineState(t), filepath.Dir(archive)} {
		findIn(t, dir, canary)
	}
}

// findIn fails for every file below dir that contains the text.
func findIn(t *testing.T, dir, text string) {
	t.Helper()
	read := 0
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // the daemon works on while we look
		}
		if info, err := d.Info(); err != nil || info.Size() > 64<<20 || time.Since(info.ModTime()) > 10*time.Minute {
			return nil //nolint:nilerr // gone, a program that was built, or older than the secret
		}
		b, err := os.ReadFile(p)
		read++
		if err == nil && bytes.Contains(b, []byte(text)) {
			t.Errorf("%s holds the secret", p)
		}
		return nil
	})
	must(t, err)
	if read == 0 {
		t.Errorf("nothing was looked at in %s", dir)
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestServeRequiresTheToken(t *testing.T) {
	testenv.Slow(t, "builds and starts BuildKit")
	stdin, keepOpen := io.Pipe()
	line, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- engine.Serve(context.Background(), enginetest.Options(t, t.TempDir()), stdin, stdout) }()
	var params struct {
		Port  int    `json:"port"`
		Token string `json:"session_token"`
	}
	must(t, json.NewDecoder(line).Decode(&params))
	ask := func(token string) int {
		req, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/query", params.Port), strings.NewReader(`{"query":"{version}"}`))
		must(t, err)
		req.SetBasicAuth(token, "")
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		defer res.Body.Close()
		return res.StatusCode
	}
	if got := ask(params.Token); got != http.StatusOK {
		t.Errorf("with the token: status %d", got)
	}
	if got := ask("guess"); got != http.StatusUnauthorized {
		t.Errorf("without the token: status %d", got)
	}
	t.Setenv("DAGGER_SESSION_PORT", strconv.Itoa(params.Port))
	t.Setenv("DAGGER_SESSION_TOKEN", params.Token)
	opts := enginetest.Options(t, t.TempDir())
	opts.Choice, opts.DaggerLog = engine.Auto, io.Discard
	if s := enginetest.Connect(t, opts); s.Choice != engine.Dagger || !strings.Contains(s.Why, "DAGGER_SESSION_PORT") {
		t.Errorf("an open session is passed over for %s (%s)", s.Choice, s.Why)
	} else if _, err := s.Client.DefaultPlatform(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, keepOpen.Close())
	must(t, <-ended)
	if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", params.Port)); err == nil {
		c.Close()
		t.Error("it still listens after its end")
	}
}

func TestWhoIsTaken(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty": {"", "auto"}, "known": {"embedded", "embedded"}, "unknown": {"docker", ""},
	} {
		got, err := engine.ParseChoice(c.text)
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// A Dagger that is not available is an error if the user named it; if Auto found it, the embedded engine is used instead.
func TestFallingBack(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "dagger")
	must(t, os.WriteFile(broken, []byte("#!/bin/sh\necho no luck >&2\nexit 1\n"), 0o755))
	t.Setenv("_EXPERIMENTAL_DAGGER_CLI_BIN", broken)
	t.Setenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST", "tcp://127.0.0.1:1")
	opts := enginetest.Options(t, t.TempDir())
	opts.Choice = engine.Dagger
	if s, err := engine.Connect(context.Background(), opts); err == nil {
		s.Close()
		t.Error("Dagger by name fell back")
	}
	opts.Choice = engine.Auto
	var said []string
	opts.Log = func(line string) { said = append(said, line) }
	s := enginetest.Connect(t, opts)
	if s.Choice != engine.Embedded {
		t.Errorf("got %s", s.Choice)
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, "Dagger did not start") {
		t.Errorf("the reason is missing: %s", all)
	}
}
