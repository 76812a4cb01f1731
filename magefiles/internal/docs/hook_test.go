package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository is a clone with the hook on. Its tool mage is a small program that writes its arguments to the file called, and fails if a
// file named findings exists.
func repository(t *testing.T) (dir string, git func(args ...string) (string, error)) {
	t.Helper()
	dir = t.TempDir()
	hooks, err := filepath.Abs(filepath.Join(root, ".githooks"))
	if err != nil {
		t.Fatal(err)
	}
	git = func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{
			"-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgSign=false", "-c", "core.hooksPath=" + hooks}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	put(t, dir, "go.mod", "module example.org/x\n\ngo 1.26\n\ntool example.org/x/mage\n")
	put(t, dir, "mage/main.go", `package main

import (
	"os"
	"strings"
)

func main() {
	if err := os.WriteFile("called", []byte(strings.Join(os.Args[1:], " ")), 0o600); err != nil {
		panic(err)
	}
	if text, err := os.ReadFile("findings"); err == nil {
		println(string(text))
		os.Exit(1)
	}
}
`)
	put(t, dir, ".gitignore", "called\nfindings\n")
	for _, args := range [][]string{{"init", "--quiet"}, {"add", "."}, {"commit", "--quiet", "--no-verify", "--message", "first"}} {
		if out, err := git(args...); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	return dir, git
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const formatted, unformatted = "package x\n\nvar A = 1\n", "package x\nvar  A=1\n"

func TestHook(t *testing.T) {
	for name, c := range map[string]struct {
		staged, onDisk, findings string
		refused                  string // "" if the commit succeeds
	}{
		"formatted":                  {formatted, formatted, "", ""},
		"unformatted":                {unformatted, unformatted, "", "a b.go"},
		"formatted on disk alone":    {unformatted, formatted, "", "a b.go"},
		"formatted in the index":     {formatted, unformatted, "", ""},
		"no Go":                      {"package", "package", "", "expected"},
		"findings of the repository": {formatted, formatted, "one finding", "one finding"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, git := repository(t)
			put(t, dir, "sub dir/a b.go", c.staged)
			if out, err := git("add", "."); err != nil {
				t.Fatal(out)
			}
			put(t, dir, "sub dir/a b.go", c.onDisk)
			if c.findings != "" {
				put(t, dir, "findings", c.findings)
			}
			out, err := git("commit", "--quiet", "--message", "second")
			if (err != nil) != (c.refused != "") || !strings.Contains(out, c.refused) {
				t.Errorf("got %v: %s, expected %q", err, out, c.refused)
			}
			called, err := os.ReadFile(filepath.Join(dir, "called"))
			if validated := err == nil; validated != (c.refused == "" || c.findings != "") {
				t.Errorf("validate ran: %v", validated)
			} else if validated && string(called) != "validate -since=HEAD" {
				t.Errorf("mage got the arguments %q", called)
			}
		})
	}
}
