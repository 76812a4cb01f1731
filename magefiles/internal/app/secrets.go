package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

func (a *App) forgeToken(ctx context.Context) (string, error) {
	return a.secret(ctx, a.ForgeToken, settings.ForgeTokenVariable)
}

func (a *App) argoToken(ctx context.Context) (string, error) {
	return a.secret(ctx, a.ArgoCDToken, a.argoVariable())
}

// argoVariable is the variable that overrides the reference to the token of Argo CD.
func (a *App) argoVariable() string {
	if a.getenv(settings.ArgoCDTokenVariable) == "" && a.getenv(settings.ArgoCDOwnVariable) != "" {
		return settings.ArgoCDOwnVariable
	}
	return settings.ArgoCDTokenVariable
}

func (a *App) hasSecret(reference, variable string) bool {
	return reference != "" || a.getenv(variable) != ""
}

// secret reads a secret when it is needed.
func (a *App) secret(ctx context.Context, reference, variable string) (string, error) {
	ref, err := settings.Secret(reference, variable)
	if err != nil {
		return "", err
	}
	found, err := a.secrets.Resolve(ctx, ref)
	if err != nil {
		return "", err
	}
	return found[0].Reveal(), nil
}

// key reads a private key, which ends with an end of line, whatever became of that in a variable.
func (a *App) key(ctx context.Context, reference, variable string) ([]byte, error) {
	text, err := a.secret(ctx, reference, variable)
	return []byte(strings.TrimSpace(text) + "\n"), err
}

// CheckSecrets reads all secrets of the settings, but for those of what the site does not use.
func (a *App) CheckSecrets(ctx context.Context) (fmt.Stringer, error) {
	return a.checkSecrets(ctx)
}

func (a *App) checkSecrets(ctx context.Context) (checked, error) {
	var refs []secret.Reference
	if a.HasAccount() {
		ref, err := a.Password()
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	for _, s := range []struct{ reference, variable string }{
		{a.ForgeToken, settings.ForgeTokenVariable}, {a.ArgoCDToken, a.argoVariable()}, {a.SSHKey, settings.SSHKeyVariable}, {a.SigningKey, settings.SigningKeyVariable},
		{a.PackageToken, settings.PackageTokenVariable},
	} {
		if !a.hasSecret(s.reference, s.variable) || s.variable == a.argoVariable() && !settings.IsSet(a.ArgoCDURL) {
			continue
		}
		ref, err := settings.Secret(s.reference, s.variable)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	statuses, err := a.secrets.Check(ctx, refs...)
	if err != nil {
		return nil, err
	}
	for _, s := range statuses {
		if s.State != secret.OK {
			err = errSecrets
		}
	}
	return statuses, err
}

var errSecrets = errors.New("some secrets cannot be read")

// checked is what became of the secrets.
type checked []secret.Status

// String is a table for people. It holds names, never values.
func (c checked) String() string {
	rows := make([][2]string, len(c))
	for i, s := range c {
		rows[i] = [2]string{s.Name, string(s.State) + " (" + s.Source + ")"}
		if s.State != secret.OK {
			rows[i][1] += ": " + s.Reason + "; " + s.Hint
		}
	}
	return table(rows)
}
