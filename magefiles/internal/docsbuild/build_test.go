package docsbuild_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsbuild"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// quartz returns a source that CheckQuartz accepts, and records whether it was released.
type quartz struct {
	text     string
	dir      string
	err      error
	released *int
}

func (q quartz) String() string { return q.text }
func (q quartz) Pinned() bool   { return strings.HasSuffix(q.text, "#"+strings.Repeat("a", 40)) }
func (q quartz) Fetch(context.Context) (string, string, func() error, error) {
	return q.dir, strings.Repeat("a", 40), func() error { *q.released++; return nil }, q.err
}

type quartzes struct{ quartz }

func (q quartzes) Find(text string) (docsbuild.Source, error) {
	if strings.HasPrefix(text, "-") {
		return nil, errors.New("no source")
	}
	q.text = text
	return q.quartz, nil
}

// generator copies the pages, as files of the site.
type generator struct {
	t     *testing.T
	runs  []docsite.Generation
	err   error
	check error
}

func (g *generator) Check(context.Context) error { return g.check }

func (g *generator) Generate(_ context.Context, r docsite.Generation, to string) error {
	g.runs = append(g.runs, r)
	if g.err != nil {
		return g.err
	}
	from := r.Overlay
	if len(r.Replaced) > 0 {
		from = filepath.Join(r.Overlay, "content")
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	text := `<ul class="overflow" id="list-` + strings.Repeat("1", len(g.runs)) + `"></ul>` // a different one each time
	return os.WriteFile(filepath.Join(to, "index.html"), []byte(text), 0o600)
}

// docs are a task.Build in a folder of its own, which is the working directory.
func docs(t *testing.T, files map[string]string) (build docsbuild.Build, g *generator, released *int) {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	t.Cleanup(func() {
		if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	source := t.TempDir()
	for name, text := range map[string]string{"package.json": `{"bin": {"quartz": "x"}}`, "package-lock.json": "{}"} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	g, released = &generator{t: t}, new(int)
	return docsbuild.Build{
		Tree:     tree,
		Settings: docsbuild.Settings{Dir: "docs", Source: "https://forge.example/quartz#" + strings.Repeat("a", 40), Image: "node:22-slim", Channels: image.Channels{"dev", "test"}},
		Dates: func(_ context.Context, under string) (map[string]vcs.Dates, error) {
			if under == "docs" {
				under = "docs/index.md"
			}
			return map[string]vcs.Dates{under: {Created: time.Unix(1e9, 0), Modified: time.Unix(1.1e9, 0)}}, nil
		},
		Find: quartzes{quartz{dir: source, released: released}}.Find, Sites: g,
	}, g, released
}

var pages = map[string]string{
	"docs/index.md": "# Home\n", "docs/quartz.config.ts": "config", "docs/changelog.d/1.doc.md": "x", "docs/news/1.doc.md": "x",
	"towncrier.toml": "[tool.towncrier]\ndirectory = \"docs/news\"\nfilename = \"CHANGELOG.md\"\n",
}

func TestBuildDocs(t *testing.T) {
	build, g, released := docs(t, pages)
	var steps, notes []string
	build.Watch = func(step string) func(error) { steps = append(steps, step); return func(error) {} }
	build.Note = func(text string) { notes = append(notes, text) }
	args := tasks.DocsArgs{Version: "v1.2.3", Time: time.Unix(1.7e9, 0)}
	built, err := build.Run(t.Context(), args)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := os.ReadFile("docs-v1.2.3.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(archive)
	want := docsbuild.Result{
		File: "docs-v1.2.3.tar.gz", Version: "v1.2.3", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(archive)), Generator: "quartz", Source: build.Settings.Source,
	}
	if built != want || built.String() != "docs-v1.2.3.tar.gz sha256:"+want.SHA256 {
		t.Errorf("got %+v, want %+v", built, want)
	}
	if got := strings.Join(steps, "\n"); got != "read docs\nfetch "+build.Settings.Source+"\nbuild docs\nwrite docs-v1.2.3.tar.gz" || len(notes) > 0 {
		t.Errorf("steps %q, notes %q", steps, notes)
	}
	content, err := docsite.Unpack(t.TempDir(), bytes.NewReader(archive), docsite.MaxUnpacked)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	for name := range g.runs[0].Times {
		if !slices.Contains([]string{"content/index.md", "content/CHANGELOG.md", "quartz.config.ts"}, name) {
			t.Errorf("the generator was given %s", name)
		}
	}
	if *released != 1 {
		t.Errorf("the source was released %d times", *released)
	}
	r := g.runs[0]
	if r.Env["TZ"] != "UTC" || r.Env["SOURCE_DATE_EPOCH"] != "1700000000" || !r.Times["content/index.md"].Equal(time.Unix(1.1e9, 0)) || strings.Join(r.Replaced, " ") != "content public" {
		t.Errorf("the generator was given %+v", r)
	}
	// Again, over the existing archive, while the generator's ids differ.
	again, err := build.Run(t.Context(), args)
	if err != nil || again.SHA256 != built.SHA256 {
		t.Errorf("again: %+v, %v", again, err)
	}
	if left, err := os.ReadDir("."); err != nil || len(left) != 1 {
		t.Errorf("beside the archive there are %v, %v", left, err)
	}
}

func TestBuildDocsOfAnotherGenerator(t *testing.T) {
	build, g, released := docs(t, map[string]string{"docs/package.json": `{"scripts": {"build": "x"}, "dependencies": {"astro": "1"}}`, "docs/package-lock.json": "{}", "docs/a.md": "a"})
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	build.Settings.Zone = zone
	built, err := build.Run(t.Context(), tasks.DocsArgs{Output: "site.tar.gz"})
	if err != nil || built.File != "site.tar.gz" || built.Version != "dev" || built.Generator != "node" || built.Source != "" || *released != 0 {
		t.Errorf("%+v, %v", built, err)
	}
	if r := g.runs[0]; r.Base == r.Overlay || len(r.Replaced) > 0 || strings.Join(r.Build, " ") != "npm run build" || r.Output != "dist" || r.Env["TZ"] != "Europe/Berlin" {
		t.Errorf("the generator was given %+v", r)
	}
	if _, err := build.Run(t.Context(), tasks.DocsArgs{Source: "../quartz"}); err == nil || !strings.Contains(err.Error(), "has its own generator") {
		t.Errorf("with -source: %v", err)
	}
}

func TestBuildDocsRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		args   tasks.DocsArgs
		change func(*docsbuild.Build)
		says   string
	}{
		"version":          {args: tasks.DocsArgs{Version: "1.2"}, says: `"1.2"`},
		"output":           {args: tasks.DocsArgs{Output: "docs.zip"}, says: "expected FILE.tar.gz"},
		"output's folder":  {args: tasks.DocsArgs{Output: "no/docs.tar.gz"}, says: "not found; create it first"},
		"output is folder": {args: tasks.DocsArgs{Output: "folder.tar.gz"}, says: "is not a file"},
		"source":           {args: tasks.DocsArgs{Source: "-x"}, says: "no source"},
		"docs":             {change: func(b *docsbuild.Build) { b.Settings.Dir = "other" }, says: "other: cannot be read"},
		"branch":           {change: func(b *docsbuild.Build) { b.Settings.Source = "https://forge.example/quartz#v4" }, says: "names a branch or a tag"},
	} {
		t.Run(name, func(t *testing.T) {
			build, g, _ := docs(t, pages)
			if err := os.Mkdir("folder.tar.gz", 0o755); err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				c.change(&build)
			}
			build.Watch = func(step string) func(error) { t.Errorf("began with %s", step); return func(error) {} }
			if _, err := build.Run(t.Context(), c.args); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %q", err, c.says)
			}
			if err := build.Check(t.Context(), c.args); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Check: error %v, want %q", err, c.says)
			}
			if len(g.runs) > 0 {
				t.Error("the generator ran")
			}
		})
	}
}

func TestBuildDocsFails(t *testing.T) {
	broken := errors.New("broken")
	for name, change := range map[string]func(*docsbuild.Build, *generator){
		"read docs": func(b *docsbuild.Build, _ *generator) {
			b.Dates = func(context.Context, string) (map[string]vcs.Dates, error) { return nil, broken }
		},
		"build docs": func(_ *docsbuild.Build, g *generator) { g.err = broken },
		"fetch":      func(b *docsbuild.Build, _ *generator) { b.Find = quartzes{quartz{err: broken}}.Find },
	} {
		t.Run(name, func(t *testing.T) {
			build, g, _ := docs(t, pages)
			change(&build, g)
			if _, err := build.Run(t.Context(), tasks.DocsArgs{}); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), name) {
				t.Errorf("error %v", err)
			}
			if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
	build, g, released := docs(t, pages)
	g.check = broken
	if err := build.Check(t.Context(), tasks.DocsArgs{}); !errors.Is(err, broken) || *released != 1 {
		t.Errorf("Check: %v, released %d times", err, *released)
	}
	build.Tree = fstest.MapFS{"docs/index.md": {Data: []byte("x"), Mode: fs.ModeNamedPipe}}
	if _, err := build.Run(t.Context(), tasks.DocsArgs{}); err == nil || !strings.Contains(err.Error(), "docs/index.md: is neither") {
		t.Errorf("error %v", err)
	}
}

// Notes name a branch's commit, and the source of the configuration.
func TestBuildDocsNotes(t *testing.T) {
	build, _, _ := docs(t, map[string]string{"docs/index.md": "x"})
	var notes []string
	build.Note = func(text string) { notes = append(notes, text) }
	built, err := build.Run(t.Context(), tasks.DocsArgs{Source: "https://forge.example/fork#main"})
	if err != nil {
		t.Fatal(err)
	}
	commit := strings.Repeat("a", 40)
	if got := strings.Join(notes, "\n"); !strings.Contains(got, "neither quartz.config.ts") || !strings.Contains(got, "#main is at commit "+commit) || built.Source != "https://forge.example/fork#main at "+commit {
		t.Errorf("notes %q, source %q", notes, built.Source)
	}
}

func TestBuilderOfDocs(t *testing.T) {
	build, _, _ := docs(t, pages)
	one := build.Builder()
	for what, change := range map[string]func(*docsbuild.Settings){
		"source": func(s *docsbuild.Settings) { s.Source = "other" }, "image": func(s *docsbuild.Settings) { s.Image = "other" },
		"command": func(s *docsbuild.Settings) { s.Site.Build = "other" }, "zone": func(s *docsbuild.Settings) { s.Zone = time.FixedZone("X", 0) },
	} {
		other := build
		if change(&other.Settings); other.Builder() == one {
			t.Errorf("another %s, the same builder", what)
		}
	}
}
