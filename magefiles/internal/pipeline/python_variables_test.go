package pipeline

import (
	"maps"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

// Variables that may hold a password reach pip as a secret; variables of other programs do not reach it.
func TestPipVariables(t *testing.T) {
	b := Python{Site: Site{
		HTTPSProxy: "http://user:canary@proxy:3128", NoProxy: "127.0.0.1",
		Packages: map[string]string{
			"PIP_INDEX_URL": "https://ci:canary@pypi.example/simple", "PIP_EXTRA_INDEX_URL": "https://pypi.example/more", "PIP_TIMEOUT": "", "PIP_PROXY": "user:canary@proxy:3128", "NPM_CONFIG_REGISTRY": "https://npm.example/",
		},
	}}.in(nil, python.Generation{})
	env, secrets := b.pipVariables()
	if want := map[string]string{"HTTPS_PROXY": "http://user:canary@proxy:3128", "NO_PROXY": "127.0.0.1", "PIP_INDEX_URL": "https://ci:canary@pypi.example/simple", "PIP_PROXY": "user:canary@proxy:3128"}; !maps.Equal(secrets, want) {
		t.Errorf("secrets %v, want %v", secrets, want)
	}
	if want := map[string]string{"PIP_CACHE_DIR": pipCache, "PIP_EXTRA_INDEX_URL": "https://pypi.example/more"}; !maps.Equal(env, want) {
		t.Errorf("variables %v, want %v", env, want)
	}
}
