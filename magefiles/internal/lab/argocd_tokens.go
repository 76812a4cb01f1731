package lab

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Token is the token of the account ci. It does not expire.
func (a *ArgoCD) Token() string { return a.token }

// AdminToken returns a token with all rights, for a day.
func (a *ArgoCD) AdminToken(ctx context.Context) (string, error) {
	// Created by Argo CD at its first start.
	var initial struct{ Data struct{ Password []byte } }
	if err := a.cluster.Get(ctx, argoCore+"/secrets/argocd-initial-admin-secret", &initial); err != nil {
		return "", err
	}
	var session struct{ Token string }
	login := map[string]string{"username": "admin", "password": string(initial.Data.Password)}
	err := a.server.do(ctx, http.MethodPost, "/api/v1/session", "application/json", login, &session)
	return session.Token, err
}

// Issue makes a token for an account that expires after a lifetime, whole seconds; 0 means never. Revoke ends it immediately: when it returns,
// Argo CD refuses the token.
func (a *ArgoCD) Issue(ctx context.Context, account string, lifetime time.Duration) (token string, revoke func(context.Context) error, err error) {
	path := "/api/v1/account/" + account + "/token"
	var issued struct{ Token string }
	request := map[string]any{"expiresIn": int(lifetime.Seconds())}
	if err := a.admin(ctx, http.MethodPost, path, request, &issued); err != nil {
		return "", nil, err
	}
	id, err := tokenID(issued.Token)
	if err != nil {
		return "", nil, err
	}
	wait, cancel := ctx, context.CancelFunc(func() {})
	if lifetime > 0 { // a token that expires before Argo CD knows it never works
		wait, cancel = context.WithTimeoutCause(ctx, lifetime, fmt.Errorf("the token of %s expired after %s, before Argo CD accepted it: use a longer lifetime", account, lifetime))
	}
	defer cancel()
	if err := waitUntil(wait, "the new token works", func(ctx context.Context) error { return a.accepts(ctx, issued.Token) }); err != nil {
		return "", nil, err
	}
	return issued.Token, func(ctx context.Context) error {
		if err := a.admin(ctx, http.MethodDelete, path+"/"+id, nil, nil); err != nil {
			return err
		}
		return waitUntil(ctx, "the token is refused", func(ctx context.Context) error {
			return wantRefusal(a.accepts(ctx, issued.Token))
		})
	}, nil
}

// errRefused is Argo CD's answer to a token that does not work.
var errRefused = errors.New("the token is not accepted by Argo CD")

// accepts checks that a token works.
func (a *ArgoCD) accepts(ctx context.Context, token string) error {
	as := a.server
	as.token = token
	var user struct{ LoggedIn bool }
	if err := as.do(ctx, http.MethodGet, "/api/v1/session/userinfo", "", nil, &user); err != nil {
		return err
	}
	if !user.LoggedIn {
		return errRefused
	}
	return nil
}

// wantRefusal turns the result of accepts into an error unless Argo CD refused the token: a request without an answer proves nothing.
func wantRefusal(said error) error {
	switch status := (*StatusError)(nil); {
	case said == nil:
		return errors.New("the token still works")
	case errors.Is(said, errRefused), errors.As(said, &status) && status.Code == http.StatusUnauthorized:
		return nil
	}
	return said
}

// tokenID reads the name of a token, the claim jti of a JSON Web Token (RFC 7519).
func tokenID(token string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", fmt.Errorf("token of Argo CD: expected three parts, found %d", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", fmt.Errorf("token of Argo CD: %w", err)
	}
	var claims struct{ JTI string }
	if err := json.Unmarshal(text, &claims); err != nil {
		return "", fmt.Errorf("token of Argo CD: %w", err)
	}
	return claims.JTI, nil
}

// takeToken reads ci's token: that of the last time if it still works, otherwise a new one.
func (a *ArgoCD) takeToken(ctx context.Context) error {
	path := filepath.Join(a.dir, AccountRelease+".token")
	kept, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	a.token = strings.TrimSpace(string(kept))
	if a.token != "" && a.accepts(ctx, a.token) == nil {
		return nil
	}
	if a.token, _, err = a.Issue(ctx, AccountRelease, 0); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(a.token+"\n"), 0o600)
}

// admin calls the API as the administrator, not through the fault proxy.
func (a *ArgoCD) admin(ctx context.Context, method, path string, document, out any) error {
	token, err := a.AdminToken(ctx)
	if err != nil {
		return err
	}
	as := a.server
	as.token = token
	return as.do(ctx, method, path, "application/json", document, out)
}
