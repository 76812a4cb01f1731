package app

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Only a job for the default branch of the repository itself writes the cache.
func TestJobsThatWriteTheCache(t *testing.T) {
	payload := func(text string) string {
		file := filepath.Join(t.TempDir(), "event.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	own := payload(`{"repository":{"default_branch":"trunk","fork":false}}`)
	for name, test := range map[string]struct {
		event, ref, repository, payload string
		want                            bool
	}{
		"push":                         {"push", "refs/heads/trunk", "me/homelab", own, true},
		"schedule":                     {"schedule", "refs/heads/trunk", "me/homelab", own, true},
		"dispatch":                     {"workflow_dispatch", "refs/heads/trunk", "me/homelab", own, true},
		"push without data":            {"push", "refs/heads/main", "me/homelab", "", true},
		"another branch":               {"push", "refs/heads/main", "me/homelab", own, false},
		"tag":                          {"push", "refs/tags/trunk", "me/homelab", own, false},
		"branch named like a ref":      {"push", "refs/heads/refs/heads/trunk", "me/homelab", own, false},
		"pull request":                 {"pull_request", "refs/heads/trunk", "me/homelab", own, false},
		"pull request with rights":     {"pull_request_target", "refs/heads/trunk", "me/homelab", own, false},
		"dispatch of a branch":         {"workflow_dispatch", "refs/heads/work", "me/homelab", own, false},
		"fork":                         {"push", "refs/heads/trunk", "me/homelab", payload(`{"repository":{"default_branch":"trunk","fork":true}}`), false},
		"repository of another person": {"push", "refs/heads/trunk", "you/homelab", own, false},
		"data that cannot be read":     {"push", "refs/heads/main", "me/homelab", payload(`{`), false},
		"no job":                       {"", "", "", "", false},
	} {
		env := map[string]string{"GITHUB_EVENT_NAME": test.event, "GITHUB_REF": test.ref, "GITHUB_REPOSITORY": test.repository, "GITHUB_EVENT_PATH": test.payload}
		if got := ofDefaultBranch(func(name string) string { return env[name] }, "me", "homelab"); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhoWritesTheCache(t *testing.T) {
	for _, name := range []string{"CI", "GITHUB_EVENT_NAME", "GITHUB_REF", "GITHUB_REPOSITORY", "GITHUB_EVENT_PATH"} {
		t.Setenv(name, "")
	}
	writes := func(setting string) bool {
		s := example
		s.CacheWrite = setting
		a, _ := withSettings(s)
		got, err := a.writesCache()
		if err != nil {
			t.Error(err)
		}
		return got
	}
	if writes("auto") || writes("never") || !writes("always") {
		t.Errorf("outside CI: %v, %v, %v", writes("auto"), writes("never"), writes("always"))
	}
	for name, value := range map[string]string{"CI": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main", "GITHUB_REPOSITORY": "me/homelab"} {
		t.Setenv(name, value)
	}
	if !writes("auto") || writes("never") {
		t.Errorf("in CI of the default branch: %v, %v", writes("auto"), writes("never"))
	}
}

func TestEntriesOfRemovedContainers(t *testing.T) {
	tags := []string{
		"container-nettest-linux-amd64", "container-gone-linux-arm64", "docs-linux-amd64", "package-gone-linux-amd64", "container-net-linux-arm-v7", "container-nettest-old-linux-amd64",
		"container-nettest-linux-arm-v7",
	}
	want := []string{"container-gone-linux-arm64", "container-net-linux-arm-v7", "container-nettest-old-linux-amd64"}
	if old := oldEntries(tags, []image.Container{{Name: "nettest"}}); !slices.Equal(old, want) {
		t.Errorf("%q", old)
	}
}
