package console

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

// These are the exit statuses of a target. mage takes the status from the error that a target returns.
//
//	0        done
//	1        failed
//	2        wrong usage or bad input: nothing was begun
//	1…255    the exit code of the step that failed, where it has one
//	130, 143 stopped by SIGINT (Ctrl-C), by SIGTERM
const (
	StatusFailed   = 1
	StatusBadInput = 2
	statusSignal   = 128 // plus the signal's number, as in shells
)

// A Hinter is an error with a hint. The hint is an action: a command to run or a variable to set; "" for none.
type Hinter interface{ Hint() string }

// exitError is an error with its final text and status. mage looks at the outermost error alone, so this must be it.
type exitError struct {
	text   string
	status int
	err    error
}

func (e *exitError) Error() string   { return e.text }
func (e *exitError) ExitStatus() int { return e.status }
func (e *exitError) Unwrap() error   { return e.err }

// Exit makes the error that mage prints and exits with. Its text is err with passwords in URLs masked, and the hint of err or of an error in
// its chain (Hinter); its status is from the table above. Exit looks in the chain for ExitStatus() int, StepCode() int (the exit code of a
// step of a user's build) and a cancelled context. The exit code of a program that we ran (*exec.ExitError) does not become the status.
// Exit(nil) is nil.
func Exit(err error) error {
	if err == nil {
		return nil
	}
	var done *exitError
	if errors.As(err, &done) && done == err { //nolint:errorlint // only if it is the outermost one is there nothing left to do
		return err
	}
	text := err.Error()
	var stopped *Stopped
	switch {
	case asStopped(err, &stopped):
		text = stopped.Error()
	case errors.Is(err, context.Canceled):
		text = "stopped"
	default:
		if hint := hintOf(err); hint != "" {
			text += "\nhint: " + hint
		}
	}
	return &exitError{text: withoutCredentials(text), status: statusOf(err), err: err}
}

func asStopped(err error, stopped **Stopped) bool { return err != nil && errors.As(err, stopped) }

func statusOf(err error) int {
	var own interface{ ExitStatus() int }
	if errors.As(err, &own) {
		return own.ExitStatus()
	}
	if code := exitCodeOf(err); code > 0 {
		return code
	}
	if errors.Is(err, context.Canceled) {
		return statusSignal + int(syscall.SIGINT)
	}
	return StatusFailed
}

// exitCodeOf is the exit code of the step in err's chain, 0 if there is none that a process could end with.
func exitCodeOf(err error) int {
	var step interface{ StepCode() int }
	if errors.As(err, &step) {
		if code := step.StepCode(); code > 0 && code < 256 {
			return code
		}
	}
	return 0
}

// hintOf is the first hint in the chain that is not empty.
func hintOf(err error) string {
	var hinter Hinter
	for errors.As(err, &hinter) {
		if hint := hinter.Hint(); hint != "" {
			return hint
		}
		inner, wraps := hinter.(interface{ Unwrap() error })
		if !wraps {
			return ""
		}
		err = inner.Unwrap()
	}
	return ""
}

// BadInput marks err as caused by an argument or a setting: status 2. BadInput(nil) is nil.
func BadInput(err error) error {
	if err == nil {
		return nil
	}
	return &badInput{err}
}

type badInput struct{ error }

func (e *badInput) Unwrap() error   { return e.error }
func (e *badInput) ExitStatus() int { return StatusBadInput }

// Stopped is the cause of a context that a signal ended.
type Stopped struct{ Signal syscall.Signal }

func (e *Stopped) Error() string { return "stopped" }

// ExitStatus is the status that shells report for a process that the signal ended.
func (e *Stopped) ExitStatus() int { return statusSignal + int(e.Signal) }

// Is makes it a cancellation, like the error of the context.
func (e *Stopped) Is(target error) bool { return target == context.Canceled }

// NotifyContext returns a context that SIGINT or SIGTERM ends, with a *Stopped as its cause. Call stop when the work is done: it
// restores the previous handling of the signals.
func NotifyContext(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case got := <-signals:
			number, _ := got.(syscall.Signal)
			cancel(&Stopped{number})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(context.Canceled)
	}
}

var (
	passwordInURL = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]*://)[^/?#\s:@]*:[^/?#\s]*@`)
	tokenInURL    = regexp.MustCompile(`(?i)\b(https?://)[^/?#\s]*@`)
)

// withoutCredentials masks user:password@ in URLs, even if no Redactor has learned the password.
func withoutCredentials(text string) string {
	return tokenInURL.ReplaceAllString(passwordInURL.ReplaceAllString(text, "${1}"+Mask+"@"), "${1}"+Mask+"@")
}
