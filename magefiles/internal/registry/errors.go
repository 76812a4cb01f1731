package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// The kinds of an *Error; test with errors.Is.
var (
	ErrUnreachable = httpx.ErrUnreachable // no answer, or not in time, or the connection broke again and again
	ErrUntrusted   = httpx.ErrUntrusted   // the registry's certificate is invalid, or it offers no TLS at all
	ErrFaulty      = httpx.ErrFaulty      // the registry fails itself (5xx), again and again
	ErrRejected    = httpx.ErrRejected    // the registry refuses the request (another 4xx), or the answer is not a registry's
	ErrCredentials = httpx.ErrCredentials // the credentials cannot be read; the registry was not asked

	ErrUnauthorized = errors.New("registry requires other credentials") // they are missing or wrong (401)
	ErrDenied       = errors.New("denied by the registry")              // the account may not do this (403)
	ErrThrottled    = errors.New("too many requests to the registry")   // too many requests (429), longer than we wait
	ErrMismatch     = errors.New("different content at the registry")   // than it was sent
)

// Error is a failed operation at a registry. Its text names the reference and the registry and says what to do; it holds no secret and no URL's
// query.
type Error struct {
	Kind      error // one of the Err values above
	Registry  string
	Reference string
	Problem   string // what happened, as the end of a sentence that begins with the registry's name
	Hint      string // what to do
	err       error
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: registry %s %s", e.Reference, e.Registry, e.Problem)
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// Unwrap makes both the kind and the cause visible to errors.Is and errors.As.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.err} }

// The two operations on a reference.
const (
	reading = "read"
	writing = "write"
)

// explain turns an error of package remote, or of the network, into an *Error. An error of ctx is returned unchanged.
func (c *Client) explain(ctx context.Context, verb string, ref image.Reference, acc *account, err error) error {
	return c.explainAs(ctx, verb, ref, ref.String(), acc, err)
}

// explainAs names the reference in other words. An *Error in err is returned unchanged: if another operation failed and ended ctx, it is the error
// of that operation, which other goroutines read at the same time.
func (c *Client) explainAs(ctx context.Context, verb string, ref image.Reference, named string, acc *account, err error) error {
	if err == nil {
		return nil
	}
	var done *Error
	if errors.As(err, &done) && !errors.Is(err, context.Cause(ctx)) {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", named, context.Cause(ctx))
	}
	f := c.caller(acc).Explain(err)
	e := &Error{Kind: f.Kind, Registry: ref.Registry, Reference: named, Problem: f.Problem, Hint: f.Advice, err: err}
	var content *httpx.ContentError
	switch {
	case errors.As(err, &content):
		return fmt.Errorf("%s: content to push: %w", named, content.Err)
	case f.Status != 0:
		e.explainAnswer(verb, ref, acc, f)
	case f.Kind == ErrCredentials:
		e.Hint = "correct the credentials, or remove them to read anonymously"
	case f.Kind == ErrRejected:
		e.Hint = "check that this is the address of an OCI registry, and delete unused tags"
	case f.Kind == httpx.ErrPlain:
		e.Hint = "to allow plain HTTP, add it to the plain registries"
	case f.Kind == httpx.ErrDown, f.Kind == httpx.ErrSlow:
		e.Hint = "start it, or correct its address (the site's registry is BLUMEOPS_REGISTRY)"
	case f.Kind == ErrUnreachable: // not an error of the network
		e.Kind, e.Problem, e.Hint = ErrRejected, "sends an unexpected response ("+f.Cause+")", "check that it is an OCI registry"
	}
	return e
}

// explainAnswer sets the fields for an HTTP status.
func (e *Error) explainAnswer(verb string, ref image.Reference, acc *account, f httpx.Failure) {
	user, known := acc.who()
	switch {
	case f.Status == http.StatusUnauthorized && known:
		e.Kind, e.Problem = ErrUnauthorized, fmt.Sprintf("does not accept the credentials of user %q%s", user, f.Said)
		e.Hint = "check the password or token, it may have expired"
	case f.Status == http.StatusUnauthorized:
		e.Kind, e.Problem = ErrUnauthorized, fmt.Sprintf("requires credentials to %s this, but none are set%s", verb, f.Said)
		e.Hint = "set a secret reference for its user and password, or run docker login " + e.Registry
	case f.Status == http.StatusForbidden:
		e.Kind, e.Problem = ErrDenied, fmt.Sprintf("does not let this account %s it%s", verb, f.Said)
		e.Hint = "give the account the right to " + verb + " there"
		if verb == writing && ref.Tag != "" {
			e.Hint += overwriteHint(ref)
		}
	case f.Status == http.StatusTooManyRequests:
		e.Kind, e.Problem, e.Hint = ErrThrottled, "gets too many requests"+f.Said, "try again later"
	case f.Kind == ErrRejected:
		e.Hint = "check its address and the repository's name, and that it accepts OCI images"
	}
}

// overwriteHint is the advice if a policy lets an account make tags and not move them. No registry announces such a policy.
func overwriteHint(ref image.Reference) string {
	const policy = "; if the tag exists, a policy may allow only new tags: "
	if _, err := image.ParseVersion(ref.Tag); err != nil {
		return fmt.Sprintf("%sallow the account to overwrite channels such as %s (in Zot: the action update), and run the same command again, which reuses the finished build", policy, ref.Tag)
	}
	return policy + "publish another version"
}

// diagnosis is the registry's own text. Of the details it only takes Zot's reason: others may repeat requests.
func diagnosis(te *transport.Error) string {
	var parts []string
	for _, d := range te.Errors {
		s := string(d.Code)
		if d.Message != "" {
			s += ": " + d.Message
		}
		if detail, ok := d.Detail.(map[string]any); ok {
			if reason, ok := detail["reason"].(string); ok && reason != "" {
				s += ": " + reason
			}
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "; ")
}
