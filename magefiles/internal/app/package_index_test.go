package app

import (
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// Each index gets the account that is for it, and no other server gets one.
func TestPackageAccount(t *testing.T) {
	const registry = "https://forge.example/api/packages/me/pypi"
	for name, c := range map[string]struct {
		settings settings.Settings
		flag     string
		address  string
		user     string
		token    bool
	}{
		"the forge":              {settings.Settings{}, "", registry, "me", true},
		"its own token":          {settings.Settings{PackageToken: "env://T", PackageUser: "ci"}, "", registry, "ci", true},
		"devpi":                  {settings.Settings{PackageIndex: "https://devpi.example/me/prod/", PackageToken: "env://T", PackageUser: "ci"}, "", "https://devpi.example/me/prod", "ci", true},
		"another index of devpi": {settings.Settings{PackageIndex: "https://devpi.example/me/prod", PackageToken: "env://T", PackageUser: "ci"}, "https://devpi.example/me/dev", "https://devpi.example/me/dev", "ci", true},
		"the forge by a flag":    {settings.Settings{PackageIndex: "https://devpi.example/me/prod", PackageToken: "env://T", PackageUser: "ci"}, registry, registry, "me", true},
		"without TLS":            {settings.Settings{PackageIndex: "https://devpi.example/me/prod", PackageToken: "env://T"}, "http://devpi.example/me/prod", "http://devpi.example/me/prod", "", false},
		"another port":           {settings.Settings{PackageIndex: "https://devpi.example/me/prod", PackageToken: "env://T"}, "https://devpi.example:8443/me/prod", "https://devpi.example:8443/me/prod", "", false},
		"another server":         {settings.Settings{PackageToken: "env://T"}, "https://index.example/api/packages/me/pypi", "https://index.example/api/packages/me/pypi", "", false},
		"no token":               {settings.Settings{PackageIndex: "https://devpi.example/me/prod"}, "", "https://devpi.example/me/prod", "", false},
	} {
		c.settings.ForgeURL, c.settings.Owner = "https://forge.example", "me"
		a := &App{Settings: c.settings, getenv: func(string) string { return "" }}
		address, err := a.packageAddress(c.flag)
		if err != nil || address != c.address {
			t.Errorf("%s: %s, %v", name, address, err)
		}
		if user, token, denied := a.packageAccount(address); denied == "" || user != c.user || (token != nil) != c.token {
			t.Errorf("%s: account %q, with a token: %t", name, user, token != nil)
		}
	}
}
