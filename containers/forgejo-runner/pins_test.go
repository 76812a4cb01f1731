// Package runner_test compares versions that are written in several places and must agree: a Dagger CLI of another version than the
// SDK's starts another engine, or none.
package runner_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

const root = "../../"

// find returns what the only group of a pattern matches in a file; the pattern must match once.
func find(t *testing.T, file, pattern string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	matches := regexp.MustCompile("(?m)"+pattern).FindAllSubmatch(text, -1)
	if len(matches) != 1 {
		t.Fatalf("%s: %d lines match %s, want one", file, len(matches), pattern)
	}
	return string(matches[0][1])
}

func TestPinsAgree(t *testing.T) {
	text, err := os.ReadFile(root + "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	dagger := ""
	for _, r := range mod.Require {
		if r.Mod.Path == "dagger.io/dagger" {
			dagger = strings.TrimPrefix(r.Mod.Version, "v")
		}
	}
	golang := mod.Go.Version
	if mod.Toolchain != nil {
		golang = strings.TrimPrefix(mod.Toolchain.Name, "go")
	}
	for what, versions := range map[string][3]string{
		"Dagger": {dagger, find(t, "Dockerfile", `^ARG CONTAINER_APP_VERSION=(\S+)$`), find(t, root+"mise.toml", `^dagger = "(\S+)"$`)},
		"Go":     {golang, find(t, "Dockerfile", `^ARG GO_VERSION=(\S+)$`), find(t, root+"mise.toml", `^go = "(\S+)"$`)},
	} {
		if versions[0] == "" || versions[0] != versions[1] || versions[0] != versions[2] {
			t.Errorf("%s: go.mod says %q, the Dockerfile %q, mise.toml %q", what, versions[0], versions[1], versions[2])
		}
	}
}
