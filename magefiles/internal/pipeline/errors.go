package pipeline

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"dagger.io/dagger"
)

// StepError says that a command of a build failed.
type StepError struct {
	Command        []string
	Code           int // its exit code; below 0 if it was never started
	Stdout, Stderr string
	err            error
}

// Error names the command and its exit code, or why it was not started. What it
// printed is for the caller to show.
func (e *StepError) Error() string {
	command := strings.Join(e.Command, " ")
	if line, _, more := strings.Cut(command, "\n"); more || len(line) > maxCommand {
		command = line[:min(len(line), maxCommand)] + "…"
	}
	if e.Code < 0 {
		return fmt.Sprintf("%s: not started: %s", command, strings.TrimSpace(e.Stderr))
	}
	return fmt.Sprintf("%s: exit code %d", command, e.Code)
}

// maxCommand is how much of a command an error shows, in bytes.
const maxCommand = 200

// ExitCode is the command's.
func (e *StepError) ExitCode() int { return e.Code }

// Unwrap gives Dagger's error.
func (e *StepError) Unwrap() error { return e.err }

// trace is what Dagger appends to messages for its own telemetry.
var trace = regexp.MustCompile(` ?\[traceparent:[0-9a-f-]+\]`)

// explain makes an error of the engine readable: a failed command becomes a *StepError.
func explain(err error) error {
	var failed *dagger.ExecError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed):
		return &StepError{Command: failed.Cmd, Code: failed.ExitCode, Stdout: failed.Stdout, Stderr: failed.Stderr, err: err}
	case trace.MatchString(err.Error()):
		return &engineError{trace.ReplaceAllString(err.Error(), ""), err}
	}
	return err
}

// engineError is an error with a text that people can read.
type engineError struct {
	text string
	err  error
}

func (e *engineError) Error() string { return e.text }
func (e *engineError) Unwrap() error { return e.err }
