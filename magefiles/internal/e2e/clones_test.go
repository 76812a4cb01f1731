package e2e

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// strange makes a clone of the same commit that differs in all that a clone may: its umask, the settings that change files on their way out, and
// files that git ignores. None of it is a change, to git.
func (w *world) strange() {
	w.t.Helper()
	excludes := filepath.Join(w.work, "home", "excludes")
	if err := os.WriteFile(excludes, []byte("*local.go\n*.secret\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.git("config", "core.autocrlf", "true")
	w.git("config", "core.fileMode", "false")
	w.git("config", "core.excludesFile", excludes)
	w.write(".git/info/exclude", ".env\n")
	if err := errors.Join(os.RemoveAll(filepath.Join(w.repo, "containers")), os.Remove(filepath.Join(w.repo, "go.mod"))); err != nil {
		w.t.Fatal(err)
	}
	w.git("checkout", "--quiet", "--force", "HEAD", "--", ".")
	w.write("containers/files/.env", "TOKEN=canary\n")
	w.write("containers/files/more.secret", "canary\n")
	w.write("containers/hello/local.go", "package main\n\nfunc init() { version = \"canary\" }\n")
	if err := os.Chmod(filepath.Join(w.repo, "containers/files/index.html"), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(w.repo, "containers/files/index.html")); err != nil || !bytes.Contains(text, []byte("\r\n")) {
		w.t.Fatalf("the clone has %q, %v; want it to have other line ends than git", text, err)
	}
	if status := w.git("status", "--porcelain"); status != "" {
		w.t.Fatalf("git sees a change:\n%s", status)
	}
}

// layered is what the layers of an image hold: modes and contents.
func (o onePlatform) layered() (map[string]string, error) {
	found := map[string]string{}
	for _, layer := range o.layers {
		for archive := tar.NewReader(bytes.NewReader(layer)); ; {
			h, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			content, err := io.ReadAll(archive)
			if err != nil {
				return nil, err
			}
			found[path.Clean(h.Name)] = fmt.Sprintf("%c %o %q", h.Typeflag, h.Mode, content)
		}
	}
	return found, nil
}

// TestClonesPublishTheCommit has two clones of a commit, on engines of their own: what they publish is what git has.
func TestClonesPublishTheCommit(t *testing.T) {
	plain, other := newWorld(t), newWorld(t)
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	other.strange()
	other.ownEngine()
	want := map[string]string{"srv": `5 755 ""`, "srv/private": `5 755 ""`}
	for _, name := range []string{"Dockerfile", ".dockerignore", "index.html", "private/public.txt"} {
		want["srv/"+name] = fmt.Sprintf("0 644 %q", plain.git("show", "HEAD:containers/files/"+name)+"\n")
	}
	digests := map[string]bool{}
	for _, w := range []*world{plain, other} {
		umask := old
		if w == other {
			umask = 0o077
		}
		syscall.Umask(umask)
		s := w.newServer(lab.RegistryOptions{})
		digests[digestIn.FindString(w.mage("container:publish", "hello", "v1.0.0"))] = true
		w.mage("container:publish", "files", "v1.0.0")
		p := s.mustImage(t, "blumeops/files:v1.0.0")
		got, err := p.images[0].layered()
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("published %q, %v\nwant      %q", got, err, want)
		}
	}
	if len(digests) != 1 || digests[""] {
		t.Errorf("one program has the digests %v", digests)
	}
	run := other.run("container:publish", "files", "dev")
	if run.status != 0 || !strings.Contains(run.stderr, "git ignores (containers/files/.env, containers/files/more.secret)") {
		t.Errorf("a channel: %+v", run)
	}
}
