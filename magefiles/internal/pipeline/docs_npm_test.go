package pipeline

import (
	"maps"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
)

// Variables that may hold a password reach npm as a secret; variables of other programs do not reach it.
func TestNPMVariables(t *testing.T) {
	b := Docs{Site: Site{
		HTTPSProxy: "http://user:canary@proxy:3128", NoProxy: "127.0.0.1",
		Packages: map[string]string{
			"NPM_CONFIG_REGISTRY": "https://npm.example/", "npm_config_@own:registry": "https://ci:canary@npm.example/own/", "NPM_CONFIG_STRICT_SSL": "",
			"PIP_INDEX_URL": "https://pypi.example/simple", "NPM_CONFIG_LOGLEVEL": "warn",
		},
	}}.in(nil, docsite.Generation{})
	env, secrets := b.npm()
	wantSecrets := map[string]string{
		"HTTPS_PROXY": "http://user:canary@proxy:3128", "NO_PROXY": "127.0.0.1", "npm_config_@own:registry": "https://ci:canary@npm.example/own/",
	}
	if !maps.Equal(secrets, wantSecrets) {
		t.Errorf("secrets %v, want %v", secrets, wantSecrets)
	}
	for name, want := range map[string]string{"NPM_CONFIG_REGISTRY": "https://npm.example/", "NPM_CONFIG_LOGLEVEL": "warn", "PIP_INDEX_URL": "", "NPM_CONFIG_STRICT_SSL": ""} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
}
