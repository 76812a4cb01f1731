package internal

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "forge.ops.eblu.me/eblume/blumeops/"

// own are the packages of ours that a package may import, by prefix below magefiles/internal; those with a slash in front are below magefiles.
// What is not listed imports none.
var own = map[string][]string{
	"/targets": {"tasks"}, // and nothing large: mage loads its imports before each command
	"/site":    {"app", "settings", "tasks"},
	"settings": {"image", "secret"},
	"tasks":    {},
	"app": {
		"build", "publish", "promote", "changed", "containerrelease", "docsbuild", "docschangelog", "docsrelease", "list", "packagelist", "packagebuild", "packagepublish", "cijobs", // use cases
		"doctor", "drift", "validate", "adopt", // checks
		"builders",                                                                                                 // the engines of a build
		"settings", "tasks", "step", "gitops", "image", "python", "changelog", "dockerfile", "manifest", "docsite", // nouns and what use cases share
		"vcs", "argo", "console", "engine", "forge", "lab", "origin", "pipeline", "pyindex", "registry", "repo", "secret", "gitfetch", // adapters
		"procgroup", "content", "regular", "scratch", "trust", "disk", "staticshell",
	},

	// Use cases. None imports another, except that the tag of a container is checked like the publication that follows it.
	"build":            {"tasks", "step", "image", "dockerfile", "scratch"},
	"publish":          {"tasks", "step", "versions", "image", "vcs", "scratch", "plain"},
	"containerrelease": {"tasks", "step", "versions", "image", "vcs", "publish"},
	"promote":          {"tasks", "step", "versions", "image", "vcs", "gitops", "manifest"},
	"changed":          {"image"},
	"list":             {"image"},
	"packagelist":      {"python"},
	"packagebuild":     {"tasks", "step", "image", "python", "scratch"},
	"packagepublish":   {"step", "versions", "image", "vcs", "python", "scratch", "plain"},
	"docsbuild":        {"tasks", "step", "image", "vcs", "changelog", "docsite", "scratch"},
	"docschangelog":    {"tasks", "step", "image", "changelog", "regular"},
	"docsrelease":      {"tasks", "step", "versions", "image", "vcs", "gitops", "changelog", "manifest", "scratch", "plain"},
	"cijobs":           {"plain"},
	"step":             {},
	"versions":         {"image"},
	"gitops":           {"step", "vcs"},

	"builders":    {"image"},
	"image":       {"dockerfile", "plain"},
	"python":      {"image", "plain"},
	"pipeline":    {"image", "docsite", "python", "dockerfile", "content", "pipeline/", "trust", "procgroup", "regular"},
	"registry":    {"image", "httpx", "trust", "scratch"},
	"pyindex":     {"python", "httpx"},
	"repo":        {"image", "vcs", "httpx", "trust", "plain", "procgroup", "scratch"},
	"origin":      {"repo", "forge", "vcs"}, // the repository that is released from: both together
	"vcs":         {},
	"forge":       {"httpx", "vcs"},
	"argo":        {"httpx", "plain"},
	"httpx":       {"trust", "plain"},
	"frontmatter": {},
	"plain":       {},
	"regular":     {},
	"secret":      {"httpx", "procgroup"},
	"content":     {},
	"console":     {"plain"},
	"engine":      {"engine/", "toolbuild", "plain", "content", "procgroup", "scratch", "testenv", "httpx", "trust"},
	"lab":         {"lab/", "toolbuild", "docsite", "procgroup", "scratch", "testenv"},
	"e2e":         {"lab", "testenv"},
	"testenv":     {},
	"toolbuild":   {"procgroup"},
	"changelog":   {"vcs"},
	"docsite":     {"frontmatter", "regular", "vcs"},
	"scratch":     {},
	"gitfetch":    {"procgroup", "trust", "scratch"},
	"trust":       {"scratch", "plain"},
	"validate":    {"image", "changelog", "dockerfile", "frontmatter", "manifest", "plain"},
	"adopt":       {"image", "python", "docsite", "changelog", "settings", "validate/"},
	"doctor":      {"validate"},
	"drift":       {"image", "manifest", "validate"},
	"disk":        {},
	"staticshell": {"scratch"},
	"manifest":    {},
	"dockerfile":  {},
}

// reserved are modules that only some packages may import.
var reserved = map[string][]string{
	"dagger.io/dagger":                        {"engine", "pipeline"},
	"github.com/moby/buildkit":                {"engine", "dockerfile"}, // its parser and linter
	"github.com/go-git/go-git":                {"repo"},
	"github.com/go-git/go-billy":              {"repo"},
	"github.com/google/go-containerregistry":  {"registry"},
	"github.com/distribution/distribution":    {},
	"github.com/1password/onepassword-sdk-go": {"secret"},
	"github.com/magefile/mage":                {"/targets"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

// TestImports holds the packages to the layout that docs/explanation/layout.md describes.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...", "../targets", "../site").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; seen++ {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		check(t, p)
	}
	if seen < 10 {
		t.Fatalf("only %d packages were looked at", seen)
	}
}

// TestTargetsAreLight bounds what package targets imports. Mage runs `go list` on it twice before each command, which takes 0.4 s for 1,000 packages.
func TestTargetsAreLight(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../targets").Output()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out), "\n"); n > 150 {
		t.Errorf("package targets imports %d packages, at most 150: %s", n, out)
	}
}

// TestModulesOfTargets bounds the modules that a job without caches downloads before the first target. docs/explanation/speed.md says what they
// cost. Raise the number only for a module that most targets require.
func TestModulesOfTargets(t *testing.T) {
	cmd := exec.Command("go", "list", "-tags=mage", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "..")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0") // as in the image of the jobs, which has no C compiler
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	if modules = slices.Compact(modules); len(modules) < 100 || len(modules) > 166 {
		t.Errorf("the targets require %d modules, at most 166: %q", len(modules), modules)
	}
}

func check(t *testing.T, p listed) {
	name, ok := below(p.ImportPath)
	if !ok || strings.HasSuffix(name, "test") { // fakes of several packages' tests
		return
	}
	room := folder(name)
	for _, imported := range p.Imports {
		if ours, ok := below(imported); ok {
			if !slices.ContainsFunc(own[room], func(prefix string) bool {
				return ours == strings.TrimSuffix(prefix, "/") || strings.HasPrefix(ours, strings.TrimSuffix(prefix, "/")+"/")
			}) && ours != room && !strings.HasPrefix(ours, room+"/") {
				t.Errorf("%s imports %s: %s may import %v", name, ours, room, own[room])
			}
			continue
		}
		for prefix, rooms := range reserved {
			if strings.HasPrefix(imported, prefix) && !slices.Contains(rooms, room) {
				t.Errorf("%s imports %s, which is for %v", name, imported, rooms)
			}
		}
	}
}

// below is the path of a package of ours below magefiles/internal, or below magefiles with a slash in front.
func below(path string) (name string, ok bool) {
	if name, ok = strings.CutPrefix(path, module+"magefiles/internal/"); ok {
		return name, true
	}
	name, ok = strings.CutPrefix(path, module+"magefiles")
	return name, ok && name != "" && name != "/internal"
}

// folder is the first folder of such a path.
func folder(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	first, _, _ := strings.Cut(name, "/")
	return first
}
