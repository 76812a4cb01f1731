package app

import (
	"errors"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
)

// advice is an error whose advice is apart from its text.
type advice struct {
	error
	hint string
}

func (a advice) Unwrap() error { return a.error }

// Hint is what to do.
func (a advice) Hint() string { return a.hint }

// Error is the text without the advice.
func (a advice) Error() string { return strings.TrimSuffix(a.error.Error(), ": "+a.hint) }

// withHint takes an error of a registry apart.
func withHint(err error) error {
	var e *registry.Error
	if errors.As(err, &e) && e.Hint != "" {
		return advice{err, e.Hint}
	}
	return err
}
