package pipeline_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust/trusttest"
)

// pythons builds on the substitute for Python's image that has Debian's build backends.
func pythons(t *testing.T, client *dagger.Client) pipeline.Python {
	t.Helper()
	image := testimage.PythonBackends()
	registry := labtest.Bases(t, lab.RegistryOptions{}, image)
	return pipeline.Python{
		Connect: func(context.Context) (*pipeline.Client, error) { return client, nil },
		Image:   "python:" + image.Tag, Offline: true,
		Site: pipeline.Site{Mirrors: map[string]string{"docker.io/library/python": registry.Addr + "/library/python"}},
	}
}

// projects are a project for each build backend. All of them make the module hello.
var projects = map[string]string{
	"setuptools":     "[build-system]\nrequires = [\"setuptools>=61\", \"wheel\"]\nbuild-backend = \"setuptools.build_meta\"\n[project]\nname = \"hello\"\nversion = \"1.2.0\"\n",
	"hatchling":      "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n[project]\nname = \"hello\"\nversion = \"1.2.0\"\n",
	"poetry":         "[build-system]\nrequires = [\"poetry-core>=1\"]\nbuild-backend = \"poetry.core.masonry.api\"\n[tool.poetry]\nname = \"hello\"\nversion = \"1.2.0\"\ndescription = \"\"\nauthors = []\n",
	"setuptools-scm": "[build-system]\nrequires = [\"setuptools>=61\", \"wheel\", \"setuptools-scm\"]\nbuild-backend = \"setuptools.build_meta\"\n[project]\nname = \"hello\"\ndynamic = [\"version\"]\n[tool.setuptools_scm]\n",
	"hatch-vcs":      "[build-system]\nrequires = [\"hatchling\", \"hatch-vcs\"]\nbuild-backend = \"hatchling.build\"\n[project]\nname = \"hello\"\ndynamic = [\"version\"]\n[tool.hatch.version]\nsource = \"vcs\"\n",
	"legacy":         "[build-system]\nrequires = [\"setuptools\", \"wheel\"]\n[project]\nname = \"hello\"\nversion = \"1.2.0\"\n",
	"own backend":    "[build-system]\nrequires = []\nbuild-backend = \"own:backend.hooks\"\nbackend-path = [\"tools\"]\n[project]\nname = \"hello\"\nversion = \"1.2.0\"\n",
}

// ownBackend is a build backend in the project, with the hooks of PEP 517 alone.
const ownBackend = `
import io, os, tarfile, zipfile

METADATA = "Metadata-Version: 2.1\nName: hello\nVersion: 1.2.0\n"

class hooks:
    @staticmethod
    def build_sdist(folder, settings=None):
        with tarfile.open(os.path.join(folder, "hello-1.2.0.tar.gz"), "w:gz") as archive:
            info = tarfile.TarInfo("hello-1.2.0/PKG-INFO")
            info.size = len(METADATA)
            archive.addfile(info, io.BytesIO(METADATA.encode()))
            archive.add("tools", "hello-1.2.0/tools")
        return "hello-1.2.0.tar.gz"

    @staticmethod
    def build_wheel(folder, settings=None, metadata=None):
        with zipfile.ZipFile(os.path.join(folder, "hello-1.2.0-py3-none-any.whl"), "w") as archive:
            archive.writestr(zipfile.ZipInfo("hello-1.2.0.dist-info/METADATA"), METADATA)
        return "hello-1.2.0-py3-none-any.whl"

class backend:
    hooks = hooks
`

var madeAt = time.Unix(1.6e9, 0)

// generation is the build of a project from a new folder.
func generation(t *testing.T, pyproject string) python.Generation {
	t.Helper()
	dir := write(t, map[string]string{
		"pyproject.toml": pyproject, "hello/__init__.py": "def greet():\n    return 'hello'\n", "hello/part/__init__.py": "", "hello/part/b.py": "B = 1\n", "tools/own.py": ownBackend,
	})
	p, err := python.Open(os.DirFS(dir), ".")
	if err != nil {
		t.Fatal(err)
	}
	version, err := python.Release("v1.2.0")
	if err != nil {
		t.Fatal(err)
	}
	return p.Generation(dir, madeAt, version)
}

// builds builds a project, and returns its files by name.
func builds(t *testing.T, p pipeline.Python, g python.Generation) map[string]python.Dist {
	t.Helper()
	to := filepath.Join(t.TempDir(), "dist")
	if err := p.Build(t.Context(), g, to); err != nil {
		var failed *pipeline.StepError
		if errors.As(err, &failed) {
			t.Log(failed.Stdout, failed.Stderr)
		}
		t.Fatal(err)
	}
	entries, err := os.ReadDir(to)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]python.Dist{}
	for _, e := range entries {
		d, err := python.ReadDist(filepath.Join(to, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[d.Name] = d
	}
	return found
}

// TestPythonRepeats builds a package with each build backend twice: from another folder, at another time, without a cache. The wheels are equal
// byte for byte, and the sdists are after Repack.
func TestPythonRepeats(t *testing.T) {
	p := pythons(t, connect(t))
	for name, text := range projects {
		t.Run(name, func(t *testing.T) {
			if name != "legacy" {
				testenv.Slow(t, "builds a package twice with another build backend")
			}
			var sums [2]map[string]string
			for i := range sums {
				g := generation(t, text)
				g.Env["BUILD_NUMBER"] = fmt.Sprint(i) // all later steps run again
				sums[i] = map[string]string{}
				for _, d := range builds(t, p, g) {
					if d.Metadata.Name != "hello" || d.Metadata.Version.String() != "1.2.0" {
						t.Errorf("%s: %+v", d.Name, d.Metadata)
					}
					sums[i][d.Name] = d.SHA256
					if d.Kind == python.Sdist && d.Newest.After(madeAt) {
						var packed bytes.Buffer
						if err := d.Repack(madeAt, &packed); err != nil {
							t.Fatal(err)
						}
						sums[i][d.Name] = sha256Of(packed.String())
					}
				}
			}
			if len(sums[0]) != 2 || !maps.Equal(sums[0], sums[1]) {
				t.Errorf("built twice: %v, %v", sums[0], sums[1])
			}
		})
	}
}

// A build installs its requirements from an index, and nothing that the image has.
func TestPythonIndex(t *testing.T) {
	p := pythons(t, connect(t))
	p.Offline = false
	p.Site.Packages = map[string]string{"PIP_INDEX_URL": "http://user:s3cret-canary@" + index(t) + "/simple", "NPM_CONFIG_REGISTRY": "http://127.0.0.1:1"}
	text := ownIndexProject()
	if found := builds(t, p, generation(t, text)); len(found) != 2 {
		t.Errorf("found %v", found)
	}
	err := p.Build(t.Context(), generation(t, projects["hatchling"]), filepath.Join(t.TempDir(), "dist"))
	var hinter interface{ Hint() string }
	if err == nil || err.Error() != "pip install hatchling: exit code 1" || !errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), "PIP_INDEX_URL") {
		t.Errorf("a requirement that the index does not have: %v", err)
	}
	var failed *pipeline.StepError
	if errors.As(err, &failed) && (!strings.Contains(failed.Stderr, "No matching distribution found for hatchling") || strings.Contains(failed.Stdout+failed.Stderr, "s3cret")) {
		t.Errorf("pip printed %s%s", failed.Stdout, failed.Stderr)
	}
}

// index serves indexHandler over plain HTTP. It returns its address.
func index(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: indexHandler(t)}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}

// An index with a certificate of the site's own authority is trusted with CAFile, and otherwise refused with a hint.
func TestPythonIndexWithOwnAuthority(t *testing.T) {
	server, authority := trusttest.Server(t, trusttest.None, indexHandler(t))
	p := pythons(t, connect(t))
	p.Offline = false
	p.Site.Packages = map[string]string{
		"PIP_INDEX_URL": strings.Replace(server.URL, "://", "://user:s3cret-canary@", 1) + "/simple", "PIP_RETRIES": "0",
	}
	p.Site.CAFile = authority
	text := ownIndexProject()
	if found := builds(t, p, generation(t, text)); len(found) != 2 {
		t.Errorf("found %v", found)
	}
	p.Site.CAFile = ""
	err := p.Build(t.Context(), generation(t, strings.Replace(text, "==1.0", "<2", 1)), filepath.Join(t.TempDir(), "dist"))
	var hinter interface{ Hint() string }
	if err == nil || !errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), "BLUMEOPS_CA_FILE") {
		var failed *pipeline.StepError
		errors.As(err, &failed)
		t.Errorf("without the authority: %v: %+v", err, failed)
	}
}

// ownIndexProject is a project whose build backend is only in the index of the tests.
func ownIndexProject() string {
	text := strings.Replace(projects["own backend"], "[]", `["tiny-backend==1.0"]`, 1)
	text = strings.Replace(text, "own:backend.hooks", "tiny_backend:backend.hooks", 1)
	return strings.Replace(text, "backend-path = [\"tools\"]\n", "", 1)
}

// indexHandler is a package index with one package, tiny-backend. It requires a password.
func indexHandler(t *testing.T) http.Handler {
	t.Helper()
	var wheel bytes.Buffer
	archive := zip.NewWriter(&wheel)
	for name, text := range map[string]string{
		"tiny_backend.py": ownBackend, "tiny_backend-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny-backend\nVersion: 1.0\n",
		"tiny_backend-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n", "tiny_backend-1.0.dist-info/RECORD": "",
	} {
		f, err := archive.Create(name)
		if err == nil {
			_, err = io.WriteString(f, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	const file = "tiny_backend-1.0-py3-none-any.whl"
	mux.HandleFunc("/simple/tiny-backend/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><a href="/files/%s#sha256=%s">%s</a>`, file, sha256Of(wheel.String()), file)
	})
	mux.HandleFunc("/files/"+file, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(wheel.Bytes()) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "s3cret-canary" {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func TestPythonThatCannotBeBuilt(t *testing.T) {
	p := pythons(t, connect(t))
	missing := p
	missing.Image = "python:0-missing"
	for name, c := range map[string]struct {
		python     pipeline.Python
		text       string
		says, hint string
	}{
		"image":       {missing, projects["legacy"], "base image python:0-missing", "BLUMEOPS_PYTHON_IMAGE"},
		"requirement": {p, strings.Replace(projects["legacy"], "wheel", "not-there>1", 1), "pip install setuptools not-there>1: exit code 1", "BLUMEOPS_PYTHON_REQUIREMENTS=index"},
		"an option":   {p, strings.Replace(projects["legacy"], "wheel", "--index-url=http://127.0.0.1:1", 1), "pip install setuptools --index-url=", ""},
		"backend":     {p, strings.Replace(projects["own backend"], "own:", "not_there:", 1), "requires", ""},
	} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "dist")
			err := c.python.Build(t.Context(), generation(t, c.text), to)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want %q", err, c.says)
			}
			var hinter interface{ Hint() string }
			if c.hint != "" && (!errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), c.hint)) {
				t.Errorf("no hint %q: %v", c.hint, err)
			}
			if _, err := os.Lstat(to); err == nil {
				t.Error("something was written")
			}
		})
	}
}
