package estate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// hinter is an error that knows what to do about it.
type hinter interface{ Hint() string }

// hintOf is the first hint in the chain of an error that is not empty.
func hintOf(err error) string {
	var h hinter
	for errors.As(err, &h) {
		if hint := h.Hint(); hint != "" {
			return joined(hint)
		}
		inner, wraps := h.(interface{ Unwrap() error })
		if !wraps {
			return ""
		}
		err = inner.Unwrap()
	}
	return ""
}

// joined makes a message of a text of several lines, as joined errors have.
func joined(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.TrimSuffix(strings.Join(lines, "; "), ".")
}

// lack reports an error as a finding about something that is no file. The error's hint, if it has one, is what to do.
func lack(in *validate.Input, about, rule string, err error) {
	text := strings.TrimPrefix(err.Error(), about+": ") // most errors name whom they are about
	in.Report(validate.Finding{About: about, Rule: rule, Message: joined(text), Do: hintOf(err)})
}

// patience is how long a check of doctor waits for all that it asks; unless a host hangs, it is done in seconds.
const patience = 30 * time.Second

// silence is why a check gave up.
type silence struct{ after time.Duration }

func (s *silence) Error() string { return fmt.Sprintf("no answer within %s", s.after) }

// Hint says what to do.
func (s *silence) Hint() string {
	return "check that it runs, and what stands between it and this machine"
}

// bounded bounds how long a check may take, so that one host that hangs stops neither the others nor the run.
func bounded(limit time.Duration, run func(context.Context, *validate.Input) error) func(context.Context, *validate.Input) error {
	if limit <= 0 {
		limit = patience
	}
	return func(ctx context.Context, in *validate.Input) error {
		within, cancel := context.WithTimeoutCause(ctx, limit, &silence{limit})
		defer cancel()
		if err := run(within, in); err != nil {
			return err
		}
		return context.Cause(ctx) // what took too long has been reported
	}
}

// advised is an error with its advice: a check that could not look has no other place for it.
func advised(err error) error {
	if hint := hintOf(err); hint != "" {
		return fmt.Errorf("%w: %s", err, hint)
	}
	return err
}
