//go:build mage

package main

import (
	"os/exec"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/command/commandtest"
)

// Whatever library starts a program, as go-git does with git-upload-pack and with what hooks a repository on this machine has, the program
// inherits no secret of a target. The target itself still reads it.
func TestNoChildInheritsSecrets(t *testing.T) {
	commandtest.Secrets(t)
	t.Setenv(forgeTokenVariable, "env://MY_OWN")
	if _, err := withhold(); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(secretVariables, "MY_OWN") {
		if value := getenv(name); value != commandtest.Canary && name != forgeTokenVariable {
			t.Errorf("%s is %q to the targets", name, value)
		}
	}
	out, err := exec.Command("env").Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{} // of other programs: the site's tests and its hook may need them
	for _, name := range []string{"GITHUB_TOKEN", "FORGEJO_TOKEN", "ACTIONS_RUNTIME_TOKEN", "NPM_TOKEN", "AWS_SECRET_ACCESS_KEY"} {
		allowed[name+"="+commandtest.Canary] = true
	}
	for _, leak := range commandtest.Leaks(string(out)) {
		if !allowed[leak] {
			t.Errorf("a child inherits %s", leak)
		}
	}
}
