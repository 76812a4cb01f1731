package secret

import (
	"context"
	"errors"
	"fmt"
)

// Vault is the part of 1Password that this package uses.
type Vault interface {
	// ResolveAll reads all references, each of the form op://…, in one call. The answer has an entry for each. The error
	// concerns the call as a whole: no connection, a refused token, a limit that is reached.
	ResolveAll(ctx context.Context, references []string) (map[string]Answer, error)
}

// Answer is a value, or why there is none.
type Answer struct {
	Value string
	Err   error
}

// Login is the identity for 1Password: a service account, or the person at the desktop app.
type Login struct {
	Token   Secret // of a service account; it is preferred
	Account string // name or ID of the account, as shown in the desktop app
}

func (l Login) String() string {
	if !l.Token.IsZero() {
		return "1Password, service account"
	}
	return "1Password, desktop app"
}

// Reasons that 1Password gives for one reference, by the name that its API uses (ResolveReferenceErrorTypes).
var reasons = map[string]*problem{
	"vaultNotFound":         problemf(Missing, "check the vault's name, and that the service account may read it", "vault not found in 1Password, or this account may not read it"),
	"itemNotFound":          problemf(Missing, "", "item not found in the vault"),
	"noMatchingSections":    problemf(Missing, "", "section not found in the item"),
	"fieldNotFound":         problemf(Missing, "", "field not found in the item"),
	"tooManyVaults":         problemf(Unreadable, "use the vault's ID", "more than one vault has this name"),
	"tooManyItems":          problemf(Unreadable, "use the item's ID", "more than one item has this name"),
	"tooManyMatchingFields": problemf(Unreadable, "add the section, or use the field's ID", "more than one field has this name"),
	"unsupportedFileFormat": problemf(Unreadable, "keep it base64-encoded and decode it where it is used", "the file in 1Password is not text"),
}

// refusal makes a problem from the name of a reason, known or unknown.
func refusal(reason string) error {
	if known := reasons[reason]; known != nil {
		return known
	}
	return problemf(Unreadable, "", "1Password could not resolve it (%s)", reason)
}

// session is the connection to 1Password, made once, when it is first needed. A refusal is final: another request would only
// count towards the account's limit.
type session struct {
	connect func(context.Context, Login) (Vault, error)
	vault   Vault
	refused error
}

func (s *session) resolveAll(ctx context.Context, login Login, references []string) (map[string]Answer, error) {
	if s.vault == nil && s.refused == nil {
		vault, err := await(ctx, func() (Vault, error) { return s.connect(ctx, login) })
		if ctx.Err() != nil {
			return nil, context.Cause(ctx) // cancelled, not refused
		}
		s.vault, s.refused = vault, err
	}
	if s.refused != nil {
		return nil, asProblem(s.refused, login)
	}
	answers, err := await(ctx, func() (map[string]Answer, error) { return s.vault.ResolveAll(ctx, references) })
	return answers, asProblem(err, login)
}

// await returns when ctx ends, though the SDK may go on for seconds (it compiles a large module at start) or for as long as the
// desktop app waits for a fingerprint.
func await[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := call()
		done <- result{value, err}
	}()
	select {
	case got := <-done:
		return got.value, got.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

func asProblem(err error, login Login) error {
	var known *problem
	if err == nil || errors.As(err, &known) {
		return err
	}
	hint := "check that the app is unlocked, and that Settings > Developer > Integrate with other apps is on"
	if !login.Token.IsZero() {
		hint = "check OP_SERVICE_ACCOUNT_TOKEN: expected the whole text that 1Password showed, which begins with ops_"
	}
	return &problem{state: Unreachable, hint: hint, err: fmt.Errorf("%s: %w", login, err)}
}
