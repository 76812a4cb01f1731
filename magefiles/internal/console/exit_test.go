package console

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

type stepError struct{ code int }

func (e stepError) Error() string { return fmt.Sprintf("RUN false: exit code %d", e.code) }
func (e stepError) StepCode() int { return e.code }

// fatal is an error like that of mg.Fatal.
type fatal struct{ status int }

func (e fatal) Error() string   { return "fatal" }
func (e fatal) ExitStatus() int { return e.status }

// statusFor is the status that mage exits with: it asserts the type of the outermost error, and takes 1 if it has no status.
func statusFor(err error) int {
	if own, ok := err.(interface{ ExitStatus() int }); ok { //nolint:errorlint // that is what mage does
		return own.ExitStatus()
	}
	return 1
}

type hinted struct {
	error
	hint string
}

func (e hinted) Hint() string  { return e.hint }
func (e hinted) Unwrap() error { return e.error }

// childError is the error of a program that ended with a status.
func childError(t *testing.T, status int) error {
	t.Helper()
	err := exec.Command("sh", "-c", fmt.Sprint("exit ", status)).Run()
	if err == nil {
		t.Fatal("it ended well")
	}
	return err
}

func TestExit(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		text   string
	}{
		"plain":             {errors.New("no"), 1, "no"},
		"bad input":         {fmt.Errorf("build: %w", BadInput(errors.New("no such container"))), 2, "build: no such container"},
		"step":              {fmt.Errorf("build: %w", stepError{7}), 7, "build: RUN false: exit code 7"},
		"step, no code":     {stepError{-1}, 1, "RUN false: exit code -1"},
		"step, over range":  {stepError{256}, 1, "RUN false: exit code 256"},
		"hint":              {fmt.Errorf("publish: %w", hinted{errors.New("401"), "log in"}), 1, "publish: 401\nhint: log in"},
		"inner hint":        {hinted{hinted{errors.New("401"), "log in"}, ""}, 1, "401\nhint: log in"},
		"empty hint":        {hinted{errors.New("401"), ""}, 1, "401"},
		"hint and step":     {hinted{stepError{3}, "see the log"}, 3, "RUN false: exit code 3\nhint: see the log"},
		"cancelled":         {fmt.Errorf("push: %w", context.Canceled), 130, "stopped"},
		"SIGINT":            {fmt.Errorf("push: %w", &Stopped{syscall.SIGINT}), 130, "stopped"},
		"SIGTERM":           {&Stopped{syscall.SIGTERM}, 143, "stopped"},
		"a child":           {fmt.Errorf("source: %w", childError(t, 128)), 1, "source: exit status 128"},
		"a child in a step": {fmt.Errorf("%w: %w", childError(t, 128), stepError{7}), 7, "exit status 128: RUN false: exit code 7"},
		"deadline":          {context.DeadlineExceeded, 1, "context deadline exceeded"},
		"mage's own":        {fatal{9}, 9, "fatal"},
		"joined":            {errors.Join(errors.New("one"), hinted{stepError{5}, "do"}), 5, "one\nRUN false: exit code 5\nhint: do"},
		"password in a URL": {errors.New(`Get "https://ci:p@ss@host/v2/": no`), 1, `Get "https://***@host/v2/": no`},
		"token in a URL":    {errors.New("clone https://ghp_x@host/a@b, ssh://git@host/x"), 1, "clone https://***@host/a@b, ssh://git@host/x"},
	} {
		err := Exit(c.err)
		if statusFor(err) != c.status || err.Error() != c.text {
			t.Errorf("%s: status %d, %q; want %d, %q", name, statusFor(err), err, c.status, c.text)
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%s: the cause is lost", name)
		}
		if again := Exit(err); again.Error() != err.Error() || statusFor(again) != c.status {
			t.Errorf("%s: a second time it is %q", name, again)
		}
	}
	if Exit(nil) != nil || BadInput(nil) != nil {
		t.Error("no error became one")
	}
}

func TestConsoleExitMasksAndKnowsSignals(t *testing.T) {
	c, _, _ := quietly(Options{})
	c.Redactor().Learn("hunter2-horse")
	if err := c.Exit(t.Context(), errors.New("login with hunter2-horse failed")); strings.Contains(err.Error(), "horse") || statusFor(err) != 1 {
		t.Errorf("%v", err)
	}
	if err := c.Exit(t.Context(), nil); err != nil {
		t.Errorf("%v", err)
	}
	ctx, stop := NotifyContext(t.Context())
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if err := c.Exit(ctx, errors.New("rpc error: connection closed")); err.Error() != "stopped" || statusFor(err) != 143 {
		t.Errorf("%v, status %d", err, statusFor(err))
	}
	if err := c.Exit(ctx, nil); err != nil {
		t.Errorf("done in spite of the signal, and yet %v", err)
	}
}
