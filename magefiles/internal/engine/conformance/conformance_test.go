package conformance_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/conformance"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// The addresses of the recordings, which the harness therefore uses.
const (
	registryAddr = "127.0.0.1:1338"
	baseImage    = "library/debian:bookworm-slim"
)

const sessionPackage = "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/session"

// TestConformance replays the recordings against the embedded engine. BLUMEOPS_CONFORMANCE_RUN is a regular expression over group/name for
// working on some of them.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("replays for minutes: run without -short")
	}
	if err := testimage.Debian().Ready(); err != nil {
		testenv.Missing(t, err)
	}
	listed, err := conformance.Known()
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	harness, err := conformance.Build(t.Context(), conformance.Testdata, work)
	if err != nil {
		t.Fatal(err)
	}
	session := build(t, work, sessionPackage)
	serveBaseImage(t)

	var log bytes.Buffer
	results, err := harness.Run(interruptible(t), session, pattern(), environ(t), &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.Bytes())
	}
	same, all := 0, 0
	for _, c := range results.Counts() {
		t.Log(c)
		same, all = same+c.Same, all+c.All
	}
	t.Logf("%d of %d scenarios as recorded, %d listed in differences.txt", same, all, len(listed))
	if all == 0 {
		t.Errorf("no scenario matches %s", pattern())
	}
	for _, line := range results.Check(listed) {
		t.Error(line)
	}
	if t.Failed() {
		t.Logf("what the sessions said:\n%s", log.Bytes())
	}
}

// pattern selects the groups that count.
func pattern() string {
	if p := os.Getenv("BLUMEOPS_CONFORMANCE_RUN"); p != "" {
		return p
	}
	return "^(" + strings.Join(conformance.Groups, "|") + ")/"
}

// environ tells the session program which engine to use: the tests' own, with an empty cache. The cache volumes of an engine that others use hold
// the files that they left there.
func environ(t *testing.T) []string {
	t.Helper()
	return append(os.Environ(), "BLUMEOPS_ENGINE_INSECURE=true", "BLUMEOPS_ENGINE_STATE="+empty(t, "engine-conformance"))
}

// empty is the state folder of an engine with nothing in its cache, which runs until the test ends.
func empty(t *testing.T, name string) string {
	t.Helper()
	opts := enginetest.Options(t, "/")
	opts.StateDir = filepath.Join(filepath.Dir(opts.StateDir), name)
	if _, err := engine.Up(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Down(context.Background(), opts); err != nil {
			t.Error(err)
		}
	})
	if _, err := engine.Prune(t.Context(), opts, true); err != nil {
		t.Fatal(err)
	}
	return opts.StateDir
}

func build(t *testing.T, dir, pkg string) string {
	t.Helper()
	program := filepath.Join(dir, strings.TrimSuffix(filepath.Base(pkg), ".go"))
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, pkg).CombinedOutput(); err != nil {
		t.Fatalf("build the session program: %v\n%s", err, out)
	}
	return program
}

// serveBaseImage starts the registry of the recordings, with their base image.
func serveBaseImage(t *testing.T) {
	t.Helper()
	layout, err := baseimage.Images{Log: func(line string) { t.Log(line) }}.Make(t.Context(), testimage.Debian())
	if err != nil {
		t.Fatal(err)
	}
	registry, err := lab.StartRegistry(t.Context(), lab.Home{}, lab.RegistryOptions{Addr: registryAddr})
	if err != nil {
		t.Fatalf("the recordings need their own registry: %v", err)
	}
	t.Cleanup(func() {
		if err := registry.Close(); err != nil {
			t.Errorf("close the registry: %v", err)
		}
	})
	if err := registry.Seed(t.Context(), baseImage, layout); err != nil {
		t.Fatal(err)
	}
}

// interruptible ends the harness a little before the test's deadline, so that its results are still printed.
func interruptible(t *testing.T) context.Context {
	deadline, ok := t.Deadline()
	if !ok {
		return t.Context()
	}
	ctx, cancel := context.WithDeadline(t.Context(), deadline.Add(-20*time.Second))
	t.Cleanup(cancel)
	return ctx
}

// TestHarnessReportsAnEngineWithoutFields runs the real harness against a session program that answers every query with an error: each scenario
// that sends a query must differ, and nothing may hang.
func TestHarnessReportsAnEngineWithoutFields(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two programs: run without -short")
	}
	work := t.TempDir()
	harness, err := conformance.Build(t.Context(), conformance.Testdata, work)
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(t.TempDir(), "ignorant.go")
	if err := os.WriteFile(source, []byte(ignorant), 0o600); err != nil {
		t.Fatal(err)
	}
	session := build(t, work, source)
	results, err := harness.Run(t.Context(), session, "^(mounts|ids)/", os.Environ(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	same := map[string]int{"mounts": 0, "ids": 1} // ids/closed_client sends nothing to the engine
	for _, c := range results.Counts() {
		if want, run := same[c.Group]; (c.All > 0) != run || c.Same != want {
			t.Errorf("%s, want %d to be the same", c, want)
		}
	}
	if wrong := results.Check(nil); len(wrong) != len(results.All)-1 {
		t.Errorf("%d complaints about %d scenarios: %q", len(wrong), len(results.All), wrong)
	}
}

// ignorant is a session program that speaks the protocol and knows no field.
const ignorant = `package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, "{\"data\":null,\"errors\":[{\"message\":\"knows nothing\"}]}")
	}))
	fmt.Printf("{\"port\":%d,\"session_token\":\"t\"}\n", l.Addr().(*net.TCPAddr).Port)
	io.Copy(io.Discard, os.Stdin)
}
`
