package app

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pyindex"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// forgeIndex is a part of the address of every package registry of a forge.
const forgeIndex = "/api/packages/"

// packageAddress is the address of the index: that of the flag -index, of the setting PackageIndex, or of the registry of the forge.
func (a *App) packageAddress(flag string) (string, error) {
	if err := settings.CheckAddress("-index", flag, a.hide); err != nil {
		return "", console.BadInput(err)
	}
	address := cmp.Or(flag, a.PackageIndex)
	if address == "" {
		if err := a.Require("ForgeURL", "Owner"); err != nil {
			return "", console.BadInput(err)
		}
		address = strings.TrimSuffix(a.ForgeURL, "/") + forgeIndex + url.PathEscape(a.Owner) + "/pypi"
	}
	return strings.TrimSuffix(address, "/"), nil
}

// packageIndex is the client of the index.
func (a *App) packageIndex(address string) (*pyindex.Client, error) {
	options := pyindex.Options{HTTP: a.http(), Log: a.console.Note}
	options.User, options.Token, options.Denied = a.packageAccount(address)
	if strings.Contains(address, forgeIndex) {
		options.Upload, options.Simple = address, address+"/simple/"
	} else { // devpi, which has its simple API at +simple
		options.Upload, options.Simple = address+"/", address+"/+simple/"
	}
	client, err := pyindex.New(options)
	return client, console.BadInput(err)
}

// packageAccount is the account for an index: that of the settings at the host of PackageIndex, and that of the forge at the forge. Other hosts
// see neither. If the index denies access, denied says what to do.
func (a *App) packageAccount(address string) (user string, token func(context.Context) (string, error), denied string) {
	const rights = "; the token requires the right write:package, and its account must be the owner or may write the owner's packages"
	atForge := sameServer(address, a.ForgeURL)
	switch {
	case a.hasSecret(a.PackageToken, settings.PackageTokenVariable) && (sameServer(address, a.PackageIndex) || a.PackageIndex == "" && atForge):
		return a.PackageUser, a.packageToken, "check the settings PackageUser and PackageToken"
	case atForge:
		return a.Owner, a.forgeToken, "check the setting ForgeToken" + rights
	}
	return "", nil, "no account is known for this server: the setting PackageIndex must name it, with PackageUser and PackageToken"
}

func (a *App) packageToken(ctx context.Context) (string, error) {
	return a.secret(ctx, a.PackageToken, settings.PackageTokenVariable)
}

// mayUpload asks a forge whether the account may write packages; nil for another index, which has no such question.
func (a *App) mayUpload(address string) func(context.Context) error {
	at, registry, ok := strings.Cut(address, forgeIndex)
	owner, _, _ := strings.Cut(registry, "/")
	_, token, _ := a.packageAccount(address)
	if !ok || token == nil {
		return nil
	}
	return func(ctx context.Context) error {
		client, err := forge.New(forge.Options{URL: at, Token: token, HTTP: a.http(), Log: a.console.Note})
		if err != nil {
			return console.BadInput(err)
		}
		return forge.Failures(client.Preflight(ctx, forge.Need{Packages: owner}))
	}
}

// sameServer reports whether two addresses have the same scheme, host and port: a token for TLS does not go to the same host without it.
func sameServer(one, other string) bool {
	a, errA := url.Parse(one)
	b, errB := url.Parse(other)
	return errA == nil && errB == nil && a.Host != "" && a.Scheme == b.Scheme && a.Host == b.Host
}
