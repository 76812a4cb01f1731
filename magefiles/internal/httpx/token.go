package httpx

import (
	"context"
	"errors"
	"strings"
	"sync"
)

// Token is read once, when it is first needed.
type Token struct {
	mu    sync.Mutex
	read  bool
	value string
}

// Read returns the token of get, "" if there is none or get is nil. Its error is a *CredentialsError, or why ctx ended.
func (t *Token) Read(ctx context.Context, get func(context.Context) (string, error)) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.read || get == nil {
		return t.value, nil
	}
	value, err := get(ctx)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	value = strings.TrimSpace(value)
	if err == nil && strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		err = errors.New("it contains characters that are invalid in a token, such as a line break")
	}
	if err != nil {
		return "", &CredentialsError{err}
	}
	t.value, t.read = value, true
	return value, nil
}

// Known is the token if it was read, else "".
func (t *Token) Known() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value
}

// CredentialsError says that the credentials for a server cannot be read. The server was not asked.
type CredentialsError struct{ Err error }

// Error implements error.
func (e *CredentialsError) Error() string { return "cannot read its credentials: " + e.Err.Error() }

// Unwrap returns the reason.
func (e *CredentialsError) Unwrap() error { return e.Err }
