package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"dagger.io/dagger"
)

func TestFailedCommandIsAStepError(t *testing.T) {
	theirs := &dagger.ExecError{Cmd: []string{"/bin/sh", "-c", "make " + strings.Repeat("x", 300)}, ExitCode: 9, Stderr: "oops"}
	err := explain(theirs)
	var step *StepError
	if !errors.As(err, &step) || step.ExitCode() != 9 || step.Stderr != "oops" || !strings.HasSuffix(err.Error(), "…: exit code 9") || len(err.Error()) > 230 {
		t.Errorf("error %q", err)
	}
	never := &StepError{Command: []string{"x"}, Code: -1, Stderr: "unable to find user nosuch\n"}
	if want := "x: not started: unable to find user nosuch"; never.Error() != want {
		t.Errorf("error %q, want %q", never, want)
	}
}

func TestTelemetryIsLeftOutOfErrors(t *testing.T) {
	theirs := errors.New("stat /x: no such file or directory [traceparent:0123456789abcdef0123456789abcdef-0123456789abcdef]")
	err := explain(fmt.Errorf("build: %w", theirs))
	if err.Error() != "build: stat /x: no such file or directory" || !errors.Is(err, theirs) {
		t.Errorf("error %q", err)
	}
	if explain(nil) != nil {
		t.Error("nothing became an error")
	}
}
