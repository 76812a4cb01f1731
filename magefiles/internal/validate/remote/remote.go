// Package remote has the parts of checks that ask other systems: one-line messages, hints of errors, time limits.
package remote

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// hinter is an error with a hint.
type hinter interface{ Hint() string }

// HintOf is the first hint in the chain of an error that is not empty.
func HintOf(err error) string {
	var h hinter
	for errors.As(err, &h) {
		if hint := h.Hint(); hint != "" {
			return Joined(hint)
		}
		inner, wraps := h.(interface{ Unwrap() error })
		if !wraps {
			return ""
		}
		err = inner.Unwrap()
	}
	return ""
}

// Joined makes a one-line message of a text with several lines, such as joined errors.
func Joined(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.TrimSuffix(strings.Join(lines, "; "), ".")
}

// SilentError is the reason why a check stopped waiting.
type SilentError struct{ After time.Duration }

func (s *SilentError) Error() string { return fmt.Sprintf("no answer within %s", s.After) }

// Hint says what to do.
func (s *SilentError) Hint() string {
	return "check that it runs, and check proxies and firewalls between it and this machine"
}

// Advised is an error with its hint in the text: a failure of a check has no field for the hint.
func Advised(err error) error {
	if hint := HintOf(err); hint != "" {
		return fmt.Errorf("%w: %s", err, hint)
	}
	return err
}
