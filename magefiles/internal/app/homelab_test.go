package app

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
)

// homelab is a clone of a repository that git's own server serves, beside what of a forge's API tells rights, and a registry.
type homelab struct {
	*App
	t        *testing.T
	out      *bytes.Buffer
	bare     string
	readOnly atomic.Bool // the forge takes no push
}

const kustomization = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
images:
  - name: HOST/me/a
    newTag: v1.0.0
`

func newHomelab(t *testing.T) *homelab {
	t.Helper()
	h := &homelab{t: t}
	work := t.TempDir()
	h.bare = filepath.Join(work, "served", "me", "homelab.git")
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(images.Close)
	forge := httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(forge.Close)
	s := example
	s.Registry, s.ForgeURL = strings.TrimPrefix(images.URL, "http://"), forge.URL
	s.PlainRegistries = strings.TrimPrefix(forge.URL, "http://")
	s.ForgeToken = "file://" + filepath.Join(work, "token")
	if err := os.WriteFile(filepath.Join(work, "token"), []byte("token"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.App, h.out = withSettings(s)
	h.root, h.cacheAt = filepath.Join(work, "clone"), filepath.Join(work, "cache")
	h.git("", "init", "--quiet", "--bare", "--initial-branch=main", h.bare)
	h.git(h.bare, "config", "http.receivepack", "true")
	h.git("", "clone", "--quiet", h.bare, h.root)
	h.git(h.root, "remote", "set-url", "origin", forge.URL+"/me/homelab.git")
	h.write("containers/a/Dockerfile", "ARG CONTAINER_APP_VERSION=1.0.0\nFROM scratch\n")
	h.write("containers/b/Dockerfile", "ARG CONTAINER_APP_VERSION=1.0.0\nFROM scratch\n")
	h.write("argocd/manifests/a/kustomization.yaml", strings.ReplaceAll(kustomization, "HOST", s.Registry))
	h.commit("Begin")
	h.git(h.root, "push", "--quiet", h.bare, "HEAD:main")
	h.git(h.root, "update-ref", "refs/remotes/origin/main", "HEAD")
	var err error
	if h.files, err = os.OpenRoot(h.root); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.files.Close() })
	h.progress = progress{console: h.console, logs: t.TempDir(), title: "test"}
	h.trusted = newAuthorities("", h.cacheAt, h.console.Warn)
	h.secrets = secret.NewResolver(secret.Options{Root: h.root, Env: func(string) string { return "" }, Learn: h.hide})
	return h
}

// serve is git's server, and the questions of a forge's API that tell what a token may do.
func (h *homelab) serve(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/api/v1/user":
		_, _ = w.Write([]byte(`{"login":"me"}`))
	case path == "/api/v1/repos/me/homelab":
		_, _ = w.Write([]byte(`{"default_branch":"main","permissions":{"push":true,"pull":true}}`))
	case path == "/api/v1/repos/me/homelab/branches/main":
		_, _ = w.Write([]byte(`{"name":"main","protected":false,"user_can_push":true}`))
	case strings.HasPrefix(path, "/api/"):
		http.NotFound(w, r)
	case h.readOnly.Load() && (strings.HasSuffix(path, "git-receive-pack") || r.URL.Query().Get("service") == "git-receive-pack"):
		http.Error(w, "read only", http.StatusForbidden)
	default:
		core, err := exec.Command("git", "--exec-path").Output()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		handler := cgi.Handler{
			Path: filepath.Join(strings.TrimSpace(string(core)), "git-http-backend"),
			Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Dir(filepath.Dir(h.bare)), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=me"},
		}
		handler.ServeHTTP(w, r)
	}
}

func (h *homelab) git(dir string, args ...string) string {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), "git", append([]string{"-c", "user.name=Me", "-c", "user.email=me@homelab.example"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (h *homelab) write(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *homelab) commit(message string) string {
	h.t.Helper()
	h.git(h.root, "add", "--all")
	h.git(h.root, "commit", "--quiet", "--message="+message)
	return h.git(h.root, "rev-parse", "HEAD")
}

// publish pushes an image of a revision to the registry, and returns its digest.
func (h *homelab) publish(tag, revision string) string {
	h.t.Helper()
	made, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{"org.opencontainers.image.revision": revision, "title": tag}})
	if err != nil {
		h.t.Fatal(err)
	}
	at, err := name.ParseReference(h.Registry + "/me/" + tag)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := remote.Write(at, made, remote.WithContext(h.t.Context())); err != nil {
		h.t.Fatal(err)
	}
	digest, err := made.Digest()
	if err != nil {
		h.t.Fatal(err)
	}
	return digest.String()
}
