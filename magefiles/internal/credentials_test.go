package internal

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/argo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitfetch"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pyindex"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// canary is the credential of every client below.
const canary = "canary-3b1f0c77"

// endpoint is the server that a client is told of.
type endpoint struct {
	url    string
	client *http.Client // trusts its certificate
	ca     string       // file of the certificate
}

func (e endpoint) host() string {
	return strings.TrimPrefix(strings.TrimPrefix(e.url, "https://"), "http://")
}

// senders are all clients that send a credential over HTTP. An error is expected of each, and of no interest here.
var senders = map[string]func(*testing.T, endpoint) error{
	"argo reads": func(t *testing.T, e endpoint) error {
		_, err := argoAt(e).Preflight(t.Context(), "docs")
		return err
	},
	"argo writes": func(t *testing.T, e endpoint) error {
		_, err := argoAt(e).Deploy(t.Context(), "docs", argo.Want{Commit: strings.Repeat("a", 40)})
		return err
	},
	"forge reads": func(t *testing.T, e endpoint) error {
		_, err := forgeAt(t, e).ReleaseByTag(t.Context(), forge.Repository{Owner: "o", Name: "r"}, "v1.0.0")
		return err
	},
	"forge writes": func(t *testing.T, e endpoint) error {
		_, err := forgeAt(t, e).CreateRelease(t.Context(), forge.Repository{Owner: "o", Name: "r"}, vcs.Release{Tag: "v1.0.0"}, strings.Repeat("a", 40))
		return err
	},
	"pyindex reads": func(t *testing.T, e endpoint) error {
		_, err := indexAt(t, e).Files(t.Context(), "a")
		return err
	},
	"pyindex writes": func(t *testing.T, e endpoint) error {
		file := filepath.Join(t.TempDir(), "a-1.0.tar.gz")
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		return indexAt(t, e).Upload(t.Context(), python.Dist{Path: file, Name: "a-1.0.tar.gz", Kind: python.Sdist})
	},
	"registry reads": func(t *testing.T, e endpoint) error {
		_, _, err := registryAt(e).Look(t.Context(), imageAt(t, e))
		return err
	},
	"registry lists": func(t *testing.T, e endpoint) error {
		_, err := registryAt(e).Tags(t.Context(), imageAt(t, e))
		return err
	},
	"registry writes": func(t *testing.T, e endpoint) error { return registryAt(e).MayPush(t.Context(), imageAt(t, e)) },
	"git": func(t *testing.T, e endpoint) error {
		_, err := gitAt(t, e).Refs(t.Context())
		return err
	},
	"git pushes": func(t *testing.T, e endpoint) error { return gitAt(t, e).PushRight(t.Context()) },
	"gitfetch": func(t *testing.T, e endpoint) error {
		home := t.TempDir()
		helper := "!f() { echo username=u; echo password=" + canary + "; }; f"
		config := "[credential \"" + e.url + "\"]\n\thelper = \"" + helper + "\"\n"
		if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		git := gitfetch.Git{Cache: t.TempDir(), Environ: append(os.Environ(), "HOME="+home, "GIT_CONFIG_NOSYSTEM=1", "GIT_SSL_CAINFO="+e.ca)}
		_, err := git.Fetch(t.Context(), gitfetch.Source{URL: e.url + "/o/r.git", Ref: "main"})
		return err
	},
}

func secretOf(context.Context) (string, error) { return canary, nil }

func account(context.Context, string) (string, string, bool, error) { return "u", canary, true, nil }

func argoAt(e endpoint) *argo.Client {
	return &argo.Client{BaseURL: e.url, HTTP: e.client, Token: secretOf, Retry: argo.Retry{Attempts: 1}}
}

func forgeAt(t *testing.T, e endpoint) *forge.Client {
	c, err := forge.New(forge.Options{URL: e.url, HTTP: e.client, Token: secretOf, Retry: forge.Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func indexAt(t *testing.T, e endpoint) *pyindex.Client {
	c, err := pyindex.New(pyindex.Options{Upload: e.url + "/me/prod/", Simple: e.url + "/me/prod/+simple/", HTTP: e.client, Token: secretOf, Retry: httpx.Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func registryAt(e endpoint) *registry.Client {
	return registry.New(registry.Options{CAFile: e.ca, Credentials: account, Retry: registry.Retry{Attempts: 1}})
}

func imageAt(t *testing.T, e endpoint) image.Reference {
	ref, err := image.ParseReference(e.host() + "/o/r:v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func gitAt(t *testing.T, e endpoint) *repo.Remote {
	dir := t.TempDir()
	if out, err := exec.Command("git", "-C", dir, "init", "--quiet").CombinedOutput(); err != nil {
		t.Fatalf("git init: %v: %s", err, out)
	}
	r, err := repo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Remote(repo.RemoteOptions{URL: e.url + "/o/r.git", Credentials: account, Transport: e.client.Transport})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestNoCredentialFollowsAServer has the server that a client is told of lead it to another one: by a redirect, by the realm of a
// challenge, by the location of an upload. The other one may be asked, but gets no credential.
func TestNoCredentialFollowsAServer(t *testing.T) {
	t.Parallel()
	for name, send := range senders {
		for _, secure := range []bool{false, true} {
			for _, lead := range leads {
				t.Run(name+"/"+lead.name+map[bool]string{false: "/http", true: "/https"}[secure], func(t *testing.T) {
					t.Parallel()
					trap := newTrap(t)
					own := &witness{next: lead.serve(trap.URL)}
					send(t, serve(t, own, secure)) //nolint:errcheck // it fails in its own way
					if own.asked() == 0 {
						t.Fatal("the server was not asked at all")
					}
					if lead.name == "basic, then 307" && !own.sawCanary() {
						t.Error("the server itself did not get the credential: this test shows nothing")
					}
					if got := trap.seen(); got != "" {
						t.Errorf("another server got the credential: %s", got)
					}
				})
			}
		}
	}
}

// leads are the ways in which a server sends a client to another one.
var leads = []struct {
	name  string
	serve func(to string) http.Handler
}{
	{"301", redirect(http.StatusMovedPermanently)},
	{"302", redirect(http.StatusFound)},
	{"307", redirect(http.StatusTemporaryRedirect)},
	{"basic, then 307", func(to string) http.Handler {
		return challenge(`Basic realm="x"`, redirect(http.StatusTemporaryRedirect)(to))
	}},
	{"realm", func(to string) http.Handler {
		return challenge(`Bearer realm="`+to+`/token",service="x"`, http.NotFoundHandler())
	}},
	{"upload", func(to string) http.Handler {
		return challenge(`Basic realm="x"`, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", to+"/upload")
			w.WriteHeader(http.StatusAccepted)
		}))
	}},
	{"link", func(to string) http.Handler {
		return challenge(`Basic realm="x"`, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "<"+to+r.URL.Path+`>; rel="next"`)
			_, _ = io.WriteString(w, `{"tags":["a"]}`)
		}))
	}},
}

func redirect(status int) func(to string) http.Handler {
	return func(to string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" { // a registry's greeting
				return
			}
			w.Header().Set("Location", to+r.URL.RequestURI())
			w.WriteHeader(status)
		})
	}
}

// challenge asks for an account first, as registries and git servers do.
func challenge(with string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") == "":
			w.Header().Set("WWW-Authenticate", with)
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/v2/":
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// serve starts a server.
func serve(t *testing.T, h http.Handler, secure bool) endpoint {
	if !secure {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return endpoint{url: s.URL, client: &http.Client{Transport: &http.Transport{}}}
	}
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return endpoint{url: s.URL, client: s.Client(), ca: ca}
}

// witness passes on to a server, and remembers in which requests the credential was.
type witness struct {
	next http.Handler

	mu    sync.Mutex
	count int
	with  []string
}

func (w *witness) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	w.mu.Lock()
	w.count++
	if holds(r, string(body)) {
		w.with = append(w.with, r.Method+" "+r.URL.Path)
	}
	w.mu.Unlock()
	w.next.ServeHTTP(answer, r)
}

// holds says whether the credential is anywhere in a request, as it is or in base64 as Basic has it.
func holds(r *http.Request, body string) bool {
	text := r.URL.String() + "\n" + body
	for name, values := range r.Header {
		for _, value := range values {
			_, encoded, _ := strings.Cut(value, " ")
			decoded, _ := base64.StdEncoding.DecodeString(encoded)
			text += "\n" + name + ": " + value + "\n" + string(decoded)
		}
	}
	query, _ := url.QueryUnescape(text)
	return strings.Contains(text, canary) || strings.Contains(query, canary)
}

func (w *witness) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

func (w *witness) seen() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.with, ", ")
}

func (w *witness) sawCanary() bool { return w.seen() != "" }

// trap is the server that is led to. It answers in plain HTTP, by a port of its own of the same host, and asks for an account.
type trap struct {
	*witness
	URL string
}

func newTrap(t *testing.T) trap {
	w := &witness{next: challenge(`Basic realm="x"`, http.NotFoundHandler())}
	return trap{w, serve(t, w, false).url}
}
