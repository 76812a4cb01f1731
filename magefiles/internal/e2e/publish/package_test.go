package publish

import (
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pyindex/pyindextest"
)

// packages is a workspace with a Python package, and a forge with a package registry.
type packages struct {
	*workspace
	forge  *lab.Forge
	token  string
	image  string // with Python
	stdout string // of all runs, with stderr
}

func newPackages(t *testing.T) *packages {
	t.Helper()
	labtest.Need(t, lab.PartForge)
	registry, python := e2etest.NeedBase(t, testimage.PythonBackends())
	forge, err := lab.StartForge(t.Context(), lab.Home{}, lab.ForgeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := forge.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &packages{workspace: newWorkspace(t), forge: forge, image: registry + "/" + python}
	if p.token, err = forge.Token(t.Context(), "packages", "write:package", "write:repository"); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"BLUMEOPS_PACKAGES": "python", "BLUMEOPS_PYTHON_IMAGE": p.image, "BLUMEOPS_PYTHON_REQUIREMENTS": "image",
		"BLUMEOPS_FORGE_URL": forge.URL(), "BLUMEOPS_OWNER": forge.Owner, "BLUMEOPS_FORGE_TOKEN": p.token,
	} {
		p.Env[name] = value
	}
	return p
}

// run runs mage, and wants a status and a text on stdout or stderr.
func (p *packages) run(status int, says string, args ...string) string {
	p.T.Helper()
	got := p.Run(args...)
	p.stdout += got.Stdout + got.Stderr
	if got.Status != status || !strings.Contains(got.Stdout+got.Stderr, says) {
		p.T.Errorf("mage %s: status %d, want %d and %q\n%s%s", strings.Join(args, " "), got.Status, status, says, got.Stdout, got.Stderr)
	}
	return strings.TrimSpace(got.Stdout)
}

// release states another version of the package, and commits it.
func (p *packages) release(from, to string) {
	p.T.Helper()
	p.Edit("python/hello/pyproject.toml", from, to)
	p.CommitAll("Release " + to)
}

// Canaries: secrets that must not be in any output.
const wrongToken, urlPassword, devpiPassword = "canary-wrong", "canary-url", "canary-devpi"

// TestPackage publishes a Python package to the registry of a forge, finishes an interrupted publish, refuses another content, and installs the
// wheel with pip in a container. The token of the forge is nowhere in the output and the logs.
func TestPackage(t *testing.T) {
	p := newPackages(t)
	p.run(0, "would upload its wheel and its sdist to "+p.forge.URL()+"/api/packages/"+p.forge.Owner+"/pypi", "package:publish", "hello", "v1.0.0", "-dryrun")
	p.run(0, "would build hello==1.0.0", "package:publish", ".", "v1.0.0", "-source=python/hello", "-dryrun")
	p.run(2, "has no pyproject.toml", "package:publish", ".", "v1.0.0", "-source=python", "-dryrun")
	job := filepath.Join(p.Dir, "output")
	p.Env["GITHUB_OUTPUT"] = job
	if line := p.run(0, "upload", "package:publish", "hello", "v1.0.0"); line != "hello==1.0.0" {
		t.Errorf("printed %q", line)
	}
	if text, err := os.ReadFile(job); err != nil || !strings.Contains(string(text), "hello==1.0.0") || !strings.Contains(string(text), "hello-1.0.0-py3-none-any.whl hello-1.0.0.tar.gz") {
		t.Errorf("$GITHUB_OUTPUT has %q, %v", text, err)
	}
	delete(p.Env, "GITHUB_OUTPUT")
	if line := p.run(0, "already published with this content: nothing was uploaded", "package:publish", "hello", "patch"); line != "hello==1.0.0" {
		t.Errorf("printed %q the second time", line)
	}

	built := p.run(0, "hello-1.0.0", "package:build", "hello", "-output=out")
	for line := range strings.Lines(built) { // a clean working tree gives the files of its commit
		_, sum, _ := strings.Cut(strings.TrimSpace(line), " sha256:")
		p.run(0, `"sha256": "`+sum+`"`, "package:publish", "hello", "v1.0.0", "-format=json")
	}

	p.run(1, "states version 1.0.0, but v1.1.0 is 1.1.0", "package:publish", "hello", "v1.1.0")
	p.Write("new.txt", "new")
	p.run(1, "the tree has changes (new.txt)", "package:publish", "hello", "v1.0.0")
	p.Edit("python/hello/hello.py", "hello from", "good day from")
	p.CommitAll("Change the package, but not its version")
	p.run(1, "has hello-1.0.0-py3-none-any.whl already with another content", "package:publish", "hello", "v1.0.0")

	p.release("1.0.0", "1.1.0")
	var uploads atomic.Int64
	restore := p.forge.Proxy().Fail(faultproxy.Fault{
		Kind: faultproxy.Status, Status: http.StatusForbidden, Method: http.MethodPost,
		Match: func(*http.Request) bool { return uploads.Add(1) == 2 },
	})
	p.run(1, "upload hello-1.1.0.tar.gz", "package:publish", "hello", "v1.1.0")
	restore()
	p.run(0, `"status": "published"`, "package:publish", "hello", "minor", "-format=json")
	p.run(0, "already published", "package:publish", "hello", "v1.1.0")

	p.Env["BLUMEOPS_FORGE_TOKEN"] = wrongToken
	p.release("1.1.0", "1.2.0")
	p.run(1, "read the index", "package:publish", "hello", "v1.2.0")
	reader, err := p.forge.Token(t.Context(), "reader", "read:package")
	if err != nil {
		t.Fatal(err)
	}
	p.Env["BLUMEOPS_FORGE_TOKEN"] = reader
	p.run(1, "check that the index accepts files", "package:publish", "hello", "v1.2.0", "-dryrun")
	p.Env["BLUMEOPS_FORGE_TOKEN"] = p.token
	p.run(2, "BLUMEOPS_PACKAGE_TOKEN", "package:publish", "hello", "v1.2.0", "-index=https://ci:"+urlPassword+"@index.example/me/prod")

	p.tags()
	p.toDevpi()
	p.installs()
	for _, secret := range []string{p.token, reader, wrongToken, devpiPassword, urlPassword} {
		p.wantSecret(secret)
	}
}

// tags publishes what a pushed tag names, as the workflow does. The package is the one that the latest commit states.
func (p *packages) tags() {
	p.T.Helper()
	const repository = "shop"
	p.Env["BLUMEOPS_REPOSITORY"] = repository
	if _, err := p.forge.Push(p.T.Context(), p.forge.Owner, repository, p.Repo, "HEAD"); err != nil {
		p.T.Fatal(err)
	}
	p.Git("tag", "python-hello-v1.2.0")
	p.run(1, "the forge has no tag python-hello-v1.2.0", "ci:tag", "python-hello-v1.2.0")
	cmd := exec.Command("git", "push", "--quiet", p.forge.CloneURL(p.forge.Owner, repository), "python-hello-v1.2.0")
	cmd.Dir, cmd.Env = p.Repo, append(p.Env.List(), p.forge.GitEnv(p.forge.Owner, p.token)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		p.T.Fatalf("git push: %v\n%s", err, out)
	}
	if line := p.run(0, "nothing is promoted", "ci:tag", "refs/tags/python-hello-v1.2.0", "-promote"); line != "hello==1.2.0" {
		p.T.Errorf("ci:tag printed %q", line)
	}
	p.WantFullJobFile("GITHUB_OUTPUT", "ci:tag", "python-hello-v1.2.0")
	p.run(0, "v1.2.0 is not a container tag: nothing is published", "ci:tag", "v1.2.0") // this repository releases docs
	p.CommitAll("Go on")
	p.run(1, "is on commit", "ci:tag", "python-hello-v1.2.0")
}

// toDevpi publishes to a fake of devpi, with the account in the settings.
func (p *packages) toDevpi() {
	p.T.Helper()
	server := httptest.NewServer(&pyindextest.Devpi{User: "me", Password: devpiPassword})
	defer server.Close()
	settings := map[string]string{"BLUMEOPS_PACKAGE_INDEX": server.URL + pyindextest.Index, "BLUMEOPS_PACKAGE_USER": "me", "BLUMEOPS_PACKAGE_TOKEN": devpiPassword}
	maps.Copy(p.Env, settings)
	p.run(1, "$BLUMEOPS_PACKAGE_TOKEN        ok", "secrets:check") // that of Argo CD is missing
	p.run(0, `"index": "`+server.URL+pyindextest.Index+`/"`, "package:publish", "hello", "v1.2.0", "-format=json")
	p.run(0, "already published", "package:publish", ".", "patch")
	p.Env["BLUMEOPS_PACKAGE_TOKEN"] = wrongToken
	p.run(1, "check the settings PackageUser and PackageToken", "package:publish", "hello", "v1.2.0")
	for name := range settings {
		delete(p.Env, name)
	}
}

// installs installs the wheel in a container, and runs it.
func (p *packages) installs() {
	p.T.Helper()
	p.Write("containers/greeter/Dockerfile", "FROM "+p.image+"\nARG INDEX\nRUN pip install --no-cache-dir --index-url $INDEX hello==1.1.0 && pip download --no-deps --no-binary :all: --no-build-isolation --index-url $INDEX hello==1.1.0\n")
	index := p.forge.URL() + "/api/packages/" + p.forge.Owner + "/pypi/simple"
	p.run(0, "good day from Python", "container:shell", "greeter", "-args=INDEX="+index, "-command=cd / && python -c 'import hello; print(hello.greet())'")
}

// wantSecret wants a secret to be neither in the output nor in a file of the workspace.
func (p *packages) wantSecret(secret string) {
	p.T.Helper()
	if strings.Contains(p.stdout, secret) {
		p.T.Errorf("%s is in the output", secret)
	}
	err := filepath.WalkDir(p.Dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(name)
		if strings.Contains(string(text), secret) {
			p.T.Errorf("%s is in %s", secret, name)
		}
		return err
	})
	if err != nil {
		p.T.Error(err)
	}
}
