package imported

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/adopt"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// olderFiles are a repository that does not use the targets: containers, manifests, a Python package, a script, and a page with a finding.
// PYTHON is an image with Python.
var olderFiles = map[string]string{
	"README.md": "##Shop\n\nWe are open.\n",
	"build.sh":  "#!/bin/sh\ndocker push registry.example/me/web:v1.0.0\ntwine upload dist/*\n",

	"containers/web/Dockerfile": "ARG CONTAINER_APP_VERSION=1.0.0\nFROM scratch\nCOPY index.html /\nUSER 65532\n",
	"containers/web/index.html": "<p>We are open.</p>\n",
	"containers/greeter/Dockerfile": "ARG CONTAINER_APP_VERSION=1.0.0\nFROM docker.io/PYTHON\nARG INDEX\n" +
		"RUN pip install --no-cache-dir --index-url \"$INDEX\" greeter==1.0.0\nUSER 65532\n",

	"deploy/web/kustomization.yaml": kustomization("shop", "deployment.yaml"),
	"deploy/web/deployment.yaml": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
        - name: web
          image: registry.example/me/web:v1.0.0
`,

	"python/greeter/pyproject.toml": "[project]\nname = \"greeter\"\nversion = \"1.0.0\"\n[build-system]\nrequires = [\"setuptools\", \"wheel\"]\nbuild-backend = \"setuptools.build_meta\"\n",
	"python/greeter/greeter.py":     "def greet():\n    return \"good day from the package\"\n",
}

// TestAdoptedRepository takes an older repository over with the files and the commands that adopt prints: its findings become the baseline, a
// container and a Python package are published, and pip installs the package in a container, which runs it.
func TestAdoptedRepository(t *testing.T) {
	testenv.Slow(t, "compiles the targets and builds images")
	enginetest.NeedsRuntime(t, enginetest.Options(t, t.TempDir()))
	labtest.Need(t, lab.PartForge)
	image := testimage.PythonBackends().Reference()
	r, _ := newFolder(t, "shop")
	r.begin(replaced(olderFiles, "PYTHON", image), func() {})
	forge := r.startServers(labtest.Bases(t, lab.RegistryOptions{}, testimage.PythonBackends()), image)
	r.adopt()

	r.published(r.mage("container:publish", "web", "v1.0.0"), "web:v1.0.0")
	for range 2 { // the second time everything is published
		if line := r.mage("package:publish", "greeter", "v1.0.0"); line != "greeter==1.0.0\n" {
			t.Errorf("package:publish prints %q", line)
		}
	}
	r.run("git", "tag", "v1.0.0") // of the only package: there are no docs to release
	r.run("git", "push", "--quiet", "origin", "v1.0.0")
	if line := r.mage("ci:tag", "refs/tags/v1.0.0"); line != "greeter==1.0.0\n" {
		t.Errorf("ci:tag prints %q", line)
	}
	index := forge.URL() + "/api/packages/" + forge.Owner + "/pypi/simple"
	out := r.mage("container:shell", "greeter", "-args=INDEX="+index, "-command=cd / && python -c 'import greeter; print(greeter.greet())'")
	if out != "good day from the package\n" {
		t.Errorf("the installed package prints %q", out)
	}
}

// replaced are files with a word replaced.
func replaced(files map[string]string, word, by string) map[string]string {
	all := maps.Clone(files)
	for name, text := range files {
		all[name] = strings.ReplaceAll(text, word, by)
	}
	return all
}

// startServers starts a registry and a forge, which has the repository. The addresses that the files of adopt cannot know, or that they have from the
// manifests, are in the environment.
func (r *repository) startServers(bases *lab.Registry, image string) *lab.Forge {
	r.t.Helper()
	registry, err := lab.StartRegistry(r.t.Context(), lab.Home{}, lab.RegistryOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := registry.Close(); err != nil {
			r.t.Error(err)
		}
	})
	forge, err := lab.StartForge(r.t.Context(), lab.Home{}, lab.ForgeOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := forge.Close(); err != nil {
			r.t.Error(err)
		}
	})
	token, err := forge.Token(r.t.Context(), "shop", "write:package", "write:repository")
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := forge.Push(r.t.Context(), forge.Owner, "shop", r.dir, "HEAD"); err != nil {
		r.t.Fatal(err)
	}
	name, _, _ := strings.Cut(image, ":")
	r.env = append(append(r.env, forge.GitEnv(forge.Owner, token)...),
		"BLUMEOPS_REGISTRY="+registry.Addr, "BLUMEOPS_REGISTRY_USER=none", "BLUMEOPS_MIRRORS=docker.io/"+name+"="+bases.Addr+"/"+name,
		"BLUMEOPS_FORGE_TOKEN="+token, "BLUMEOPS_PACKAGES=python", "BLUMEOPS_PYTHON_IMAGE=docker.io/"+image, "BLUMEOPS_PYTHON_REQUIREMENTS=image",
	)
	r.run("git", "remote", "add", "origin", forge.CloneURL(forge.Owner, "shop"))
	return forge
}

// adopt writes the files that adopt prints, runs its commands, and pushes the result.
func (r *repository) adopt() {
	r.t.Helper()
	checkout := &repository{t: r.t, dir: filepath.Join("..", "..", ".."), env: r.env}
	var plan adopt.Plan
	if err := json.Unmarshal([]byte(checkout.mage("adopt", "-repo="+r.dir, "-format=json")), &plan); err != nil {
		r.t.Fatal(err)
	}
	if len(plan.Files) != 2 || len(plan.Containers) != 2 || !plan.Containers[0].Fits || !plan.Containers[1].Fits || len(plan.Replaced) != 2 {
		r.t.Fatalf("the plan is %+v", plan)
	}
	for _, f := range plan.Files {
		write(r.t, filepath.Join(r.dir, filepath.FromSlash(f.Path)), f.Text)
	}
	for _, step := range plan.Steps {
		switch step {
		case "go get -tool github.com/magefile/mage":
			step += "@" + strings.TrimSpace(checkout.run("go", "list", "-m", "-f={{.Version}}", "github.com/magefile/mage")) // without a query of the newest
		case "go tool mage doctor":
			continue // it looks at this machine
		}
		r.run("sh", "-c", step)
	}
	if left := r.run("git", "status", "--porcelain"); left != "" {
		r.t.Errorf("after the commit of the plan, git status prints %q", left)
	}
	r.run("git", "push", "--quiet", "--set-upstream", "origin", "main")
	if accepted, err := os.ReadFile(filepath.Join(r.dir, ".validate-baseline.json")); err != nil || !strings.Contains(string(accepted), "MD018") {
		r.t.Errorf("the baseline is %s, %v", accepted, err)
	}
	r.mage("validate")
}
