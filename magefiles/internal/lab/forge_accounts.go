package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
)

// createAccounts makes the first accounts of a forge. Existing accounts stay.
func (f *Forge) createAccounts(ctx context.Context) error {
	if f.state.AdminToken == "" {
		if err := f.createAdmin(ctx); err != nil {
			return fmt.Errorf("the administrator's account: %w", err)
		}
	}
	if _, err := f.AddUser(ctx, f.Owner); err != nil {
		return err
	}
	return f.addOrganisation(ctx)
}

// createAdmin makes the administrator, with Gitea's own command, because over HTTP no account may do that yet. The token comes from its output, so no
// secret is among its arguments. The account exists already if a start was killed before it could write the token down.
func (f *Forge) createAdmin(ctx context.Context) error {
	token, err := f.command(ctx, "admin", "user", "create", "--admin", "--username", f.Admin, "--email", forgeMail(f.Admin),
		"--must-change-password=false", "--random-password", "--access-token", "--access-token-name", "lab", "--access-token-scopes", "all")
	if err != nil && strings.Contains(err.Error(), "already exists") {
		token, err = f.command(ctx, "admin", "user", "generate-access-token", "--username", f.Admin,
			"--token-name", "lab-"+forgeSecret(4), "--scopes", "all", "--raw")
	}
	if err != nil {
		return err
	}
	f.state.AdminToken = token
	password := forgeSecret(18)
	if err := f.setPassword(ctx, f.Admin, password); err != nil {
		return err
	}
	f.state.Passwords[f.Admin] = password
	return f.saveState()
}

// command runs one of Gitea's commands, and returns the last word that it prints.
func (f *Forge) command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, f.path, append([]string{"--config", f.file("app.ini")}, args...)...)
	cmd.Env, cmd.Dir = f.env(), f.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	words := strings.Fields(string(out))
	if err == nil && len(words) == 0 {
		err = errors.New("it printed no output")
	}
	if err != nil {
		return "", fmt.Errorf("gitea %s: %w: %s", strings.Join(args[:3], " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return words[len(words)-1], nil
}

// forgeMail is an invalid mail address.
func forgeMail(name string) string { return name + "@lab.invalid" }

// AddUser makes a user unless it did so before, and returns the password.
func (f *Forge) AddUser(ctx context.Context, name string) (password string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if password, ok := f.state.Passwords[name]; ok {
		return password, nil
	}
	password = forgeSecret(18)
	in := map[string]any{"username": name, "email": forgeMail(name), "password": password, "must_change_password": false}
	err = f.asAdmin(ctx, http.MethodPost, "/api/v1/admin/users", in, nil)
	if isStatus(err, http.StatusUnprocessableEntity) && strings.Contains(err.Error(), "already exists") {
		// Made by a run that was killed before it could write the password down.
		err = f.setPassword(ctx, name, password)
	}
	if err != nil {
		return "", fmt.Errorf("make user %s: %w", name, err)
	}
	f.state.Passwords[name] = password
	return password, f.saveState()
}

func (f *Forge) setPassword(ctx context.Context, name, password string) error {
	in := map[string]any{"login_name": name, "source_id": 0, "password": password, "must_change_password": false}
	return f.asAdmin(ctx, http.MethodPatch, "/api/v1/admin/users/"+name, in, nil)
}

func (f *Forge) addOrganisation(ctx context.Context) error {
	err := f.asAdmin(ctx, http.MethodGet, "/api/v1/orgs/"+f.Organisation, nil, nil)
	if isStatus(err, http.StatusNotFound) {
		err = f.asAdmin(ctx, http.MethodPost, "/api/v1/admin/users/"+f.Owner+"/orgs", map[string]any{"username": f.Organisation}, nil)
	}
	if err != nil {
		return fmt.Errorf("organisation %s: %w", f.Organisation, err)
	}
	return nil
}

// Token is TokenOf for the owner.
func (f *Forge) Token(ctx context.Context, name string, scopes ...string) (string, error) {
	return f.TokenOf(ctx, f.Owner, name, scopes...)
}

// TokenOf returns a token of a user with the scopes, such as "read:package", "write:repository" or "all": the one that was made under this name
// before, or a new one in its place if that had other scopes.
func (f *Forge) TokenOf(ctx context.Context, user, name string, scopes ...string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := user + "/" + name
	known, ok := f.state.Tokens[key]
	if ok && slices.Equal(known.Scopes, scopes) {
		return known.Value, nil
	}
	if err := f.revoke(ctx, user, name); err != nil && !isStatus(err, http.StatusNotFound) {
		return "", err
	}
	var made struct {
		Value string `json:"sha1"`
	}
	in := map[string]any{"name": name, "scopes": scopes}
	if err := f.asAdmin(ctx, http.MethodPost, "/api/v1/users/"+user+"/tokens", in, &made); err != nil {
		return "", fmt.Errorf("make token %s of %s: %w", name, user, err)
	}
	f.state.Tokens[key] = forgeAccess{scopes, made.Value}
	return made.Value, f.saveState()
}

// Revoke ends a token of a user.
func (f *Forge) Revoke(ctx context.Context, user, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.revoke(ctx, user, name)
}

func (f *Forge) revoke(ctx context.Context, user, name string) error {
	err := f.asAdmin(ctx, http.MethodDelete, "/api/v1/users/"+user+"/tokens/"+name, nil, nil)
	if err != nil {
		return fmt.Errorf("revoke token %s of %s: %w", name, user, err)
	}
	delete(f.state.Tokens, user+"/"+name)
	return f.saveState()
}

// AddKey gives a user access over SSH with a key, given as a line of authorized_keys. An existing key is not an error.
func (f *Forge) AddKey(ctx context.Context, user, publicKey string) error {
	var keys []struct{ Key string }
	if err := f.asAdmin(ctx, http.MethodGet, "/api/v1/users/"+user+"/keys", nil, &keys); err != nil {
		return fmt.Errorf("keys of %s: %w", user, err)
	}
	fields := strings.Fields(publicKey)
	for _, k := range keys {
		if has := strings.Fields(k.Key); len(fields) > 1 && slices.Equal(has[:2], fields[:2]) {
			return nil
		}
	}
	in := map[string]any{"title": "lab " + forgeSecret(4), "key": publicKey}
	if err := f.asAdmin(ctx, http.MethodPost, "/api/v1/admin/users/"+user+"/keys", in, nil); err != nil {
		return fmt.Errorf("key of %s: %w", user, err)
	}
	return nil
}
