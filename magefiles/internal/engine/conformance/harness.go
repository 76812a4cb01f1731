package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Harness is the built program that replays the scenarios.
type Harness struct {
	Program    string // path
	Recordings string // folder
}

// Testdata is the folder of the recordings and of the programs that recorded them, below the folder of this package.
const Testdata = "testdata"

// Build builds the harness of testdata, the folder, into the empty folder work.
func Build(ctx context.Context, testdata, work string) (Harness, error) {
	program, err := build(ctx, filepath.Join(testdata, "harness"), work)
	if err != nil {
		return Harness{}, fmt.Errorf("build the conformance harness: %w", err)
	}
	recordings, err := filepath.Abs(filepath.Join(testdata, "recordings"))
	return Harness{Program: program, Recordings: recordings}, err
}

// build builds the module in a folder, which may be read-only, and returns the program.
func build(ctx context.Context, source, work string) (string, error) {
	program, err := filepath.Abs(filepath.Join(work, filepath.Base(source)))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return program, nil
}

// Run replays the scenarios that match the regular expression pattern against the session program. environ is the environment for both, without
// variables that name another engine. Output of the harness and the sessions that is not a result goes to log.
func (h Harness) Run(ctx context.Context, session, pattern string, environ []string, log io.Writer) (Results, error) {
	list, err := h.command(ctx, session, environ, "-list", "-run", pattern).Output()
	if err != nil {
		return Results{}, fmt.Errorf("list conformance scenarios: %w", err)
	}
	out, err := os.MkdirTemp(filepath.Dir(h.Program), "out-")
	if err != nil {
		return Results{}, err
	}
	defer os.RemoveAll(out)
	var text bytes.Buffer
	cmd := h.command(ctx, session, environ, "-v=false", "-against", h.Recordings, "-out", out, "-run", pattern)
	cmd.Stdout, cmd.Stderr = &text, log
	// Exit status 1 means that something differs. The output has the details.
	if err := cmd.Run(); err != nil && !exitedWith(err, 1) {
		return Results{}, fmt.Errorf("replay conformance scenarios: %w\n%s", err, text.Bytes())
	}
	r, err := Parse(&text)
	r.All = strings.Fields(string(list))
	return r, err
}

// others are the variables with which the Dagger SDK finds an engine other than ours.
var others = []string{"DAGGER_SESSION_PORT", "DAGGER_SESSION_TOKEN", "_EXPERIMENTAL_DAGGER_RUNNER_HOST", "_EXPERIMENTAL_DAGGER_CLI_BIN"}

func (h Harness) command(ctx context.Context, session string, environ []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, h.Program, args...)
	cmd.Env = slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(others, name)
	})
	cmd.Env = append(cmd.Env, "_EXPERIMENTAL_DAGGER_CLI_BIN="+session)
	return cmd
}

func exitedWith(err error, status int) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == status
}
