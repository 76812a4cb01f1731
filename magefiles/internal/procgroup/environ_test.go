package procgroup

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	t.Parallel()
	env := []string{
		"PATH=/bin", "HOME=/h", "GOPROXY=off", "GOFLAGS=-x", "GIT_SSH_COMMAND=ssh -i k", "SSH_AUTH_SOCK=/s", "https_proxy=p", "LC_ALL=C", "XDG_CACHE_HOME=/c",
		"BLUMEOPS_FORGE_TOKEN=t", "BLUMEOPS_REGISTRY_PASSWORD=p", "ARGOCD_AUTH_TOKEN=t", "OP_SERVICE_ACCOUNT_TOKEN=t", "GITHUB_TOKEN=t", "MISE_GITHUB_TOKEN=t",
		"GIT_TOKEN=t", "AWS_SECRET_ACCESS_KEY=k", "GOOGLE_API_KEY=k", "MISE_SOPS_AGE_KEY=k", "GIT_SSL_KEY=/f", "GIT_CONFIG_KEY_0=a.b", "GONE", "PATHS=x",
	}
	for name, c := range map[string]struct{ needs, want []string }{
		"basic": {Basic, []string{"PATH=/bin", "HOME=/h", "https_proxy=p", "LC_ALL=C", "XDG_CACHE_HOME=/c"}},
		"git":   {Git, []string{"PATH=/bin", "HOME=/h", "GIT_SSH_COMMAND=ssh -i k", "SSH_AUTH_SOCK=/s", "https_proxy=p", "LC_ALL=C", "XDG_CACHE_HOME=/c", "GIT_SSL_KEY=/f", "GIT_CONFIG_KEY_0=a.b"}},
		"go": {Go, []string{
			"PATH=/bin", "HOME=/h", "GOPROXY=off", "GOFLAGS=-x", "GIT_SSH_COMMAND=ssh -i k", "SSH_AUTH_SOCK=/s", "https_proxy=p", "LC_ALL=C", "XDG_CACHE_HOME=/c", "GIT_SSL_KEY=/f", "GIT_CONFIG_KEY_0=a.b", "GONE",
		}},
	} {
		if got := Environment(env, c.needs); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// `go env` says which variables the go command reads: all of these that may be set in the environment reach it.
func TestEnvironmentHasTheVariablesOfGo(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "env").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "set "), "=")
		if kept := Environment([]string{name + "=x"}, Go); len(kept) == 0 && name != "FC" {
			t.Errorf("the go command reads %s, and does not get it", name)
		}
	}
	cmd := exec.Command("go", "env", "GOMODCACHE")
	cmd.Env = Environment(os.Environ(), Go)
	if out, err := cmd.Output(); err != nil || len(out) == 0 {
		t.Errorf("go env with its variables alone: %q, %v", out, err)
	}
}
