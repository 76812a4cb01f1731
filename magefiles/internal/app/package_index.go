package app

import (
	"context"
	"net/url"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pyindex"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// forgeIndex is a part of the address of every package registry of a forge.
const forgeIndex = "/api/packages/"

// packageIndex is the client of the index: that of the flag -index, of the setting PackageIndex, or the registry of the forge.
func (a *App) packageIndex(flag string) (*pyindex.Client, error) {
	if err := settings.CheckAddress("-index", flag, a.hide); err != nil {
		return nil, console.BadInput(err)
	}
	address := flag
	if address == "" {
		address = a.PackageIndex
	}
	if address == "" {
		if err := a.Require("ForgeURL", "Owner"); err != nil {
			return nil, console.BadInput(err)
		}
		address = strings.TrimSuffix(a.ForgeURL, "/") + forgeIndex + url.PathEscape(a.Owner) + "/pypi"
	}
	address = strings.TrimSuffix(address, "/")
	options := pyindex.Options{HTTP: a.http(), Log: a.console.Note}
	options.User, options.Token = a.packageAccount(address)
	if strings.Contains(address, forgeIndex) {
		options.Upload, options.Simple = address, address+"/simple/"
	} else { // devpi, which has its simple API at +simple
		options.Upload, options.Simple = address+"/", address+"/+simple/"
	}
	client, err := pyindex.New(options)
	return client, console.BadInput(err)
}

// packageAccount is the account for an index: that of the settings at the host of PackageIndex, and that of the forge at the forge. Other hosts
// see neither.
func (a *App) packageAccount(address string) (user string, token func(context.Context) (string, error)) {
	atForge := sameServer(address, a.ForgeURL)
	switch {
	case a.hasSecret(a.PackageToken, settings.PackageTokenVariable) && (sameServer(address, a.PackageIndex) || a.PackageIndex == "" && atForge):
		return a.PackageUser, func(ctx context.Context) (string, error) {
			return a.secret(ctx, a.PackageToken, settings.PackageTokenVariable)
		}
	case atForge:
		return a.Owner, a.forgeToken
	}
	return "", nil
}

// sameServer reports whether two addresses have the same scheme, host and port: a token for TLS does not go to the same host without it.
func sameServer(one, other string) bool {
	a, errA := url.Parse(one)
	b, errB := url.Parse(other)
	return errA == nil && errB == nil && a.Host != "" && a.Scheme == b.Scheme && a.Host == b.Host
}
