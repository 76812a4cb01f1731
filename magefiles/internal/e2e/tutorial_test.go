package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
)

// TestTutorial does what docs/tutorials/from-a-clone-to-the-cluster.md says, with this checkout in place of the forge's repository.
func TestTutorial(t *testing.T) {
	labtest.Need(t, lab.PartRegistry, lab.PartRunner, lab.PartArgoCD)
	if _, err := exec.LookPath("curl"); err != nil {
		lack(t, "curl: apt-get install curl")
	}
	const page = "docs/tutorials/from-a-clone-to-the-cluster.md"
	w := newWorld(t)
	w.withLab()
	const original = "https://forge.ops.eblu.me/eblume/blumeops.git"
	w.env["GIT_CONFIG_COUNT"], w.env["GIT_CONFIG_KEY_0"], w.env["GIT_CONFIG_VALUE_0"] = "1", "url."+w.snapshot()+".insteadOf", original
	delete(w.env, "BLUMEOPS_REGISTRY_USER") // lab:env says it
	w.follow(t.TempDir(), page, examples(t, page, "\n## "))
}

// TestFirstContainer does what docs/tutorials/first-container.md says, in a clone of this checkout. The registry is the lab's.
func TestFirstContainer(t *testing.T) {
	const page = "docs/tutorials/first-container.md"
	w := newWorld(t)
	registry := w.newServer(lab.RegistryOptions{})
	delete(w.env, "BLUMEOPS_REGISTRY") // the page says it each time
	clone := filepath.Join(w.work, "clone")
	for _, args := range [][]string{
		{"clone", "--quiet", "--bare", w.snapshot(), filepath.Join(w.work, "fork.git")}, {"clone", "--quiet", filepath.Join(w.work, "fork.git"), clone},
	} {
		if err := git(w.work, w.env, args...); err != nil {
			t.Fatal(err)
		}
	}
	var all []example
	local := strings.NewReplacer("127.0.0.1:5000", registry.Addr, "/tmp/greeter", filepath.Join(w.work, "greeter"))
	for _, e := range examples(t, page, "\n## 1. ") {
		// The page's registry is there already, and the engine is that of other tests too.
		if !strings.Contains(e.script, "go-containerregistry/cmd/registry") && !strings.Contains(e.script, "engine:down") {
			all = append(all, example{local.Replace(e.script), local.Replace(e.shows)})
		}
	}
	w.follow(clone, page, all)
}
