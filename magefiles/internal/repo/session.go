package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/file"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// session is a connection to the remote, after it has sent its references.
type session[S transport.Session] struct {
	talk       S
	advertised *packp.AdvRefs
	secret     secrets
}

// Close ends the connection. An error of a connection that ended already does not matter.
func (s *session[S]) Close() { _ = s.talk.Close() }

func (m *Remote) uploading(ctx context.Context) (*session[transport.UploadPackSession], error) {
	return begin(ctx, m, transport.Transport.NewUploadPackSession)
}

func (m *Remote) receiving(ctx context.Context) (*session[transport.ReceivePackSession], error) {
	return begin(ctx, m, transport.Transport.NewReceivePackSession)
}

type beginner[S transport.Session] func(transport.Transport, *transport.Endpoint, transport.AuthMethod) (S, error)

// begin opens a session and reads the remote's references.
func begin[S transport.Session](ctx context.Context, m *Remote, open beginner[S]) (*session[S], error) {
	client, auth, secret, err := m.client(ctx)
	if err != nil {
		return nil, fmt.Errorf("git remote %s: %w", m, err)
	}
	type opened struct {
		s   S
		err error
	}
	ready := make(chan opened, 1)
	go func() { // go-git dials SSH without a context
		copied := *m.endpoint // a redirect changes it
		s, err := open(client, &copied, auth)
		ready <- opened{s, err}
	}()
	var o opened
	select {
	case o = <-ready:
	case <-ctx.Done():
		go func() {
			if late := <-ready; late.err == nil {
				_ = late.s.Close()
			}
		}()
		return nil, fmt.Errorf("git remote %s: %w", m, context.Cause(ctx))
	}
	if o.err != nil {
		return nil, m.explain(ctx, o.err, auth, secret)
	}
	advertised, err := o.s.AdvertisedReferencesContext(ctx)
	if err != nil {
		_ = o.s.Close()
		return nil, m.explain(ctx, err, auth, secret)
	}
	return &session[S]{o.s, advertised, secret}, nil
}

// client is the transport of the remote's protocol, the authentication, and the secrets that no error may hold.
func (m *Remote) client(ctx context.Context) (transport.Transport, transport.AuthMethod, secrets, error) {
	switch m.endpoint.Protocol {
	case "file":
		return file.DefaultClient, nil, nil, nil
	case "ssh":
		auth, err := m.sshAuth(ctx)
		if err != nil {
			return nil, nil, nil, err
		}
		return gitssh.DefaultClient, auth, nil, nil
	}
	inner := m.options.Transport
	if inner == nil {
		inner = http.DefaultTransport
	}
	client := githttp.NewClient(&http.Client{Transport: bounding{inner}})
	auth, err := m.httpAuth(ctx)
	if err != nil || auth == nil {
		return client, nil, nil, err
	}
	return client, auth, secrets{auth.Password}, nil
}

// explain is the error of a session in this package's terms.
func (m *Remote) explain(ctx context.Context, err error, auth transport.AuthMethod, s secrets) error {
	err = s.hide(err)
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("git remote %s: %w", m, cause)
	}
	if a, ok := auth.(*sshAuth); ok && a.hostKey() != nil {
		return fmt.Errorf("git remote %s: %w", m, a.hostKey())
	}
	said := err.Error()
	switch {
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return fmt.Errorf("git remote %s: %w", m, err)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fmt.Errorf("git remote %s: %w: repository not found, or this account may not read it: check the address and the account's rights: %w",
			m, ErrDenied, tidy(err))
	case errors.Is(err, transport.ErrAuthenticationRequired), strings.Contains(said, "unable to authenticate"):
		return fmt.Errorf("git remote %s: %w: it does not accept this token or key: check that it belongs to the account and has not expired: %w",
			m, ErrDenied, tidy(err))
	case errors.Is(err, transport.ErrAuthorizationFailed), strings.HasPrefix(said, "unknown error: "):
		return fmt.Errorf("git remote %s: %w: the account or its token may not do this: give it write access to the repository: %w",
			m, ErrDenied, tidy(err))
	}
	if refused, ok := trust.Said(said); ok && strings.Contains(said, "x509: ") { // go-git's error does not wrap its cause
		return fmt.Errorf("git remote %s: %w: its certificate is refused (%s): %s", m, ErrUntrusted, refused.Problem, refused.Do)
	}
	return fmt.Errorf("git remote %s: %w", m, tidy(err))
}

// tidy puts a server's message on one line, and shortens a web page.
func tidy(err error) error {
	const enough = 500
	var http *githttp.Err
	said := err.Error()
	if errors.As(err, &http) && http.Reason != "" {
		said += ": " + http.Reason
	}
	said = strings.TrimPrefix(said, "unknown error: ")
	said = string(bytes.ToValidUTF8([]byte(strings.Join(strings.Fields(said), " ")), nil))
	if len(said) > enough {
		said = said[:enough] + "…"
	}
	return &serverError{said, err}
}

// serverError is an error with another text. errors.As finds the cause, but nothing prints it by accident.
type serverError struct {
	words string
	err   error
}

func (t *serverError) Error() string        { return t.words }
func (t *serverError) Is(target error) bool { return errors.Is(t.err, target) }
