package registry

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
	"regexp"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// explainNetwork fills in an error of the way to the registry; it reports whether err is one. At a host that may be plain, HTTPS is tried
// first, so that its failure alone says nothing there.
func (e *Error) explainNetwork(err error, plain bool) bool {
	var header tls.RecordHeaderError
	refused, untrusted := trust.Refused(err)
	noTLS := errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &header)
	cause, broken := networkCause(err)
	switch {
	case untrusted:
		e.Kind, e.Problem = ErrUntrusted, "shows a certificate that is refused ("+refused.Problem+")"
		e.Hint = refused.Do
	case answered(err):
		return false
	case noTLS && !plain, errors.Is(err, errPlainHTTP) && !broken:
		e.Kind, e.Problem = ErrUntrusted, "speaks plain HTTP, without TLS"
		e.Hint = "if that is meant, name it among the plain registries"
	case brokeOff(err):
		e.Kind, e.Problem = ErrUnreachable, "broke off ("+cause+")"
		e.Hint = "look into its log, and that of a proxy before it, then run this again: what was sent already is not sent twice"
	case broken:
		e.Kind, e.Problem = ErrUnreachable, "is not reachable ("+cause+")"
		e.Hint = "start it, or correct its address (the site's registry is BLUMEOPS_REGISTRY)"
	default:
		return false
	}
	return true
}

// brokeOff reports whether a connection ended that had stood.
func brokeOff(err error) bool { return !answered(err) && transient(err) }

// answered reports whether there is an answer of the registry in err.
func answered(err error) bool {
	var te *transport.Error
	return errors.As(err, &te)
}

// networkCause names a failure of the network in a few words; ok is false if err is none.
func networkCause(err error) (cause string, ok bool) {
	var dns *net.DNSError
	var errno syscall.Errno
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host " + dns.Name, true
	case errors.As(err, &dns):
		return "looking up " + dns.Name + ": " + dns.Err, true
	case errors.As(err, &errno):
		return errno.Error(), true
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it does not answer in time", true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "it closed the connection before it was done", true
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return shortCause(op.Err), true
	}
	return "", false
}

// shortCause is an error in one line without request URLs.
func shortCause(err error) string {
	var te *transport.Error
	if errors.As(err, &te) {
		return fmt.Sprintf("%d %s", te.StatusCode, http.StatusText(te.StatusCode))
	}
	if cause, ok := networkCause(err); ok {
		return cause
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return redactURLs(err.Error())
}

// urls matches an URL up to a space or a quote.
var urls = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>]+`)

// redactURLs takes user names, passwords and queries (upload tokens) out of the URLs in s.
func redactURLs(s string) string {
	return urls.ReplaceAllStringFunc(s, func(raw string) string {
		u, err := url.Parse(raw)
		if err != nil {
			return "[URL]"
		}
		return u.Scheme + "://" + u.Host + u.EscapedPath()
	})
}

// maxSaid bounds what is repeated of a registry's words.
const maxSaid = 300

// clean makes foreign text fit for a terminal: one line, no control characters, no secrets, no great length.
func clean(acc *account, s string) string {
	return plain.Short(redactURLs(acc.hide(plain.Line(s))), maxSaid)
}
