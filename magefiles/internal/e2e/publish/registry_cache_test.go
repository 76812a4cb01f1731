package publish

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
)

// ofMain is the environment of a job for a push to the default branch, as Forgejo's runner sets it.
var ofMain = map[string]string{"CI": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main", "GITHUB_REPOSITORY": "eblume/blumeops"}

// These match the lines of a step of a Dockerfile that ran, and of one whose result was in a cache.
var (
	ranStep    = regexp.MustCompile(`(?m)^(start|done) .* RUN `)
	cachedStep = regexp.MustCompile(`(?m)^cached .* RUN `)
)

// Only a job for the default branch writes the cache in the registry. A pull request, a laptop and a fork read it, and run nothing again on an engine
// of their own. A registry that refuses is a warning.
func TestTheCacheInTheRegistry(t *testing.T) {
	e2etest.NeedRuntime(t)
	bases, _ := e2etest.NeedBase(t, testimage.Debian())
	first := newWorkspace(t)
	first.OwnEngine()
	first.Env["BLUMEOPS_MIRRORS"] = "docker.io=" + bases
	s := first.NewRegistry(lab.RegistryOptions{})
	in := func(w *workspace, job map[string]string, change ...string) e2etest.Outcome {
		t.Helper()
		w.Env["BLUMEOPS_MIRRORS"], w.Env["BLUMEOPS_REGISTRY"], w.Env["BLUMEOPS_CACHE"] = "docker.io="+bases, s.Addr, "cache"
		maps.Copy(w.Env, job)
		for i := 0; i < len(change); i += 2 {
			w.Env[change[i]] = change[i+1]
		}
		s.Forget()
		got := w.Run("container:build", "steps")
		if got.Status != 0 {
			t.Errorf("%v: %+v", job, got)
		}
		return got
	}
	wrote := func() bool {
		return slices.ContainsFunc(s.Writes(), func(q string) bool {
			return strings.HasPrefix(q, "PUT /v2/blumeops/cache/manifests/container-steps-linux-")
		})
	}
	if in(first, ofMain); !wrote() {
		t.Errorf("a job for the default branch wrote %q", s.Writes())
	}
	second := newWorkspace(t)
	second.OwnEngine()
	for name, change := range map[string][]string{
		"pull request": {"GITHUB_EVENT_NAME", "pull_request"},
		"tag":          {"GITHUB_REF", "refs/tags/steps-v1.0.0"},
		"fork":         {"GITHUB_REPOSITORY", "somebody/blumeops"},
		"laptop":       {"CI", ""},
		"never":        {"BLUMEOPS_CACHE_WRITE", "never"},
	} {
		got := in(second, ofMain, change...)
		if len(s.Writes()) > 0 || strings.Contains(got.Stderr, "warning") {
			t.Errorf("%s: wrote %q\n%s", name, s.Writes(), got.Stderr)
		}
		if ranStep.MatchString(got.Stderr) || !cachedStep.MatchString(got.Stderr) {
			t.Errorf("%s: ran a step\n%s", name, got.Stderr)
		}
		delete(second.Env, "BLUMEOPS_CACHE_WRITE")
	}
	s.Fail("unauthorized", 0)
	got := in(second, ofMain)
	if n := strings.Count(got.Stderr, "warning: "); n != 1 || !strings.Contains(got.Stderr, "the cache in the registry is not used") {
		t.Errorf("%d warnings\n%s", n, got.Stderr)
	}
}
