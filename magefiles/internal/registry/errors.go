package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// What an *Error is about; test with errors.Is.
var (
	// ErrUnreachable: nothing answers, or not in time, or the connection broke again and again.
	ErrUnreachable = errors.New("registry is not reachable")
	// ErrUntrusted: the registry's certificate does not verify, or it offers no TLS at all.
	ErrUntrusted = errors.New("registry is not trusted")
	// ErrUnauthorized: credentials are missing or wrong (401).
	ErrUnauthorized = errors.New("registry wants other credentials")
	// ErrDenied: the account may not do this (403).
	ErrDenied = errors.New("registry denies it")
	// ErrThrottled: too many requests (429), longer than we wait.
	ErrThrottled = errors.New("registry asks to slow down")
	// ErrFaulty: the registry fails itself (5xx), again and again.
	ErrFaulty = errors.New("registry is faulty")
	// ErrRejected: the registry does not take what it was asked or given (another 4xx, or an answer that is no registry's).
	ErrRejected = errors.New("registry rejects it")
	// ErrMismatch: the registry holds something else than it was given.
	ErrMismatch = errors.New("registry stores something else")
	// ErrCredentials: the credentials could not be read; the registry was not asked.
	ErrCredentials = errors.New("registry credentials cannot be had")
)

// Error is what a registry, or the way to it, did to one operation. Its text names the reference and the registry and says what to do; it holds no
// secret and no URL's query.
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

// The two things that are done to a reference.
const (
	reading = "read"
	writing = "write"
)

// explain turns an error of package remote, or of the way there, into an *Error. The end of ctx stays what it is.
func (c *Client) explain(ctx context.Context, verb string, ref image.Reference, acc *account, err error) error {
	return c.explainAs(ctx, verb, ref, ref.String(), acc, err)
}

// explainAs names the reference in other words. An *Error that err holds stays as it is: where ctx was ended because another operation failed, it is
// the error of that one, which is read by others at the same time.
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
	var content *contentError
	if errors.As(err, &content) {
		return fmt.Errorf("%s: content to push: %w", named, content.err)
	}
	e := &Error{Registry: ref.Registry, Reference: named, err: err}
	var ce *credentialError
	var te *transport.Error
	var bound *boundError
	switch {
	case errors.As(err, &bound):
		e.Kind, e.Problem = ErrRejected, clean(acc, bound.Error())
		e.Hint = "check that this is the address of an OCI registry, and delete tags that nobody needs"
	case errors.As(err, &ce):
		e.Kind, e.Problem = ErrCredentials, "was not asked, its credentials cannot be had ("+clean(acc, ce.err.Error())+")"
		e.Hint = "mend them, or leave them out to read anonymously"
	case e.explainNetwork(err, plainAllowed(ref.Registry, c.opts.Plain)): // before the answer: two schemes may have been tried, and the first failure tells more
	case errors.As(err, &te):
		e.explainAnswer(verb, ref, acc, te)
	default:
		e.Kind, e.Problem = ErrRejected, "gave an answer that is of no use ("+clean(acc, shortCause(err))+")"
		e.Hint = "is it an OCI registry?"
	}
	var pe *patienceError
	if errors.As(err, &pe) {
		e.Problem += fmt.Sprintf(", and asks to wait %s", pe.asked)
	}
	return e
}

// explainAnswer fills in what an HTTP status means.
func (e *Error) explainAnswer(verb string, ref image.Reference, acc *account, te *transport.Error) {
	said := ""
	if s := clean(acc, diagnosis(te)); s != "" {
		said = " (" + s + ")"
	}
	switch {
	case te.StatusCode == http.StatusUnauthorized:
		e.Kind = ErrUnauthorized
		if user, ok := acc.who(); ok {
			e.Problem = fmt.Sprintf("does not accept the credentials of user %q%s", user, said)
			e.Hint = "check the password or token, it may have expired"
		} else {
			e.Problem = fmt.Sprintf("wants credentials to %s this, and none are set for it%s", verb, said)
			e.Hint = "set a secret reference for its user and password, or run docker login " + e.Registry
		}
	case te.StatusCode == http.StatusForbidden:
		e.Kind, e.Problem = ErrDenied, fmt.Sprintf("does not let this account %s it%s", verb, said)
		e.Hint = "give the account the right to " + verb + " there"
		if verb == writing {
			e.Hint += overwriting(ref)
		}
	case te.StatusCode == http.StatusTooManyRequests:
		e.Kind, e.Problem, e.Hint = ErrThrottled, "gets too many requests"+said, "try again later"
	case te.StatusCode >= 500 || te.StatusCode == http.StatusRequestTimeout:
		e.Kind, e.Problem = ErrFaulty, fmt.Sprintf("fails itself with %d %s%s", te.StatusCode, http.StatusText(te.StatusCode), said)
		e.Hint = "look into its log, then run this again: what was sent already is not sent twice"
	default:
		e.Kind, e.Problem = ErrRejected, fmt.Sprintf("answers %d %s%s", te.StatusCode, http.StatusText(te.StatusCode), said)
		e.Hint = "check its address and the repository's name, and that it takes OCI images"
	}
}

// overwriting is what to do where a policy lets an account make tags and not move them. No registry tells of such a policy before.
func overwriting(ref image.Reference) string {
	const policy = "; if the tag exists, a policy may allow to create but not to overwrite: "
	if version, err := image.ParseVersion(ref.Tag); err == nil && version.IsChannel() {
		return fmt.Sprintf("%sa channel such as %s moves, so let the account overwrite it (in Zot: the action update), and run the same again, which takes the finished build", policy, ref.Tag)
	}
	return policy + "publish another version"
}

// diagnosis is what the registry itself said. Of the details it takes Zot's reason alone: others may repeat requests.
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
