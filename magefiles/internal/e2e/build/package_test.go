package build

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

// newPackage is a workspace with a Python package, built on the substitute for Python's image that has Debian's build backends.
func newPackage(t *testing.T) *workspace {
	t.Helper()
	registry, image := e2etest.NeedBase(t, testimage.PythonBackends())
	w := newWorkspace(t)
	repository, tag, _ := strings.Cut(image, ":")
	w.Env["BLUMEOPS_MIRRORS"] = "docker.io/" + repository + "=" + registry + "/" + repository
	w.Env["BLUMEOPS_PYTHON_IMAGE"], w.Env["BLUMEOPS_PYTHON_REQUIREMENTS"], w.Env["BLUMEOPS_PACKAGES"] = "python:"+tag, "image", "python"
	return w
}

// TestPackage builds a package in two clones: equal files at the same commit. A file that git ignores is not built.
func TestPackage(t *testing.T) {
	w := newPackage(t)
	job := filepath.Join(w.Dir, "output")
	w.Env["GITHUB_OUTPUT"] = job
	first := w.Mage("package:build", "hello", "-output=one")
	if text, err := os.ReadFile(job); err != nil || !strings.Contains(string(text), "one/hello-1.0.0-py3-none-any.whl one/hello-1.0.0.tar.gz") {
		t.Errorf("$GITHUB_OUTPUT has %q, %v", text, err)
	}
	w.WantFullJobFile("GITHUB_OUTPUT", "package:build", "hello", "-output=one")
	if lines := strings.Split(first, "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], "one/hello-1.0.0-py3-none-any.whl sha256:") || !strings.HasPrefix(lines[1], "one/hello-1.0.0.tar.gz sha256:") {
		t.Errorf("printed %q", first)
	}
	clone := newPackage(t)
	clone.OwnEngine() // with an empty cache
	clone.Write(".git/info/exclude", "*.tmp\n")
	clone.Write("python/hello/x.tmp", "ignored")
	var second struct {
		Name, Version string
		Files         []struct{ Path, SHA256 string }
	}
	if err := json.Unmarshal([]byte(clone.Mage("package:build", ".", "-format=json", "-output=one")), &second); err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, f := range second.Files {
		text += f.Path + " sha256:" + f.SHA256 + "\n"
	}
	if text != first+"\n" || second.Name != "hello" || second.Version != "1.0.0" {
		t.Errorf("another clone has built %s and this one %s", text, first)
	}
	clone.Edit("python/hello/hello.py", "hello from", "good day from")
	clone.Write("one/other.txt", "stays")
	if third := clone.Mage("package:build", "hello", "-output=one"); third == first {
		t.Error("a change of a file changed nothing")
	}
	if _, err := os.Stat(filepath.Join(clone.Repo, "one/other.txt")); err != nil {
		t.Error(err)
	}
	clone.Write("tools/other/pyproject.toml", "[project]\nname = \"other\"\nversion = \"2.0\"\n")
	clone.Write("tools/other/other.py", "")
	if out := clone.Mage("package:build", ".", "-source=tools/other", "-output=one"); !strings.HasPrefix(out, "one/other-2.0-py3-none-any.whl sha256:") {
		t.Errorf("the folder of -source gave %q", out)
	}
	d, err := python.ReadDist(filepath.Join(clone.Repo, "one/hello-1.0.0-py3-none-any.whl"))
	if err != nil || d.Metadata.Name != "hello" {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestPackageThatCannotBeBuilt has the failures that a user causes.
func TestPackageThatCannotBeBuilt(t *testing.T) {
	w := newPackage(t)
	w.Write("python/scm/pyproject.toml", "[build-system]\nrequires = [\"setuptools\", \"wheel\", \"setuptools-scm\"]\nbuild-backend = \"setuptools.build_meta\"\n[project]\nname = \"scm\"\ndynamic = [\"version\"]\n[tool.setuptools_scm]\n")
	w.Write("python/bad/pyproject.toml", "[project]\nname = \"bad\"\nversion = \"1\"\nclassifiers = [\"Private\"]\n[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n[tool.hatch.build]\ninclude = [\"*.toml\"]\n")
	if out := w.Run("package:build", "scm"); out.Status != 0 || !strings.Contains(out.Stdout, "dist/scm-0.dev0+g") || !strings.Contains(out.Stderr, "the version of scm comes from a tag") {
		t.Errorf("%+v", out)
	}
	for name, c := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"unknown":  {[]string{"other"}, 2, `name of a Python package "other": not found (known: bad, hello, scm)`},
		"several":  {[]string{"."}, 2, "requires exactly one package"},
		"a file":   {[]string{"hello", "-output=go.mod"}, 2, "is not a folder"},
		"no place": {[]string{"hello", "-output=a/b/c"}, 2, "create it first"},
		"metadata": {[]string{"bad"}, 1, "Private"},
	} {
		if out := w.Run(append([]string{"package:build"}, c.args...)...); out.Status != c.status || !strings.Contains(out.Stderr, c.says) || out.Stdout != "" {
			t.Errorf("%s: %+v", name, out)
		}
	}
	w.Env["BLUMEOPS_PYTHON_REQUIREMENTS"] = "both"
	if out := w.Run("package:build", "hello"); out.Status != 2 || !strings.Contains(out.Stderr, `BLUMEOPS_PYTHON_REQUIREMENTS: "both" must be index or image`) {
		t.Errorf("%+v", out)
	}
}
