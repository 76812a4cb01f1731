package estate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// hinter is an error with a hint.
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

// joined makes a one-line message of a text with several lines, such as joined errors.
func joined(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.TrimSuffix(strings.Join(lines, "; "), ".")
}

// lack reports an error as a finding outside of files. The correction is the error's hint, if it has one.
func lack(in *validate.Input, about, rule string, err error) {
	text := strings.TrimPrefix(err.Error(), about+": ") // most errors name their subject
	in.Report(validate.Finding{About: about, Rule: rule, Message: joined(text), Do: hintOf(err)})
}

// patience is the time limit of a check of doctor; unless a host hangs, a check takes seconds.
const patience = 30 * time.Second

// silence is the reason why a check stopped waiting.
type silence struct{ after time.Duration }

func (s *silence) Error() string { return fmt.Sprintf("no answer within %s", s.after) }

// Hint says what to do.
func (s *silence) Hint() string {
	return "check that it runs, and check proxies and firewalls between it and this machine"
}

// bounded limits the time of a check, so that one host that hangs stops neither the other checks nor the run.
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
		return context.Cause(ctx) // the slow operation has reported its error
	}
}

// advised is an error with its hint in the text: a failure of a check has no field for the hint.
func advised(err error) error {
	if hint := hintOf(err); hint != "" {
		return fmt.Errorf("%w: %s", err, hint)
	}
	return err
}
