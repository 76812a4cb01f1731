package pages

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// TestTutorial does what docs/tutorials/from-a-clone-to-the-cluster.md says, with this checkout in place of the forge's repository.
func TestTutorial(t *testing.T) {
	labtest.Need(t, lab.PartRegistry, lab.PartRunner, lab.PartArgoCD)
	if _, err := exec.LookPath("curl"); err != nil {
		testenv.Missing(t, "curl: apt-get install curl")
	}
	const page = "docs/tutorials/from-a-clone-to-the-cluster.md"
	w := e2etest.NewWorkspace(t)
	w.WithLab()
	const original = "https://forge.ops.eblu.me/eblume/blumeops.git"
	w.Env["GIT_CONFIG_COUNT"], w.Env["GIT_CONFIG_KEY_0"], w.Env["GIT_CONFIG_VALUE_0"] = "1", "url."+w.Snapshot()+".insteadOf", original
	delete(w.Env, "BLUMEOPS_REGISTRY_USER") // lab:env says it
	follow(w, t.TempDir(), page, examples(t, page, "\n## "))
}

// TestFirstContainer does what docs/tutorials/first-container.md says, in a clone of this checkout. The registry is the lab's.
func TestFirstContainer(t *testing.T) {
	const page = "docs/tutorials/first-container.md"
	w := e2etest.NewWorkspace(t)
	registry := w.NewRegistry(lab.RegistryOptions{})
	delete(w.Env, "BLUMEOPS_REGISTRY") // the page says it each time
	clone := filepath.Join(w.Dir, "clone")
	for _, args := range [][]string{
		{"clone", "--quiet", "--bare", w.Snapshot(), filepath.Join(w.Dir, "fork.git")}, {"clone", "--quiet", filepath.Join(w.Dir, "fork.git"), clone},
	} {
		if err := e2etest.Git(w.Dir, w.Env, args...); err != nil {
			t.Fatal(err)
		}
	}
	var all []example
	local := strings.NewReplacer("127.0.0.1:5000", registry.Addr, "/tmp/greeter", filepath.Join(w.Dir, "greeter"))
	for _, e := range examples(t, page, "\n## 1. ") {
		// The page's registry is there already, and the engine is that of other tests too.
		if !strings.Contains(e.script, "go-containerregistry/cmd/registry") && !strings.Contains(e.script, "engine:down") {
			all = append(all, example{local.Replace(e.script), local.Replace(e.shows)})
		}
	}
	follow(w, clone, page, all)
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestTryItOnOneMachine runs the five commands of the how-to as they stand there, in a shell, with this checkout in place of the
// forge's repository.
func TestTryItOnOneMachine(t *testing.T) {
	const page = "docs/how-to/try-it-on-one-machine.md"
	text, err := os.ReadFile(filepath.Join(e2etest.Root(), page))
	if err != nil {
		t.Fatal(err)
	}
	block := shellBlock.FindSubmatch(text)
	if block == nil || strings.Count(string(block[1]), "\n") != 5 {
		t.Fatalf("%s does not begin with five commands:\n%s", page, block)
	}
	if _, err := exec.LookPath("curl"); err != nil {
		testenv.Missing(t, "curl: apt-get install curl")
	}
	w := e2etest.NewWorkspace(t)
	w.WithLab()
	const original = "https://forge.ops.eblu.me/eblume/blumeops.git"
	w.Env["GIT_CONFIG_COUNT"], w.Env["GIT_CONFIG_KEY_0"], w.Env["GIT_CONFIG_VALUE_0"] = "1", "url."+w.Snapshot()+".insteadOf", original
	delete(w.Env, "BLUMEOPS_REGISTRY_USER") // lab:env says it

	cmd := exec.CommandContext(t.Context(), "sh", "-eux", "-c", string(block[1]))
	cmd.Dir, cmd.Env = e2etest.SamePath(t, "try"), w.Env.List()
	var progress strings.Builder
	cmd.Stderr = &progress
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, progress.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if n := len(lines); n != 3 {
		t.Fatalf("%d lines on stdout, expected those of lab:up, of the publish and of the catalog:\n%s\n%s", n, out, progress.String())
	}
	registry, _ := strings.CutPrefix(strings.Fields(lines[0])[1], "http://")
	if !strings.HasPrefix(lines[1], registry+"/blumeops/nettest:v0.1.0@sha256:") {
		t.Errorf("published %s, expected it at %s", lines[1], registry)
	}
	if lines[2] != `{"repositories":["blumeops/nettest"]}` {
		t.Errorf("catalog: %s", lines[2])
	}
}
