package forge

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// statusError is an answer that is no success.
type statusError struct {
	status int
	said   string        // by the forge, not cleaned
	pause  time.Duration // that it asks for
	to     string        // where it redirects to
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%d %s", e.status, http.StatusText(e.status))
}

// networkError is the way to the forge.
type networkError struct{ err error }

func (e *networkError) Error() string { return e.err.Error() }
func (e *networkError) Unwrap() error { return e.err }

// maxError bounds what is read of an answer that is no success.
const maxError = 64 << 10

// refusal reads an answer that is no success.
func refusal(resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxError))
	e := &statusError{status: resp.StatusCode, said: string(text), to: resp.Header.Get("Location")}
	if err != nil {
		e.said = ""
	}
	if s, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 31); err == nil {
		e.pause = time.Duration(s) * time.Second
	}
	var structured struct{ Message string }
	if json.Unmarshal(text, &structured) == nil && structured.Message != "" {
		e.said = structured.Message
	}
	if strings.HasPrefix(strings.TrimSpace(e.said), "<") { // a page of a proxy
		e.said = ""
	}
	return e
}

// askedPause is how long the forge asks to wait.
func askedPause(err error) time.Duration {
	var answer *statusError
	if errors.As(err, &answer) {
		return answer.pause
	}
	return 0
}

// temporary reports whether another attempt may succeed without anybody doing anything.
func temporary(err error) bool {
	var answer *statusError
	if errors.As(err, &answer) {
		switch answer.status {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	var network *networkError
	if !errors.As(err, &network) || untrusted(err) || errors.Is(err, errRedirect) {
		return false
	}
	var dns *net.DNSError
	var reading *contentError
	return !errors.As(err, &reading) && !(errors.As(err, &dns) && dns.IsNotFound)
}

func untrusted(err error) bool {
	var verify *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	return errors.As(err, &verify) || errors.As(err, &header) || errors.Is(err, http.ErrSchemeMismatch)
}

// cause is a failed attempt in a few words.
func (c *Client) cause(err error) string {
	var answer *statusError
	var dns *net.DNSError
	var errno syscall.Errno
	switch {
	case errors.As(err, &answer):
		return answer.Error()
	case errors.Is(err, errStalled):
		return c.clean(err.Error())
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host " + dns.Name
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended before the answer did"
	}
	return c.clean(innermost(err).Error())
}

// innermost is the end of a chain of errors, which unlike *url.Error holds no URL.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// explain makes an *Error of a failed call. The end of ctx stays what it is.
func (c *Client) explain(ctx context.Context, q call, err error) error {
	var done *Error
	if errors.As(err, &done) {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", q.what, context.Cause(ctx))
	}
	e := c.fail(ErrRejected, q.what, "", "") // without the cause, which may hold URLs
	var answer *statusError
	var network *networkError
	var reading *contentError
	var token *tokenError
	switch {
	case errors.As(err, &token):
		e.Kind, e.Problem, e.err = ErrToken, "was not asked, its token cannot be had: "+token.Error(), token.err
	case errors.As(err, &reading):
		e.Kind, e.Problem = ErrContent, "does not get it: what is to be sent "+reading.Error()
	case errors.As(err, &answer):
		c.explainAnswer(ctx, e, q, answer)
	case untrusted(err):
		e.Kind, e.Problem = ErrUnreachable, "does not speak TLS ("+c.cause(err)+")"
		e.Advice = "check the address, and whether it is http or https"
		if refused, ok := trust.Refused(err); ok {
			e.Problem, e.Advice = "shows a certificate that is refused ("+c.clean(refused.Problem)+")", refused.Do
		}
	case errors.As(err, &network):
		e.Kind, e.Problem = ErrUnreachable, "is not reachable ("+c.cause(err)+")"
		e.Advice = "check the forge's address and that it runs, then run this again: what was done already is found"
	default:
		e.Problem = "gives an answer of no use (" + c.clean(err.Error()) + ")"
		e.Advice = "is this the address of a Forgejo or Gitea?"
	}
	return e
}

// explainAnswer fills in what an HTTP status means.
func (c *Client) explainAnswer(ctx context.Context, e *Error, q call, answer *statusError) {
	e.Status = answer.status
	said := ""
	if s := c.clean(answer.said); s != "" {
		said = " (" + s + ")"
	}
	switch status := answer.status; {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		c.explainDenial(ctx, e, q, answer, said)
	case status == http.StatusNotFound:
		e.Kind, e.Problem = ErrNotFound, "does not have it, or this token may not see it"+said
		e.Advice = "check owner and names, and the token's rights"
	case status == http.StatusConflict:
		e.Kind, e.Problem = ErrExists, "has it already"+said
	case status == http.StatusRequestEntityTooLarge:
		e.Problem = "does not take as much" + said
		e.Advice = "look into the owner's quota, and into the limits of the forge and of a proxy before it"
	case status >= 300 && status < 400:
		e.Problem = "redirects to " + c.clean(answer.to)
		e.Advice = "set the forge's address to the one that it redirects to"
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		e.Kind, e.Problem = ErrFaulty, fmt.Sprintf("fails itself with %s%s", answer, said)
		if answer.pause > 0 {
			e.Problem += fmt.Sprintf(", and asks to wait %s", answer.pause)
		}
		e.Advice = "look into its log, then run this again: what was done already is found"
	default:
		e.Problem = fmt.Sprintf("answers %s%s", answer, said)
		e.Advice = "check the names, and that this is the address of a Forgejo or Gitea"
	}
}
