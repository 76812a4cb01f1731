package imported

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// files are all of a repository that uses the targets. The magefile is the one of docs/how-to/use-the-targets-in-another-repository.md.
var files = map[string]string{
	"go.mod": "module homelab.example/me\n\ngo " + goVersion + "\n\nrequire forge.ops.eblu.me/eblume/blumeops VERSION\n\ntool github.com/magefile/mage\n",
	"magefiles/magefile.go": `//go:build mage

// Homelab: the containers and the docs of my homelab.
//
//mage:multiline
package main

import (
	"forge.ops.eblu.me/eblume/blumeops/magefiles/site"
	//mage:import
	_ "forge.ops.eblu.me/eblume/blumeops/magefiles/targets"
)

var _ = site.Use(site.Settings{Registry: "registry.example", Namespace: "me", DocsOutput: "public"})
`,
	"containers/hello/main.go": "// Hello greets.\n//\n//blumeops:version 0.1.0\npackage main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello from elsewhere\") }\n",
	"docs/package.json":        `{"name": "docs", "version": "1.0.0", "private": true, "scripts": {"build": "node build.js"}}` + "\n",
	"docs/package-lock.json":   `{"name": "docs", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {"": {"name": "docs", "version": "1.0.0"}}}` + "\n",
	"docs/build.js":            "const fs = require('fs')\nfs.mkdirSync('public')\nfs.writeFileSync('public/index.html', '<p>home</p>')\n",
	"docs/index.md":            "---\ntitle: Home\ntags: [home]\nmodified: 2026-11-30\n---\n\nWe are open.\n",
	".gitignore":               "/rootfs/\n*.tar.gz\n",
}

const goVersion = "1.26.8"

// Another repository has all targets from the module: no file of this checkout is needed.
func TestAnotherRepositoryUsesTheTargets(t *testing.T) {
	testenv.Slow(t, "compiles the targets and builds images")
	enginetest.NeedsRuntime(t, enginetest.Options(t, t.TempDir()))
	node := baseimage.NodeSlim()
	registry := labtest.Bases(t, lab.RegistryOptions{}, node)
	r := newRepository(t, files)
	image, _, _ := strings.Cut(node.Reference(), ":")
	r.env = append(r.env,
		"BLUMEOPS_ENGINE=embedded", "BLUMEOPS_ENGINE_STATE="+testenv.EngineState(t), "BLUMEOPS_MIRRORS=docker.io/"+image+"="+registry.Addr+"/"+image)

	listing := r.mage("-l")
	for _, want := range []string{"Homelab: the containers", "  container:publish  ", "  docs:build  ", "  ci  "} {
		if !strings.Contains(listing, want) {
			t.Errorf("the list has no %q:\n%s", want, listing)
		}
	}
	if help := r.mage("-h", "container:build"); !strings.Contains(help, "\n\tmage container:build nettest -output") {
		t.Errorf("the help has no lines of its own:\n%s", help)
	}

	r.mage("container:build", "hello", "-output=dir:rootfs")
	programs, err := filepath.Glob(filepath.Join(r.dir, "rootfs", "*"))
	if err != nil || len(programs) == 0 {
		t.Fatalf("the image holds %v, %v", programs, err)
	}
	if out, err := exec.Command(filepath.Join(r.dir, "rootfs", "hello")).Output(); err != nil || string(out) != "hello from elsewhere\n" {
		t.Errorf("the image's program says %q, %v (of %v)", out, err, programs)
	}

	line := r.mage("container:publish", "hello", "dev", "-registry="+registry.Addr)
	if !regexp.MustCompile(`^` + regexp.QuoteMeta(registry.Addr) + `/me/hello:dev@sha256:[0-9a-f]{64}\n$`).MatchString(line) {
		t.Fatalf("published %q", line)
	}
	ref, err := name.ParseReference(strings.TrimSpace(line), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := index.IndexManifest(); err != nil || len(m.Manifests) != 2 {
		t.Errorf("the index is %+v, %v", m, err)
	}

	r.mage("validate")
	if line := r.mage("docs:build"); !regexp.MustCompile(`docs-dev\.tar\.gz\b.*[0-9a-f]{64}`).MatchString(line) {
		t.Errorf("built %q", line)
	}
}
