package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// Kinds of failures; test with errors.Is. Those that wrap ErrUnreachable are kinds of it.
var (
	ErrUnreachable = errors.New("the server is not reachable")
	ErrUntrusted   = fmt.Errorf("%w: it is not trusted", ErrUnreachable)              // certificate is invalid
	ErrPlain       = fmt.Errorf("%w: plain HTTP is not allowed", ErrUntrusted)        // also ends requests that would go over plain HTTP
	ErrDown        = fmt.Errorf("%w: nothing answers", ErrUnreachable)                // no connection was made
	ErrSlow        = fmt.Errorf("%w: it does not answer in time", ErrUnreachable)     // nothing came for a while
	ErrBroken      = fmt.Errorf("%w: the connection broke", ErrUnreachable)           // after it was made
	ErrFaulty      = errors.New("the server fails")                                   // 408, 429 and 5xx
	ErrRejected    = errors.New("the server rejects the request")                     // another status, or an unexpected response
	ErrCredentials = errors.New("no request was sent: no credentials for the server") // a *CredentialsError
	ErrContent     = errors.New("no request was sent: cannot read the content")       // a *ContentError
)

// ContentError is a failure to read the content to send.
type ContentError struct{ Err error }

// Error implements error.
func (e *ContentError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *ContentError) Unwrap() error { return e.Err }

// Failure is an error in words. It holds no secret and no query of a URL.
type Failure struct {
	Kind      error  // one of the Err values above
	Status    int    // of HTTP; 0 without an answer
	Problem   string // the end of a sentence that begins with the server
	Cause     string // the shortest form of it, as in "connection refused"
	Said      string // by the server, with a status: " (TEXT)", and how long it asks to wait; "" for nothing
	Advice    string // what to do; "" if the caller must add it
	Temporary bool   // another attempt may succeed without any action
	Wait      time.Duration
}

const (
	adviceRun   = "check its address, and that it is running"
	adviceAgain = "run this again: it continues where it stopped"
)

// Explain says why a request failed.
func (c Caller) Explain(err error) Failure {
	var credentials *CredentialsError
	var content *ContentError
	var status *StatusError
	var answer *AnswerError
	switch {
	case errors.As(err, &credentials):
		return Failure{Kind: ErrCredentials, Problem: "received no request: cannot read its credentials (" + c.Clean(credentials.Err.Error()) + ")"}
	case errors.As(err, &content):
		return Failure{Kind: ErrContent, Problem: "received no request: cannot read the content (" + c.Clean(content.Error()) + ")"}
	}
	if refused, ok := trust.Refused(err); ok {
		return Failure{Kind: ErrUntrusted, Problem: "has an invalid certificate (" + c.Clean(refused.Problem) + ")", Cause: "invalid certificate", Advice: refused.Do}
	}
	switch {
	case errors.As(err, &answer):
		return Failure{Kind: ErrRejected, Problem: c.Clean(answer.Problem), Cause: c.Clean(answer.Problem), Advice: "check the address, and that no login page is in front of it"}
	case errors.As(err, &status):
		return c.answered(status)
	}
	return c.network(err)
}

// again are the statuses that may change after a moment.
var again = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
	http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// answered explains a status without success. The caller knows better what those below 500 mean.
func (c Caller) answered(e *StatusError) Failure {
	f := Failure{Kind: ErrRejected, Status: e.Status, Cause: e.Error(), Wait: e.Wait, Temporary: slices.Contains(again, e.Status)}
	if said := c.Clean(e.Said); said != "" {
		f.Said = " (" + said + ")"
	}
	if e.Wait > 0 {
		f.Said += fmt.Sprintf(", and requests a wait of %s", e.Wait)
	}
	switch {
	case f.Temporary, e.Status >= 500:
		f.Kind, f.Problem, f.Advice = ErrFaulty, "fails with "+f.Cause+f.Said, "read its log, then "+adviceAgain
	case e.Status/100 == 3 && e.To != "":
		f.Problem = "redirects to " + c.Clean(e.To)
		f.Advice = "set its address to the one that it redirects to, and check that no login page is in front of it"
	default:
		f.Problem, f.Advice = "answers "+f.Cause+f.Said, "check its address"
	}
	return f
}

// network explains a failure of the network. If an error holds several, such as those of HTTPS and of HTTP, a failed connection says more than
// missing TLS.
func (c Caller) network(err error) Failure {
	f := Failure{Kind: ErrDown, Temporary: true, Advice: adviceRun}
	var dns *net.DNSError
	var op *net.OpError
	var errno syscall.Errno
	var timeout net.Error
	var wrong *url.Error
	dialing := errors.As(err, &op) && op.Op == "dial"
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		f.Cause, f.Temporary = "no such host "+dns.Name, false
	case errors.As(err, &dns):
		f.Cause = "lookup " + dns.Name + ": " + dns.Err
	case errors.As(err, &errno) && dialing:
		f.Cause = errno.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		f.Cause = "no answer in time"
		if !dialing {
			f.Kind = ErrSlow
		}
		if stall := (*stallError)(nil); errors.As(err, &stall) {
			f.Cause = stall.Error()
		}
	case dialing:
		f.Cause = op.Err.Error()
	case broke(err):
		f.Kind, f.Cause = ErrBroken, "connection closed early"
		if errno != 0 {
			f.Cause = errno.Error()
		}
	case notTLS(err):
		f.Kind, f.Cause, f.Temporary, f.Advice = ErrPlain, "no TLS", false, "check its address, and whether it is http or https"
	case errors.As(err, &wrong) && isAddress(wrong):
		f.Kind, f.Cause, f.Temporary, f.Advice = ErrRejected, "invalid address", false, "set its address (example: https://HOST)"
	default:
		f.Kind, f.Cause, f.Temporary = ErrUnreachable, text(err), false
	}
	f.Cause = c.Clean(f.Cause)
	switch f.Problem = "is not reachable (" + f.Cause + ")"; f.Kind {
	case ErrSlow:
		f.Problem = strings.TrimSuffix("does not answer in time ("+f.Cause+")", " (no answer in time)")
	case ErrBroken:
		f.Problem, f.Advice = "broke the connection ("+f.Cause+")", "check that it is running, read its log and the log of a proxy in front of it, then "+adviceAgain
	case ErrPlain:
		f.Problem = "does not use TLS"
	case ErrRejected:
		f.Problem = "has an invalid address"
	}
	return f
}

// broke reports whether an established connection ended. net/http has no types for two of its errors.
func broke(err error) bool {
	var op *net.OpError
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed} {
		if errors.Is(err, end) {
			return true
		}
	}
	said := err.Error()
	return errors.As(err, &op) || strings.Contains(said, "http2: ") || strings.Contains(said, "stream error: stream ID") ||
		strings.Contains(said, "server closed idle connection")
}

func notTLS(err error) bool {
	var header tls.RecordHeaderError
	return errors.As(err, &header) || errors.Is(err, http.ErrSchemeMismatch) || errors.Is(err, ErrPlain)
}

// isAddress reports whether net/http could not parse an address.
func isAddress(err *url.Error) bool {
	text := err.Err.Error()
	return err.Op == "parse" || strings.Contains(text, "unsupported protocol scheme") || strings.Contains(text, "no Host in request URL")
}

// text is an error without the method and the URL that net/http puts before it.
func text(err error) string {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	return err.Error()
}
