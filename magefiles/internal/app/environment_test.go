package app

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup/procgrouptest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// Whatever library starts a program, as go-git does with git-upload-pack and with what hooks a repository on this machine has, the program
// inherits no secret of a target. The target itself still reads it.
func TestNoChildInheritsSecrets(t *testing.T) {
	procgrouptest.Secrets(t)
	t.Setenv(settings.ForgeTokenVariable, "env://MY_OWN")
	getenv, err := withhold(example)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(settings.SecretVariables(), "MY_OWN") {
		if value := getenv(name); value != procgrouptest.Canary && name != settings.ForgeTokenVariable {
			t.Errorf("%s is %q to the targets", name, value)
		}
	}
	out, err := exec.Command("env").Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{} // of other programs: the site's tests and its hook may need them
	for _, name := range []string{"GITHUB_TOKEN", "FORGEJO_TOKEN", "ACTIONS_RUNTIME_TOKEN", "NPM_TOKEN", "AWS_SECRET_ACCESS_KEY"} {
		allowed[name+"="+procgrouptest.Canary] = true
	}
	for _, leak := range procgrouptest.Leaks(string(out)) {
		if !allowed[leak] {
			t.Errorf("a child inherits %s", leak)
		}
	}
}

// The secrets of a build are read from variables that no program inherits, those of targets stay readable, and a wrong list is bad input.
func TestSecretsOfABuildAreWithheld(t *testing.T) {
	procgrouptest.Secrets(t)
	t.Setenv("MY_MOUNTED", procgrouptest.Canary)
	r := &App{getenv: os.Getenv, console: console.New(console.Options{Stdout: io.Discard, Stderr: io.Discard, Env: os.Getenv})}
	if err := r.MountSecrets("a=env://MY_MOUNTED,b=env://MY_OWN"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("env").Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "MY_MOUNTED") || strings.Contains(string(out), "MY_OWN") {
		t.Errorf("a child inherits %s", out)
	}
	values, err := builder{app: r}.secrets(t.Context(), image.Container{Name: "web", Kind: image.KindDockerfile})
	if err != nil || len(values) != 2 || values[0] != (pipeline.Secret{Name: "a", Value: procgrouptest.Canary}) || values[1].Name != "b" {
		t.Errorf("%d secrets, %v", len(values), err)
	}
	program := image.Container{Name: "tool", Kind: image.KindGo}
	if _, err := (builder{app: r}).secrets(t.Context(), program); err == nil || !strings.Contains(err.Error(), "remove -secret") {
		t.Errorf("a Go program: %v", err)
	}
	if values, err := (builder{app: r, failed: func(string, string) {}}).secrets(t.Context(), program); err != nil || len(values) != 0 {
		t.Errorf("a Go program among others: %d secrets, %v", len(values), err)
	}
	if err := r.MountSecrets("a=" + procgrouptest.Canary); err == nil || strings.Contains(err.Error(), procgrouptest.Canary) {
		t.Errorf("a value in the place of a reference: %v", err)
	}
}

// A secret that is not there is bad input: nothing was begun. Among several containers it is a failure, as others may be built.
func TestSecretOfABuildThatIsNotThere(t *testing.T) {
	t.Setenv("CI", "")
	web := image.Container{Name: "web", Kind: image.KindDockerfile}
	for _, reference := range []string{"env://NOT_SET_ANYWHERE", "file:///no/such/file"} {
		r, _ := withSettings(example)
		if err := r.MountSecrets("a=" + reference); err != nil {
			t.Fatal(err)
		}
		for status, b := range map[int]builder{console.StatusBadInput: {app: r}, console.StatusFailed: {app: r, failed: func(string, string) {}}} {
			_, err := b.Build(t.Context(), image.BuildRequest{Container: web})
			if err == nil || !strings.Contains(err.Error(), reference) || console.Exit(err).(interface{ ExitStatus() int }).ExitStatus() != status {
				t.Errorf("%s: %v, want status %d", reference, err, status)
			}
		}
	}
}
