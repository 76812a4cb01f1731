package workflows

import (
	"net/http"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
)

// testPackageTag pushes the tag of a Python package, for which the workflow of container tags publishes it to the registry of the forge.
func (w *workflows) testPackageTag(t *testing.T) {
	registry, python := e2etest.NeedBase(t, testimage.PythonBackends())
	defer w.With(map[string]string{
		"BLUMEOPS_PACKAGES": "python", "BLUMEOPS_PYTHON_IMAGE": registry + "/" + python, "BLUMEOPS_PYTHON_REQUIREMENTS": "image",
	})()
	w.Write("python/greeter/pyproject.toml", "[project]\nname = \"greeter\"\nversion = \"0.1.0\"\n")
	w.Write("python/greeter/greeter.py", "def greet():\n    return \"good day\"\n")
	w.CommitAndPush("Add the package greeter")
	const tag = "python-greeter-v0.1.0"
	w.Git("tag", tag)
	w.PushRef("refs/tags/" + tag)
	out := unwrapped(w.mustAct(pushed("build-container.yaml", "refs/tags/"+tag, w.Git("rev-parse", "HEAD"))))
	if !strings.Contains(out, "greeter==0.1.0") || !strings.Contains(out, "nothing is promoted") {
		t.Errorf("the job printed %s", out)
	}
	var files []struct{ Name string }
	api := "/api/v1/packages/" + w.Lab.Forge.Owner + "/pypi/greeter/0.1.0/files"
	if err := w.Lab.Forge.API(t.Context(), http.MethodGet, api, w.Env["BLUMEOPS_FORGE_TOKEN"], nil, &files); err != nil || len(files) != 2 {
		t.Errorf("the forge has %v, %v", files, err)
	}
}
