package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// docs builds on the lab's node:22-slim, with the npm registry that this machine is configured for.
func docs(t *testing.T, client *dagger.Client) pipeline.Docs {
	t.Helper()
	registry := labtest.Bases(t, lab.RegistryOptions{}, baseimage.NodeSlim())
	return pipeline.Docs{
		Connect: func(context.Context) (*pipeline.Client, error) { return client, nil },
		Image:   "node:22-slim",
		Site: pipeline.Site{
			Mirrors:  map[string]string{"docker.io/library/node": registry.Addr + "/library/node"},
			Packages: map[string]string{"NPM_CONFIG_REGISTRY": npmConfig(t, "registry"), "PIP_INDEX_URL": "http://127.0.0.1:1/not-for-npm"},
			CAFile:   npmConfig(t, "cafile"),
		},
		Step: func(name string) func(error) {
			begun := time.Now()
			return func(err error) { t.Logf("%s: %.1f s, %v", name, time.Since(begun).Seconds(), err) }
		},
	}
}

// npmConfig is a setting of this machine's npm, "" if it is not set.
func npmConfig(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("npm", "config", "get", name).Output()
	if err != nil {
		t.Fatalf("npm config get %s: %v", name, err)
	}
	value := strings.TrimSpace(string(out))
	if value == "null" || value == "undefined" {
		return ""
	}
	return value
}

const standIn = "../docsite/testdata/quartz"

// quartzSite stages docs for the stand-in of Quartz and builds them; it returns the folder of the site.
func quartzSite(t *testing.T, d pipeline.Docs, tree string, dates map[string]vcs.Dates) string {
	t.Helper()
	plan, err := docsite.Detect(os.DirFS(tree), "docs", docsite.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	staged, err := docsite.Stage(os.DirFS(tree), plan, docsite.Pages{Dates: dates, Time: time.Unix(1.6e9, 0)}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Abs(standIn)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "site")
	err = d.Build(t.Context(), docsite.Generation{
		Base: source, Overlay: staged.Overlay, Replaced: []string{"content"}, Times: staged.Times, Build: plan.Build, Output: plan.Output,
	}, to)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// write makes a tree of files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

var quartzDocs = map[string]string{
	"docs/quartz.config.ts":     `const config = { configuration: { pageTitle: "Our docs", baseUrl: "docs.example" } }`,
	"docs/quartz.layout.ts":     `export const shared = { footer: "our footer" }`,
	"docs/index.md":             "---\ntitle: Home\n---\n\nSee [[guide]].\n",
	"docs/how-to/guide.md":      "---\ntitle: Guide\ncreated: 2020-01-02\n---\n\nSteps.\n",
	"docs/plain.md":             "Nothing but text.\n",
	"docs/picture.svg":          "<svg/>",
	"docs/changelog.d/1.doc.md": "A fragment.\n",
}

func TestQuartz(t *testing.T) {
	d := docs(t, connect(t))
	moment := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	dates := map[string]vcs.Dates{
		"docs/index.md":        {Created: moment("2024-05-06T07:08:09+02:00"), Modified: moment("2025-06-07T08:09:10Z")},
		"docs/how-to/guide.md": {Created: moment("2024-05-06T07:08:09Z"), Modified: moment("2025-06-07T08:09:10Z")},
		"docs/plain.md":        {Modified: moment("2023-01-01T00:00:00Z")},
	}
	site := quartzSite(t, d, write(t, quartzDocs), dates)
	for name, want := range map[string][]string{
		"index.html":               {"Home | Our docs", "our footer", `datetime="2025-06-07T08:09:10.000Z"`, `data-on-disk="2025-06-07T08:09:10.000Z"`, `href="how-to/guide"`},
		"how-to/guide.html":        {`datetime="2020-01-02T00:00:00.000Z"`, `data-on-disk="2025-06-07T08:09:10.000Z"`},
		"plain.html":               {`datetime="2023-01-01T00:00:00.000Z"`},
		"how-to/index.html":        {"Folder: how-to"},
		"picture.svg":              {"<svg/>"},
		"static/contentIndex.json": {"2024-05-06T05:08:09.000Z"},
	} {
		text, err := os.ReadFile(filepath.Join(site, name))
		if err != nil {
			t.Error(err)
		}
		for _, w := range want {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s: missing %s:\n%s", name, w, text)
			}
		}
	}
	for _, name := range []string{"changelog.d", "quartz.config.ts", "quartz.layout.ts", "quartz.config.html"} {
		if _, err := os.Lstat(filepath.Join(site, name)); err == nil {
			t.Errorf("%s is in the site", name)
		}
	}
}

// A site that was built elsewhere, at another time, and without a cache, has the same archive.
func TestQuartzRepeats(t *testing.T) {
	d := docs(t, connect(t))
	var archives [2][]byte
	for i := range archives {
		files := map[string]string{}
		for name, text := range quartzDocs {
			files[name] = text
		}
		if i == 1 {
			files["docs/changelog.d/2.doc.md"] = "Not a page." // the site contains nothing of it, but the folder changes
		}
		dates := map[string]vcs.Dates{"docs/index.md": {Created: time.Unix(1e9, 0), Modified: time.Unix(1e9, 0)}, "docs/plain.md": {Modified: time.Unix(1e9, 0)}}
		if i == 1 {
			d.Site.Packages["NPM_CONFIG_LOGLEVEL"] = "warn" // npm ci runs again, and so do all later steps
		}
		site, err := os.OpenRoot(quartzSite(t, d, write(t, files), dates))
		if err != nil {
			t.Fatal(err)
		}
		before, err := site.ReadFile("postscript.js")
		if err != nil {
			t.Fatal(err)
		}
		if err := docsite.MakeReproducible(site); err != nil {
			t.Fatal(err)
		}
		if after, err := site.ReadFile("postscript.js"); err != nil || bytes.Equal(before, after) {
			t.Errorf("the script of the substitute is the same without the correction: %s, %v", after, err)
		}
		var archive bytes.Buffer
		if err := docsite.Pack(site, &archive, time.Unix(1.7e9, 0), "v1.2.3"); err != nil {
			t.Fatal(err)
		}
		archives[i] = archive.Bytes()
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two builds of the same docs differ")
	}
}

// A real generator, with the dependencies of its lock file, through this machine's npm registry.
func TestDocusaurus(t *testing.T) {
	if testing.Short() {
		t.Skip("installs Docusaurus: left out of -short")
	}
	d := docs(t, connect(t))
	tree, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := docsite.Detect(os.DirFS(tree), "docusaurus", docsite.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	staged, err := docsite.Stage(os.DirFS(tree), plan, docsite.Pages{Time: time.Unix(1.6e9, 0)}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "site")
	err = d.Build(t.Context(), docsite.Generation{Base: staged.Base, Overlay: staged.Overlay, Times: staged.Times, Build: plan.Build, Output: plan.Output}, to)
	if err != nil {
		var failed *pipeline.StepError
		if errors.As(err, &failed) {
			t.Log(failed.Stdout, failed.Stderr)
		}
		t.Fatal(err)
	}
	for name, want := range map[string]string{"index.html": "The first page, with a link to", "guide/index.html": "The second page.", "404.html": "Docusaurus"} {
		if text, err := os.ReadFile(filepath.Join(to, filepath.FromSlash(name))); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: missing %q (%v)", name, want, err)
		}
	}
	site, err := os.OpenRoot(to)
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	if err := docsite.Pack(site, io.Discard, time.Unix(1.7e9, 0), "v1.2.3"); err != nil {
		t.Error(err)
	}
}

func TestDocsThatCannotBeBuilt(t *testing.T) {
	d := docs(t, connect(t))
	source, err := filepath.Abs(standIn)
	if err != nil {
		t.Fatal(err)
	}
	overlay := write(t, map[string]string{"content/index.md": "x"})
	site := func(output string, build ...string) docsite.Generation {
		return docsite.Generation{Base: source, Overlay: overlay, Replaced: []string{"content"}, Build: build, Output: output}
	}
	missing := d
	missing.Image = "node:0-missing"
	var failed *pipeline.StepError
	for name, c := range map[string]struct {
		docs pipeline.Docs
		site docsite.Generation
		says string
		hint string
		code int
	}{
		"image":   {docs: missing, site: site("public", "true"), says: "base image node:0-missing", hint: "BLUMEOPS_NODE_IMAGE"},
		"output":  {docs: d, site: site("elsewhere", "true"), says: "true succeeded, but did not write the folder elsewhere", hint: "BLUMEOPS_DOCS_OUTPUT"},
		"command": {docs: d, site: site("public", "npx", "--no", "quartz", "serve"), says: "npx --no quartz serve: exit code 1", code: 1},
		"program": {docs: d, site: site("public", "npx", "--no", "not-there"), says: "npx --no not-there: exit code", code: 1},
	} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "site")
			err := c.docs.Build(t.Context(), c.site, to)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want %q", err, c.says)
			}
			var hinter interface{ Hint() string }
			if c.hint != "" && (!errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), c.hint)) {
				t.Errorf("no hint %q: %v", c.hint, err)
			}
			if c.code != 0 && (!errors.As(err, &failed) || failed.Code != c.code || failed.Stderr == "") {
				t.Errorf("%+v", failed)
			}
			if _, err := os.Lstat(to); err == nil {
				t.Error("something was written")
			}
		})
	}
	if err := missing.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "node:0-missing") {
		t.Errorf("Check: %v", err)
	}
	if err := d.Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
}
