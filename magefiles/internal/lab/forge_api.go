package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"golang.org/x/crypto/ssh"
)

// ForgeError is an answer of the forge that is no success.
type ForgeError struct {
	Method, Path string
	Status       int    // of HTTP
	Message      string // in the forge's words
}

// Error is what was asked and what the forge said.
func (e *ForgeError) Error() string {
	return fmt.Sprintf("%s %s: %d %s: %s", e.Method, e.Path, e.Status, http.StatusText(e.Status), e.Message)
}

func isStatus(err error, status int) bool {
	var answer *ForgeError
	return errors.As(err, &answer) && answer.Status == status
}

// API asks the forge itself, past its front, so that a test sees what is there whatever clients are made to see. The path is a
// whole one, such as /api/v1/repos/OWNER/NAME/releases or /api/packages/OWNER/generic/NAME/VERSION/FILE. The token "" is nobody's.
//
// in is sent as JSON; an io.Reader is sent as it is, nil is no body. out gets the answer's JSON; a *[]byte gets the answer as it
// is, nil ignores it. An answer that is no success is a *ForgeError.
func (f *Forge) API(ctx context.Context, method, path, token string, in, out any) error {
	return f.ask(ctx, method, path, in, out, func(r *http.Request) {
		if token != "" {
			r.Header.Set("Authorization", "token "+token)
		}
	})
}

// asAdmin asks with the administrator's rights, and with basic authorization: without that, there are no tokens to be had.
func (f *Forge) asAdmin(ctx context.Context, method, path string, in, out any) error {
	return f.ask(ctx, method, path, in, out, func(r *http.Request) { r.SetBasicAuth(f.Admin, f.memory.AdminToken) })
}

func (f *Forge) ask(ctx context.Context, method, path string, in, out any, authorize func(*http.Request)) error {
	body, mediaType, err := forgeBody(in)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, f.behind.String()+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", mediaType)
	authorize(req)
	resp, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return &ForgeError{method, path, resp.StatusCode, forgeMessage(answer)}
	}
	if err := forgeAnswer(answer, out); err != nil {
		return fmt.Errorf("%s %s: answer: %w", method, path, err)
	}
	return nil
}

func forgeBody(in any) (body io.Reader, mediaType string, err error) {
	const jsonType, anyType = "application/json", "application/octet-stream"
	switch in := in.(type) {
	case nil:
		return nil, jsonType, nil
	case io.Reader:
		return in, anyType, nil
	default:
		text, err := json.Marshal(in)
		return bytes.NewReader(text), jsonType, err
	}
}

func forgeAnswer(answer []byte, out any) error {
	switch out := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*out = answer
		return nil
	default:
		return json.Unmarshal(answer, out)
	}
}

// forgeMessage is what an answer says went wrong.
func forgeMessage(answer []byte) string {
	var said struct{ Message string }
	if json.Unmarshal(answer, &said) == nil && said.Message != "" {
		return said.Message
	}
	return strings.TrimSpace(string(answer[:min(len(answer), 1<<10)]))
}

// answers tells whether this very forge serves. Another, of another lab, might have got hold of its port.
func (f *Forge) answers(ctx context.Context) error {
	var health struct{ Status, Description string }
	if err := f.API(ctx, http.MethodGet, "/api/healthz", "", nil, &health); err != nil {
		return err
	}
	if health.Description != f.memory.Mark || health.Status != "pass" {
		return fmt.Errorf("%s says that it is %+v, not %s", f.behind, health, f.memory.Mark)
	}
	return f.sshAnswers(ctx)
}

// sshAnswers does as much of a handshake as shows the host key.
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
			return errors.New("another host key than this forge's")
		},
	})
	if ours {
		return nil
	}
	return err
}
