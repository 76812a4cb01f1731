// Package procgrouptest helps to test code that starts other programs.
package procgrouptest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Witness puts a script with a program's name before the program on PATH. The script records its environment and becomes the program. The
// returned function returns the recorded environments; it fails the test if the program was not started at all.
func Witness(t *testing.T, program string) (environments func() string) {
	t.Helper()
	real, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "environments")
	script := "#!/bin/sh\nenv >> '" + log + "'\nexec '" + real + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return func() string {
		t.Helper()
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatalf("%s was not started: %v", program, err)
		}
		return string(text)
	}
}

// Canary is the value of each variable that Secrets sets.
const Canary = "canary-6f0c2a91"

// Secrets sets variables that hold tokens and passwords, in the environment of the test.
func Secrets(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"BLUMEOPS_REGISTRY_PASSWORD", "BLUMEOPS_FORGE_TOKEN", "BLUMEOPS_ARGOCD_TOKEN", "ARGOCD_AUTH_TOKEN", "OP_SERVICE_ACCOUNT_TOKEN", "OP_CONNECT_TOKEN",
		"BLUMEOPS_SSH_KEY", "BLUMEOPS_SIGNING_KEY", "BLUMEOPS_PACKAGE_TOKEN", "GITHUB_TOKEN", "FORGEJO_TOKEN", "ACTIONS_RUNTIME_TOKEN", "NPM_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_OWN",
	} {
		t.Setenv(name, Canary)
	}
}

// Leaks are the variables of an environment that hold the canary.
func Leaks(environment string) (names []string) {
	for line := range strings.Lines(environment) {
		if strings.Contains(line, Canary) {
			names = append(names, strings.TrimSpace(line))
		}
	}
	return names
}
