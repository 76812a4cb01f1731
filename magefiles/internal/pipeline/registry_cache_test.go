package pipeline_test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// commands are the commands that an engine ran.
type commands struct {
	mu  sync.Mutex
	ran []string
}

func (c *commands) event(e engine.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.State == engine.Done && (strings.HasPrefix(e.Name, "exec ") || strings.Contains(e.Name, "RUN ")) {
		c.ran = append(c.ran, e.Name)
	}
}

// onNewMachine opens a session of an engine without any state, with a cache in a registry.
func onNewMachine(t *testing.T, r *lab.Registry) (*engine.Session, *commands) {
	t.Helper()
	opts, ran := enginetest.Fresh(t, t.TempDir()), &commands{}
	opts.Events = ran.event
	opts.Cache = &engine.Cache{
		Remote: registry.New(registry.Options{}).Repository(image.Reference{Registry: r.Addr, Repository: "blumeops/cache"}),
		Warn:   func(err error) { t.Errorf("the cache in the registry: %v", err) },
	}
	return enginetest.Connect(t, opts), ran
}

// clock is a program that writes the time into a file.
const clock = `package main

import ("os"; "time")

func main() { os.WriteFile(os.Args[1], []byte(time.Now().String()), 0o600) }
`

// site is a website whose installation and whose generator write the time.
var site = map[string]string{
	"package.json":      `{"name":"site","version":"1.0.0","scripts":{"install":"node stamp.js installed"}}`,
	"package-lock.json": `{"name":"site","version":"1.0.0","lockfileVersion":3,"requires":true,"packages":{"":{"name":"site","version":"1.0.0","hasInstallScript":true}}}`,
	"stamp.js":          `const fs = require("fs"); fs.mkdirSync("out", {recursive: true}); fs.writeFileSync("out/" + process.argv[2], String(process.hrtime.bigint()))`,
}

// clockBackend is ownBackend, except that it writes the time into the metadata.
var clockBackend = strings.ReplaceAll(ownBackend, `"Metadata-Version: 2.1\nName: hello\nVersion: 1.2.0\n"`,
	`"Metadata-Version: 2.1\nName: hello\nVersion: 1.2.0\nKeywords: " + str(__import__("time").time_ns()) + "\n"`)

// built is the content of everything that a machine builds, by name.
type built map[string]string

// buildAll builds a Dockerfile, a Go container, a website and a Python package in a session, from a checkout at a path of its own.
func buildAll(t *testing.T, s *engine.Session, docs pipeline.Docs, packages pipeline.Python, page, source string) built {
	t.Helper()
	out := built{}
	b := images(t, s.Client, map[string]string{
		"containers/web/Dockerfile": "FROM scratch\nCOPY clock /clock\nRUN [\"/clock\", \"/first\"]\nCOPY page /page\nRUN [\"/clock\", \"/second\"]\n",
		"containers/web/page":       page, "clock/main.go": clock,
	})
	b.Cached = engine.WithCacheEntry
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(b.Root, "containers/web/clock"), "./clock")
	cmd.Dir, cmd.Env = b.Root, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	web := export(t, b, pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{amd64}}})[0]
	out["first RUN"], out["second RUN"] = web.contents["/first"], web.contents["/second"]

	g := images(t, s.Client, map[string]string{"containers/tool/main.go": "package main\n\nfunc main() { println(`" + page + "`) }\n"})
	g.Cached = engine.WithCacheEntry
	tool := export(t, g, pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, g), Platforms: []image.Platform{amd64}}})[0]
	out["Go program"] = strings.Join(tool.layers, " ")

	overlay := maps.Clone(site)
	overlay["page.md"] = page
	to := filepath.Join(t.TempDir(), "site")
	docs.Connect, docs.Cached = connected(s.Client), engine.WithCacheEntry
	if err := docs.Build(t.Context(), docsite.Generation{
		Base: write(t, site), Overlay: write(t, overlay), Build: []string{"node", "stamp.js", "generated"}, Output: "out",
	}, to); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"installed", "generated"} {
		text, err := os.ReadFile(filepath.Join(to, name))
		if err != nil {
			t.Fatal(err)
		}
		out["docs "+name] = string(text)
	}

	packages.Connect, packages.Cached = connected(s.Client), engine.WithCacheEntry
	project := generation(t, projects["own backend"])
	for name, text := range map[string]string{"tools/own.py": clockBackend, "hello/__init__.py": source} {
		if err := os.WriteFile(filepath.Join(project.Source, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, d := range builds(t, packages, project) {
		out["package "+name] = d.SHA256
	}
	return out
}

// A machine without any state builds containers, docs and packages from the cache in the registry, without running a command. After a change it
// runs what is based on the change.
func TestNewMachinesRunOnlyWhatChanged(t *testing.T) {
	testenv.Slow(t, "starts three engines")
	labtest.Need(t, lab.PartRegistry)
	r, err := lab.StartRegistry(context.Background(), lab.Home{}, lab.RegistryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	docs, packages := docs(t, nil), pythons(t, nil)
	one, ran := onNewMachine(t, r)
	first := buildAll(t, one, docs, packages, "one", "GREETING = 1\n")
	one.SaveCache(t.Context())
	all := slices.Clone(ran.ran)

	two, ran := onNewMachine(t, r)
	if again := buildAll(t, two, docs, packages, "one", "GREETING = 1\n"); !maps.Equal(again, first) {
		t.Errorf("built %q\nfirst %q", again, first)
	}
	if len(ran.ran) > 0 || len(all) < 6 {
		t.Errorf("ran %q, first %q", ran.ran, all)
	}

	three, ran := onNewMachine(t, r)
	changed := buildAll(t, three, docs, packages, "two", "GREETING = 2\n")
	for name := range first {
		same := name == "first RUN" || name == "docs installed"
		if (changed[name] == first[name]) != same {
			t.Errorf("%s with a change: %q, first %q", name, changed[name], first[name])
		}
	}
	if len(ran.ran) == 0 || len(ran.ran) >= len(all) {
		t.Errorf("with a change ran %q, first %q", ran.ran, all)
	}
}
