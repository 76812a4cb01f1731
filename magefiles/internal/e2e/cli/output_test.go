package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// printing are runs that print on stdout, one for each target that does. Those of homelab need a forge, and are tried in package lifecycle.
var printing = map[string][]string{
	"adopt":             nil,
	"ci":                {"-only=validate"},
	"container:build":   {"files"},
	"container:changed": nil,
	"container:list":    nil,
	"container:publish": {"files", "v1.4.2", "-platform=linux/amd64"},
	"container:shell":   {"files", "-command=echo out"},
	"docs:changelog":    {"v0.1.0", "-draft"},
	"docs:serve":        {"-archive=out/site.tar.gz"},
	"engine:prune":      {"-all"},
	"engine:serve":      nil,
	"engine:status":     nil,
	"engine:up":         nil,
	"lab:env":           nil,
	"lab:status":        nil,
	"lab:up":            {"-parts=registry"},
	"package:build":     {"hello", "-output=out"},
	"package:list":      nil,
	"package:publish":   {"hello", "v1.0.0", "-dryrun"},
	"secrets:check":     nil,
	"validate":          nil,
}

// silent are the targets that print nothing on stdout.
var silent = []string{"engine:down", "lab:down"}

// TestResultsThatCannotBeWritten has every target that prints a result fail where its stdout is a full device, or a pipe that nobody reads.
func TestResultsThatCannotBeWritten(t *testing.T) {
	w := e2etest.NewWorkspace(t)
	w.WithLab()
	w.Mage("lab:up", "-parts=registry")
	w.UseLab()
	w.Env["BLUMEOPS_FORGE_TOKEN"] = "canary-forge-5c1b" // for secrets:check to find
	w.Write("docs/bad.md", "no title\n")
	w.Write("docs/changelog.d/1.feature.md", "Something new.\n")
	w.Write("towncrier.toml", "[tool.towncrier]\nfilename = \"CHANGELOG.md\"\ndirectory = \"docs/changelog.d\"\n")
	w.CommitAll("Go on")
	if err := e2etest.WriteNew(filepath.Join(w.Repo, "out", "site.tar.gz"), site(t)); err != nil {
		t.Fatal(err)
	}
	var covered []string
	for _, target := range slices.Sorted(maps.Keys(printing)) {
		covered = append(covered, target)
		t.Run(target, func(t *testing.T) {
			one := w.Clone(t)
			if target == "container:shell" {
				e2etest.NeedRuntime(t)
				testenv.Program(t, "busybox", "apt-get install busybox-static")
			}
			if target == "package:publish" {
				index := httptest.NewServer(http.NotFoundHandler()) // an index without projects
				defer index.Close()
				one.Env["BLUMEOPS_PACKAGES"], one.Env["BLUMEOPS_PACKAGE_INDEX"] = "python", index.URL+"/me/prod"
			}
			if target == "package:build" {
				registry, python := e2etest.NeedBase(t, testimage.PythonBackends())
				one.Env["BLUMEOPS_PACKAGES"], one.Env["BLUMEOPS_PYTHON_IMAGE"], one.Env["BLUMEOPS_PYTHON_REQUIREMENTS"] = "python", registry+"/"+python, "image"
			}
			if target == "engine:prune" { // not of what other tests build on
				one.Env["BLUMEOPS_ENGINE_STATE"] = filepath.Join(w.Dir, "state")
			}
			one.WantUnwritable(target, printing[target]...)
		})
	}
	covered = append(append(covered, e2etest.HomelabTargets...), silent...)
	for _, target := range listed.FindAllStringSubmatch(w.Mage("-l"), -1) {
		if !slices.Contains(covered, target[1]) {
			t.Errorf("%s: nothing tells whether it fails where its result cannot be written: add it to printing, inHomelab or silent", target[1])
		}
	}
	for _, variable := range []string{"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"} {
		for _, args := range [][]string{{"container:publish", "files", "v1.4.2", "-platform=linux/amd64"}, {"container:changed"}, {"ci", "-only=validate"}} {
			w.WantFullJobFile(variable, args...)
		}
	}
}

// site is an archive of a site.
func site(t *testing.T) []byte {
	t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	files := tar.NewWriter(zip)
	const page = "<p>open</p>"
	err := files.WriteHeader(&tar.Header{Name: "index.html", Mode: 0o644, Size: int64(len(page)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = files.Write([]byte(page))
	}
	for _, c := range []interface{ Close() error }{files, zip} {
		if closed := c.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}
