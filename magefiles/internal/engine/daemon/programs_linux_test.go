package daemon

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"golang.org/x/mod/modfile"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

func TestProgramsAreReadFromTheirModules(t *testing.T) {
	opts := Options{ModulesDir: modules()}
	for _, p := range []toolbuild.Program{buildkitd, runc, rootlesskit, usernet} {
		if s, err := opts.builder().Inspect(p); err != nil || !strings.HasPrefix(s.Version, "v") {
			t.Errorf("%s: version %q, %v", p.Name, s.Version, err)
		}
	}
}

// Dependencies that both modules require in the same version come from the build cache for the second module.
func TestBuildKitIsPinnedAsInTheProject(t *testing.T) {
	project := requirements(t, filepath.Join("..", "..", "..", "..", "go.mod"))
	for path, version := range requirements(t, filepath.Join(modules(), "buildkitd", "go.mod")) {
		shared := path == buildkitd.Module || strings.HasPrefix(path, "golang.org/x/") ||
			strings.HasPrefix(path, "google.golang.org/") || strings.HasPrefix(path, "github.com/containerd/")
		if want := project[path]; shared && want != "" && want != version {
			t.Errorf("%s: %s here and %s in the project: go get it in modules/buildkitd", path, version, want)
		}
	}
}

func requirements(t *testing.T, path string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse(path, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, r := range file.Require {
		versions[r.Mod.Path] = r.Mod.Version
	}
	return versions
}

func TestRuncIsBuiltIfMissing(t *testing.T) {
	opts, log := newOptions(t)
	if !compilesSeccomp(t.Context()) {
		testenv.Missing(t, "no C compiler with libseccomp: apt-get install gcc libseccomp-dev")
	}
	if opts.singleUser() {
		testenv.Missing(t, ErrNoSubIDs.Error())
	}
	only(t, &opts)
	d := ensure(t, opts)
	if !strings.HasPrefix(d.Runtime, opts.files().bin) || !log.has("built runc") {
		t.Fatalf("runtime %q, said %q", d.Runtime, log.all)
	}
	if out, err := run(t.Context(), t, d, "hello"); err != nil || !strings.Contains(out, "[hello]") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestMirrorIsAsked(t *testing.T) {
	opts, _ := newOptions(t)
	var asked atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.Path)
		http.NotFound(w, r)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	opts.Registries = map[string]Registry{
		"registry.invalid": {Mirrors: []string{host + "/cache"}},
		host:               {PlainHTTP: true},
	}
	d := ensure(t, opts)
	if _, err := solve(t.Context(), t, d, llb.Image("registry.invalid/some/image:v1"), t.TempDir()); err == nil {
		t.Fatal("an image that is nowhere was found")
	}
	if got := asked.Load(); got != "/v2/cache/some/image/manifests/v1" {
		t.Errorf("the mirror was asked for %v", got)
	}
}

func TestEnvironmentOfTheDaemonHoldsNoSecrets(t *testing.T) {
	opts := Options{StateDir: "/s", Getenv: env("OP_SERVICE_ACCOUNT_TOKEN=hush", "HTTPS_PROXY=http://user:hush@proxy:1", "HOME=/h")}
	got := strings.Join(opts.environment(), "\n")
	if strings.Contains(got, "OP_SERVICE") || !strings.Contains(got, "HTTPS_PROXY=http://user:hush@proxy:1") || !strings.Contains(got, "HOME=/h") {
		t.Errorf("got %s", got)
	}
	plain, other := opts.settings(), opts
	other.Getenv = env("HTTPS_PROXY=http://other:1")
	if plain.Labels[settingsLabel] == other.settings().Labels[settingsLabel] {
		t.Error("another proxy does not change the settings")
	}
	if strings.Contains(plain.Labels[settingsLabel], "hush") {
		t.Error("the label tells the proxy's password")
	}
}

func BenchmarkEnsureWarm(b *testing.B) {
	opts := Options{StateDir: b.TempDir(), ModulesDir: modules()}.withDefaults()
	furnish(b, opts)
	defer Down(context.Background(), opts)
	for b.Loop() {
		if _, err := Ensure(b.Context(), opts); err != nil {
			b.Fatal(err)
		}
	}
}
