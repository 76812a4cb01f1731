package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"golang.org/x/crypto/ssh"
)

// API sends a request to the forge itself, not through its fault proxy, so that a test sees the real state. The path is a whole one, such as
// /api/v1/repos/OWNER/NAME/releases or /api/packages/OWNER/generic/NAME/VERSION/FILE. The token "" is anonymous.
//
// in is sent as JSON; an io.Reader is sent unchanged, nil is no body. out gets the answer's JSON; a *[]byte gets the answer unchanged, nil
// ignores it. An answer without success is a *StatusError.
func (f *Forge) API(ctx context.Context, method, path, token string, in, out any) error {
	return f.ask(ctx, method, path, in, out, func(r *http.Request) {
		if token != "" {
			r.Header.Set("Authorization", "token "+token)
		}
	})
}

// asAdmin sends a request with the administrator's rights and basic authorization, which requests for tokens require.
func (f *Forge) asAdmin(ctx context.Context, method, path string, in, out any) error {
	return f.ask(ctx, method, path, in, out, func(r *http.Request) { r.SetBasicAuth(f.Admin, f.state.AdminToken) })
}

func (f *Forge) ask(ctx context.Context, method, path string, in, out any, authorize func(*http.Request)) error {
	mediaType := "application/json"
	if _, ok := in.(io.Reader); ok {
		mediaType = "application/octet-stream"
	}
	return api{client: f.client, base: f.behind.String(), authorize: authorize}.do(ctx, method, path, mediaType, in, out)
}

// answers checks that this forge serves. The forge of another lab could have taken its port.
func (f *Forge) answers(ctx context.Context) error {
	var health struct{ Status, Description string }
	if err := f.API(ctx, http.MethodGet, "/api/healthz", "", nil, &health); err != nil {
		return err
	}
	if health.Description != f.state.Mark || health.Status != "pass" {
		return fmt.Errorf("%s reports %+v, expected the forge %s", f.behind, health, f.state.Mark)
	}
	return f.sshAnswers(ctx)
}

// sshAnswers does the part of a handshake that shows the host key.
func (f *Forge) sshAnswers(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", f.ssh)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	ours := false
	_, _, _, err = ssh.NewClientConn(conn, f.ssh, &ssh.ClientConfig{
		User: "git",
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			ours = bytes.Equal(key.Marshal(), f.hostKey.Marshal())
			return errors.New("unexpected host key")
		},
	})
	if ours {
		return nil
	}
	return err
}
