package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// startRunner starts the runner of the lab's forge, whose jobs use the lab, and lets the repository start its workflows. Earlier pushes start
// none.
func (l *Lab) startRunner(ctx context.Context, h Home) error {
	if !slices.Contains(l.options.Parts, PartRunner) {
		return nil
	}
	env, err := l.jobsEnv(ctx)
	if err != nil {
		return err
	}
	if l.Runner, err = StartRunner(ctx, h, RunnerOptions{Forge: l.Forge, Env: env}); err != nil {
		return err
	}
	if l.options.Repository == "" {
		h.logf("runner is up: it runs the jobs of the forge's workflows on this machine")
		return nil
	}
	for name, value := range l.jobsSecrets() {
		if err := l.Forge.SetSecret(ctx, l.Forge.Owner, l.options.Repository, name, value); err != nil {
			return err
		}
	}
	if err := l.Forge.EnableActions(ctx, l.Forge.Owner, l.options.Repository); err != nil {
		return err
	}
	h.logf("runner is up: a push to %s/%s starts its workflows on this machine", l.Forge.Owner, l.options.Repository)
	return nil
}

// jobsSecrets are the secrets that the workflows of .forgejo/workflows name. Secrets of missing parts are omitted.
func (l *Lab) jobsSecrets() map[string]string {
	secrets := map[string]string{"FORGE_TOKEN": l.token, "REGISTRY_PASSWORD": l.password}
	if l.ArgoCD != nil {
		secrets["ARGOCD_TOKEN"] = l.ArgoCD.Token()
	}
	maps.DeleteFunc(secrets, func(_, value string) bool { return value == "" })
	return secrets
}

// notForJobs are the settings of the lab that jobs get as secrets of the forge, or not at all.
var notForJobs = []string{"BLUMEOPS_REGISTRY_PASSWORD", "BLUMEOPS_FORGE_TOKEN", "ARGOCD_AUTH_TOKEN", "KUBECONFIG"}

// passedVariables are variables of this process that jobs get: those for the compiler, the engine and its downloads.
var passedVariables = []string{
	"PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	"http_proxy", "https_proxy", "no_proxy", "all_proxy", "BUILDKIT_HOST", "XDG_RUNTIME_DIR",
	"BLUMEOPS_ENGINE", "BLUMEOPS_ENGINE_STATE", "BLUMEOPS_ENGINE_CACHE", "BLUMEOPS_DOCS_SOURCE", "BLUMEOPS_PACKAGE_MIRRORS", "BLUMEOPS_CA_FILE", "BLUMEOPS_NAMESPACE",
}

// jobsEnv is the environment of the lab's jobs. Their home is the runner's, but they use this user's cache folder, so that they do not build its
// content again.
func (l *Lab) jobsEnv(ctx context.Context) (map[string]string, error) {
	ask := exec.CommandContext(ctx, "go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOTOOLCHAIN", "GOFLAGS")
	ask.Env = procgroup.Environment(ask.Environ(), procgroup.Go)
	out, err := ask.Output()
	env := map[string]string{}
	if err == nil {
		err = json.Unmarshal(out, &env)
	}
	if err != nil {
		return nil, fmt.Errorf("go env, for the runner's jobs: %w", err)
	}
	for _, name := range passedVariables {
		if value, set := os.LookupEnv(name); set {
			env[name] = value
		}
	}
	if env["XDG_CACHE_HOME"], err = os.UserCacheDir(); err != nil {
		return nil, err
	}
	for _, s := range l.Settings() {
		if !slices.Contains(notForJobs, s.Name) {
			env[s.Name] = s.Value
		}
	}
	maps.DeleteFunc(env, func(_, value string) bool { return strings.TrimSpace(value) == "" })
	return env, nil
}
