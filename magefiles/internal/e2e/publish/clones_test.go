package publish

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// strange makes a clone of the same commit that differs in all that a clone may: its umask, the settings that change files on their way out, and
// files that git ignores. None of it is a change, to git.
func (w *workspace) strange() {
	w.T.Helper()
	excludes := filepath.Join(w.Dir, "home", "excludes")
	if err := os.WriteFile(excludes, []byte("*local.go\n*.secret\n"), 0o600); err != nil {
		w.T.Fatal(err)
	}
	w.Git("config", "core.autocrlf", "true")
	w.Git("config", "core.fileMode", "false")
	w.Git("config", "core.excludesFile", excludes)
	w.Write(".git/info/exclude", ".env\n")
	if err := errors.Join(os.RemoveAll(filepath.Join(w.Repo, "containers")), os.Remove(filepath.Join(w.Repo, "go.mod"))); err != nil {
		w.T.Fatal(err)
	}
	w.Git("checkout", "--quiet", "--force", "HEAD", "--", ".")
	w.Write("containers/files/.env", "TOKEN=canary\n")
	w.Write("containers/files/more.secret", "canary\n")
	w.Write("containers/hello/local.go", "package main\n\nfunc init() { version = \"canary\" }\n")
	if err := os.Chmod(filepath.Join(w.Repo, "containers/files/index.html"), 0o700); err != nil {
		w.T.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(w.Repo, "containers/files/index.html")); err != nil || !bytes.Contains(text, []byte("\r\n")) {
		w.T.Fatalf("the clone has %q, %v; want it to have other line ends than git", text, err)
	}
	if status := w.Git("status", "--porcelain"); status != "" {
		w.T.Fatalf("git sees a change:\n%s", status)
	}
}

// layered returns the modes and contents of the files in the layers of an image.
func layered(o e2etest.PlatformImage) (map[string]string, error) {
	found := map[string]string{}
	err := o.Each(func(h *tar.Header, content []byte) {
		found[path.Clean(h.Name)] = fmt.Sprintf("%c %o %q", h.Typeflag, h.Mode, content)
	})
	return found, err
}

// TestClonesPublishTheCommit has two clones of a commit, on engines of their own: what they publish is what git has.
func TestClonesPublishTheCommit(t *testing.T) {
	plain, other := newWorkspace(t), newWorkspace(t)
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	other.strange()
	other.OwnEngine()
	want := map[string]string{"srv": `5 755 ""`, "srv/private": `5 755 ""`}
	for _, name := range []string{"Dockerfile", ".dockerignore", "index.html", "private/public.txt"} {
		want["srv/"+name] = fmt.Sprintf("0 644 %q", plain.Git("show", "HEAD:containers/files/"+name)+"\n")
	}
	digests := map[string]bool{}
	for _, w := range []*workspace{plain, other} {
		umask := old
		if w == other {
			umask = 0o077
		}
		syscall.Umask(umask)
		s := w.NewRegistry(lab.RegistryOptions{})
		digests[e2etest.DigestPattern.FindString(w.Mage("container:publish", "hello", "v1.0.0"))] = true
		w.Mage("container:publish", "files", "v1.0.0")
		p := s.MustImage(t, "blumeops/files:v1.0.0")
		got, err := layered(p.Images[0])
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("published %q, %v\nwant      %q", got, err, want)
		}
	}
	if len(digests) != 1 || digests[""] {
		t.Errorf("one program has the digests %v", digests)
	}
	run := other.Run("container:publish", "files", "dev")
	if run.Status != 0 || !strings.Contains(run.Stderr, "git ignores (containers/files/.env, containers/files/more.secret)") {
		t.Errorf("a channel: %+v", run)
	}
}
