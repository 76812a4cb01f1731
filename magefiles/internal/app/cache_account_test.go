package app

import (
	"context"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// The cache is read with the account of the site only if that is required, or if it is also written. Without the password it is read anonymously.
func TestAccountOfTheCache(t *testing.T) {
	labtest.Need(t, lab.PartRegistry)
	const password = "canary-cache-4f1"
	start := func(o lab.RegistryOptions) *lab.Registry {
		r, err := lab.StartRegistry(t.Context(), lab.Home{}, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() }) // it has served
		return r
	}
	open, closed := start(lab.RegistryOptions{}), start(lab.RegistryOptions{Users: map[string]string{"ci": password}})
	for name, test := range map[string]struct {
		registry *lab.Registry
		password string
		writes   bool
		user     string // of the last request
		fails    bool
	}{
		"open, reads":                        {registry: open, password: password},
		"open, writes":                       {registry: open, password: password, writes: true, user: "ci"},
		"open, writes without the password":  {registry: open, writes: true},
		"account, reads":                     {registry: closed, password: password, user: "ci"},
		"account, writes":                    {registry: closed, password: password, writes: true, user: "ci"},
		"account, reads without a password":  {registry: closed, fails: true},
		"account, writes without a password": {registry: closed, writes: true, fails: true},
	} {
		s := settings.Settings{Registry: test.registry.Addr, RegistryUser: "ci", Cache: "cache"}
		a, _ := withSettings(s)
		a.getenv = func(name string) string {
			if name == "BLUMEOPS_REGISTRY_PASSWORD" {
				return test.password
			}
			return ""
		}
		a.trusted = newAuthorities("", t.TempDir(), func(string) {})
		a.secrets = secret.NewResolver(secret.Options{CI: true, Env: a.getenv, Learn: func(string) {}})
		ref, _, err := s.CacheRepository()
		if err != nil {
			t.Fatal(err)
		}
		test.registry.Forget()
		_, ok, err := a.cacheRemote(ref, test.writes).Manifest(context.Background(), "entry")
		if ok || (err != nil) != test.fails {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
		asked := test.registry.Requests()
		if len(asked) == 0 && !test.fails {
			t.Errorf("%s: nothing was asked", name)
		} else if len(asked) > 0 && asked[len(asked)-1].User != test.user {
			t.Errorf("%s: the last request has the user %q", name, asked[len(asked)-1].User)
		}
	}
}
