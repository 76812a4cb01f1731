package engine

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

const (
	passwordCanary = "canary-password-5b1e77"
	buildCanary    = "canary-build-c04d21"
	mountedCanary  = "canary-mounted-81fe3a"
	ambientCanary  = "canary-ambient-9ea3f0"
	forgeCanary    = "canary-forge-2c8d41"
	argocdCanary   = "canary-argocd-7f03ba"
)

// canaries are the secrets that are planted, in the forms that they travel in.
func canaries() []string {
	basic := base64.StdEncoding.EncodeToString([]byte("ci:" + passwordCanary))
	return []string{passwordCanary, buildCanary, mountedCanary, ambientCanary, forgeCanary, argocdCanary, e2etest.GitPassword, basic, base64.StdEncoding.EncodeToString([]byte(buildCanary))}
}

// No secret is to be seen: not in what is printed, on command lines while the work goes on, in the environment of the engine, in
// images, git objects, logs or the engine's cache.
func TestSecretsStayOut(t *testing.T) {
	e2etest.NeedRuntime(t)
	w := newWorkspace(t)
	w.OwnEngine()
	w.Env["SOME_TOKEN"] = ambientCanary // of the user, and nobody's business
	w.Env["BLUMEOPS_REGISTRY_USER"] = "ci"
	w.Env["BLUMEOPS_REGISTRY_PASSWORD"] = passwordCanary
	w.Env["BLUMEOPS_FORGE_TOKEN"], w.Env["BLUMEOPS_ARGOCD_TOKEN"] = forgeCanary, argocdCanary // secrets:check reads them
	stored := filepath.Join(w.Dir, "registry")
	s := w.NewRegistryIn(lab.Home{Dir: stored}, lab.RegistryOptions{Users: map[string]string{"ci": passwordCanary}})

	watch := watchCommandLines(t)
	var said strings.Builder
	hear := func(status int, args ...string) {
		got := w.Run(args...)
		said.WriteString(got.Stdout + got.Stderr)
		if got.Status != status {
			t.Errorf("mage %q: status %d\n%s%s", args, got.Status, got.Stdout, got.Stderr)
		}
	}
	w.runs("length", "/hello")
	w.waiting()
	w.runs("length", "/hello")
	hear(0, "-v", "container:publish", "hello", "dev")
	hear(0, "-v", "container:publish", "waits", "dev")
	hear(0, "-v", "container:publish", "files", "dev", "-format=json")
	hear(0, "secrets:check")
	said.WriteString(w.buildWithSecret())
	w.Env["SHOP_TOKEN"], w.Env["SHOP_FILE"] = mountedCanary, buildCanary
	hear(0, "-v", "container:build", "waits", "-secret=shop-token=env://SHOP_TOKEN", "-output=mounted.tar")
	hear(0, "-v", "container:publish", "waits", "test", "-secret=shop-token=env://SHOP_TOKEN,other=env://SHOP_FILE")
	hear(2, "container:build", "waits", "-secret=shop-token="+mountedCanary[:6])
	hear(2, "container:build", "waits", "-secret=shop-token=env://NO_SUCH_TOKEN")
	if !strings.Contains(said.String(), "$NO_SUCH_TOKEN") && !strings.Contains(said.String(), "env://NO_SUCH_TOKEN") {
		t.Error("the secret that is missing is not named")
	}
	w.Env["BLUMEOPS_REGISTRY_PASSWORD"] = ambientCanary
	hear(1, "-v", "container:publish", "hello", "test")
	w.Env["BLUMEOPS_REGISTRY_PASSWORD"] = passwordCanary
	s.Fail("unavailable", 0)
	hear(1, "-v", "container:publish", "files", "test")
	watch()

	for _, canary := range canaries() {
		if strings.Contains(said.String(), canary) {
			t.Errorf("%s was printed:\n%s", canary, said.String())
		}
	}
	environment, err := os.ReadFile(filepath.Join("/proc", itoa(w.engine().PID), "environ"))
	if err != nil || len(environment) == 0 {
		t.Fatalf("environment of the engine: %v", err)
	}
	findNone(t, "the environment of the engine", environment)
	findNone(t, "git", w.gitObjects())
	w.Mage("engine:down") // so that its databases are whole
	engine := w.Env["BLUMEOPS_ENGINE_STATE"]
	for _, dir := range []string{filepath.Join(engine, "root"), filepath.Join(engine, "log"), filepath.Join(engine, "run"), filepath.Join(w.Dir, "cache"), stored} {
		if searchFolder(t, dir) == 0 {
			t.Errorf("%s is empty", dir)
		}
	}
	searchFolder(t, filepath.Join(w.Dir, "tmp"))
	searchFolder(t, filepath.Join(w.Dir, "home"))
}

// buildWithSecret builds a Dockerfile that mounts a secret, as a program in another language would, and returns what was printed.
func (w *workspace) buildWithSecret() string {
	w.T.Helper()
	w.Write("containers/waits/Dockerfile", "FROM scratch\nCOPY hello /hello\nRUN --mount=type=secret,id=shop-token [\"/hello\",\"length\",\"/run/secrets/shop-token\"]\n")
	s := w.serve()
	id := s.ask(`query($text: String!) { setSecret(name: "shop-token", plaintext: $text) { id } }`, map[string]any{"text": buildCanary}, "setSecret", "id")
	image := s.ask(`query($secret: ID!) { host { directory(path: "containers/waits") { dockerBuild(secrets: [$secret]) { sync } } } }`,
		map[string]any{"secret": id}, "host", "directory", "dockerBuild", "sync")
	got := s.end()
	if image == "" || got.Status != 0 {
		w.T.Errorf("build with a secret: image %q, %+v", image, got)
	}
	return got.Stdout + got.Stderr
}

// watchCommandLines looks at the command lines of all processes for canaries until it is asked for what it found.
func watchCommandLines(t *testing.T) (check func()) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	seen := make(chan []string)
	go func() {
		var lines []string
		for ctx.Err() == nil {
			for _, line := range e2etest.Processes("") {
				lines = append(lines, line)
			}
			slices.Sort(lines)
			lines = slices.Compact(lines)
		}
		seen <- lines
	}()
	return func() {
		cancel()
		lines := <-seen
		all := strings.Join(lines, "\n")
		if !strings.Contains(all, "mage -v container:publish hello dev") {
			t.Errorf("mage's own command line was not seen among the %d", len(lines))
		}
		findNone(t, "a command line", []byte(all))
	}
}

func findNone(t *testing.T, where string, content []byte) {
	t.Helper()
	for _, canary := range canaries() {
		if bytes.Contains(content, []byte(canary)) {
			t.Errorf("%s holds %s", where, canary)
		}
	}
}

// gitObjects is the content of all objects of the repository.
func (w *workspace) gitObjects() []byte {
	w.T.Helper()
	cmd := exec.Command("git", "cat-file", "--batch-all-objects", "--batch")
	cmd.Dir, cmd.Env = w.Repo, w.Env.List()
	out, err := cmd.Output()
	if err != nil || len(out) == 0 {
		w.T.Fatalf("git cat-file: %v", err)
	}
	return out
}

// searchFolder looks for canaries in all files, and in what is compressed in them. It returns how many files there were.
func searchFolder(t *testing.T, dir string) (files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		findNone(t, path, content)
		if zip, err := gzip.NewReader(bytes.NewReader(content)); err == nil {
			unpacked, err := io.ReadAll(zip)
			findNone(t, path+", unpacked", unpacked)
			return err
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return files
}

// TestSecretsOfWhatIsNotUsed leaves out the token of an Argo CD that the site does not have.
func TestSecretsOfWhatIsNotUsed(t *testing.T) {
	w := newWorkspace(t)
	for _, url := range []string{"https://argocd.example.test", "none"} {
		w.Env["BLUMEOPS_ARGOCD_URL"] = url
		if got := w.Run("secrets:check"); strings.Contains(got.Stdout, "argocd") != (url != "none") {
			t.Errorf("with Argo CD at %s: %+v", url, got)
		}
	}
}
