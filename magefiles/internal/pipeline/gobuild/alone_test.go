package gobuild

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A folder that has only the sources of the program is read without asking Go for the sources first.
func TestGoCommandsOfACommit(t *testing.T) {
	c := compiler(t)
	c.Alone = true
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	list := filepath.Join(dir, "list")
	if err := os.WriteFile(filepath.Join(dir, "go"), fmt.Appendf(nil, "#!/bin/sh\necho \"$1\" >>%s\nexec %s \"$@\"\n", list, real), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	started := func() int {
		text, err := os.ReadFile(list)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.RemoveAll(list); err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "\n")
	}
	first := build(t, c, hello(amd64, arm64))
	if n := started(); n != 4 {
		t.Errorf("%d go commands for two platforms, want build and list for each", n)
	}
	if again := build(t, c, hello(amd64, arm64)); again[amd64] != first[amd64] || started() != 0 {
		t.Error("compiled again without a change")
	}
	write(t, c, "words/text/hello.txt", "changed")
	if changed := build(t, c, hello(amd64, arm64)); changed[amd64] == first[amd64] {
		t.Error("a changed file is not compiled")
	}
	if n := started(); n != 4 {
		t.Errorf("%d go commands after a change, want 4", n)
	}
	write(t, c, "words/secret_amd64.s", "#include \"/etc/hostname\"\n")
	_, err = c.Build(t.Context(), hello(amd64))
	var outside *OutsideError
	if !errors.As(err, &outside) {
		t.Errorf("error %v", err)
	}
}
