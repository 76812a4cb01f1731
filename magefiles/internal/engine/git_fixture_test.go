package engine_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dagger.io/dagger"
)

// run runs git in a folder and returns what it prints.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// gitServer serves the bare repositories in root as git's own server does, and asks for the header if there is one.
func gitServer(t *testing.T, root, header string) *website {
	t.Helper()
	backend := filepath.Join(run(t, root, "--exec-path"), "git-http-backend")
	handler := &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}}
	return newWebsite(t, func(w http.ResponseWriter, r *http.Request) {
		if header != "" && r.Header.Get("Authorization") != header {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// newRepository makes root/NAME.git with random files, and returns the folder of its work tree.
func newRepository(t *testing.T, root, name string) (work string) {
	t.Helper()
	work = t.TempDir()
	run(t, work, "init", "-q", "-b", "main")
	commit(t, work, "first")
	run(t, root, "clone", "-q", "--bare", work, name+".git")
	run(t, work, "remote", "add", "origin", filepath.Join(root, name+".git"))
	return work
}

// commit changes some random files and commits them.
func commit(t *testing.T, work, message string) string {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(work, "message"), []byte(message), 0o644))
	for i := range 12 {
		dir := filepath.Join(work, filepath.Join([]string{"a", "b c", "ü", ".hidden"}[:rand.IntN(5)]...))
		must(t, os.MkdirAll(dir, 0o755))
		path := filepath.Join(dir, fmt.Sprintf("file-%d-%d", i, rand.IntN(3)))
		must(t, os.RemoveAll(path))
		switch rand.IntN(5) {
		case 0:
			must(t, os.Symlink([]string{"../x", "/etc/passwd", "message", "nowhere"}[rand.IntN(4)], path))
		case 1:
			must(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755))
		case 2:
			must(t, os.WriteFile(path, make([]byte, rand.IntN(100_000)), 0o600))
		default:
			must(t, os.WriteFile(path, fmt.Append(nil, rand.Int()), 0o644))
		}
	}
	run(t, work, "add", "-A")
	run(t, work, "commit", "-q", "-m", message)
	return run(t, work, "rev-parse", "HEAD")
}

// files describes all files of a folder without .git: type, mode, target or content.
func files(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		must(t, err)
		if d.Name() == ".git" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		rel, _ := filepath.Rel(root, path)
		info, err := d.Info()
		must(t, err)
		line := rel + " " + info.Mode().String()
		switch {
		case path == root:
			return nil
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			must(t, err)
			line += " " + target
		case info.Mode().IsRegular():
			b, err := os.ReadFile(path)
			must(t, err)
			line += fmt.Sprintf(" %x", b)
		}
		out = append(out, line)
		return nil
	}))
	return out
}

// archived is a folder with the files of a commit, as git archive writes them.
func archived(t *testing.T, work, commit string) string {
	t.Helper()
	dir := t.TempDir()
	tar := filepath.Join(t.TempDir(), "tree.tar")
	run(t, work, "-c", "tar.umask=022", "archive", "-o", tar, commit)
	if out, err := exec.Command("tar", "-xpf", tar, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

func exported(t *testing.T, d *dagger.Directory) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "exported")
	_, err := d.Export(t.Context(), dir)
	must(t, err)
	return dir
}

func sameFiles(t *testing.T, got, want string) {
	t.Helper()
	if g, w := files(t, got), files(t, want); !slices.Equal(g, w) {
		for _, line := range w {
			if !slices.Contains(g, line) {
				t.Errorf("missing %.200s", line)
			}
		}
		for _, line := range g {
			if !slices.Contains(w, line) {
				t.Errorf("too much: %.200s", line)
			}
		}
	}
}
