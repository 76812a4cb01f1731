package app

import (
	"context"
	"errors"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/site"
)

func (a *App) forgeToken(ctx context.Context) (string, error) {
	return a.secret(ctx, a.ForgeToken, site.ForgeTokenVariable)
}

func (a *App) argoToken(ctx context.Context) (string, error) {
	return a.secret(ctx, a.ArgoCDToken, a.argoVariable())
}

// argoVariable is the variable that overrides the reference to the token of Argo CD.
func (a *App) argoVariable() string {
	if a.getenv(site.ArgoCDTokenVariable) == "" && a.getenv(site.ArgoCDOwnVariable) != "" {
		return site.ArgoCDOwnVariable
	}
	return site.ArgoCDTokenVariable
}

func (a *App) hasSecret(reference, variable string) bool {
	return reference != "" || a.getenv(variable) != ""
}

// secret reads a secret when it is needed.
func (a *App) secret(ctx context.Context, reference, variable string) (string, error) {
	ref, err := site.Secret(reference, variable)
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
func (a *App) CheckSecrets(ctx context.Context) (checked, error) {
	var refs []secret.Reference
	if a.HasAccount() {
		ref, err := a.Password()
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	for _, s := range []struct{ reference, variable string }{
		{a.ForgeToken, site.ForgeTokenVariable}, {a.ArgoCDToken, a.argoVariable()}, {a.SSHKey, site.SSHKeyVariable}, {a.SigningKey, site.SigningKeyVariable},
	} {
		if !a.hasSecret(s.reference, s.variable) || s.variable == a.argoVariable() && !site.IsSet(a.ArgoCDURL) {
			continue
		}
		ref, err := site.Secret(s.reference, s.variable)
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
		rows[i] = [2]string{s.Name, string(s.State)}
		if s.State != secret.OK {
			rows[i][1] += ": " + s.Reason + "; " + s.Hint
		}
	}
	return table(rows)
}
