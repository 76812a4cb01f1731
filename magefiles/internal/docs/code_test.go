package docs

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/objects"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/schema"
)

var update = flag.Bool("update", false, "write the part of docs/reference/engine-api.md that comes from the code")

// requirements are the direct requirements of a go.mod: for code, or for a tool.
func requirements(t *testing.T, file string) []string {
	t.Helper()
	text := read(t, file).text
	mod, err := modfile.Parse(file, []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, r := range mod.Require {
		isTool := slices.ContainsFunc(mod.Tool, func(tool *modfile.Tool) bool {
			return tool.Path == r.Mod.Path || strings.HasPrefix(tool.Path, r.Mod.Path+"/")
		})
		if !r.Indirect || isTool {
			found = append(found, r.Mod.Path)
		}
	}
	if len(found) == 0 {
		t.Errorf("%s requires nothing", file)
	}
	return found
}

// modules are the go.mod files of this project, including the one at the root; test data is left out.
func modules(t *testing.T) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.Name() == "go.mod":
			found = append(found, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var moduleCell = regexp.MustCompile("(?m)^\\| `([a-z0-9.-]+\\.[a-z]+/[^`]*)` \\|")

func TestDependenciesAreExplained(t *testing.T) {
	explanation := read(t, "docs/explanation/dependencies.md")
	explained := map[string]bool{}
	for _, m := range moduleCell.FindAllStringSubmatch(explanation.text, -1) {
		explained[m[1]] = true
	}
	required := map[string]bool{}
	for _, file := range modules(t) {
		if !strings.Contains(explanation.text, "`"+file+"`") {
			t.Errorf("%s: %s is not named", explanation.path, file)
		}
		for _, module := range requirements(t, file) {
			required[module] = true
			if !explained[module] {
				t.Errorf("%s: %s of %s has no row", explanation.path, module, file)
			}
		}
	}
	for module := range explained {
		if !required[module] {
			t.Errorf("%s: nothing requires %s any more", explanation.path, module)
		}
	}
}

func TestPackagesAreDescribed(t *testing.T) {
	layout := read(t, "docs/explanation/layout.md")
	entries, err := os.ReadDir(filepath.Join(root, "magefiles", "internal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.Contains(layout.section(t, "## The packages"), "\n| `"+e.Name()+"` |") {
			t.Errorf("%s: the package %s has no row", layout.path, path.Join("magefiles/internal", e.Name()))
		}
	}
}

// TestAPIPage writes the section of the engine's API from the resolvers and the schema, and compares it with the page. -update writes the page.
func TestAPIPage(t *testing.T) {
	const heading = "## What is answered"
	reference := read(t, "docs/reference/engine-api.md")
	old, want := reference.section(t, heading), answered()
	if old == want {
		return
	}
	if !*update {
		t.Fatalf("%s: the section %q is not what the engine answers: go test ./magefiles/internal/docs -update\n%s", reference.path, heading, want)
	}
	text := strings.Replace(reference.text, heading+"\n"+old, heading+"\n"+want, 1)
	if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(reference.path)), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// noFields are objects without fields of their own, and the fields that take them.
var noFields = map[string]string{
	"CacheVolume": "Pass it to `withMountedCache`.",
	"Socket":      "Pass it to `withUnixSocket`, to `git`, or to `dockerBuild` for `RUN --mount=type=ssh` and for `ADD` of a repository over SSH.",
}

// The page shows the message of a field that is really refused.
func TestAPIPageShowsARefusedField(t *testing.T) {
	text := read(t, "docs/reference/engine-api.md").text
	example := regexp.MustCompile(`(?m)^(\w+)\.(\w+) is not supported by the embedded engine`).FindStringSubmatch(text)
	if example == nil {
		t.Fatal("no message of a refused field")
	}
	_, object, _ := strings.Cut(answered(), "\n### "+example[1]+"\n")
	object, _, _ = strings.Cut(object, "\n### ")
	if _, refused, _ := strings.Cut(object, "\nRefused: "); !strings.Contains(refused, "`"+example[2]+"`") {
		t.Errorf("%s.%s is not refused", example[1], example[2])
	}
}

// answered is the section about the fields that the engine answers, and those of the same objects that it refuses.
func answered() string {
	types, offered := schema.Load().Types, objects.Resolvers()
	names := slices.Sorted(maps.Keys(offered))
	first := []string{"Query", "Container", "Directory", "File", "Host"}
	names = append(first, slices.DeleteFunc(names, func(name string) bool { return slices.Contains(first, name) })...)
	var out strings.Builder
	out.WriteString("\n`id`, `__typename`, introspection (`__schema`, `__type`), `node` and `loadTYPEFromID` are answered for every object below. All other fields of these objects are listed as refused.\n\n")
	for _, name := range names {
		fmt.Fprintf(&out, "### %s\n\n", name)
		switch {
		case name == "Container":
			for _, g := range objects.ContainerGroups() {
				fmt.Fprintf(&out, "- %s: %s\n", g.Title, quoted(slices.Collect(maps.Keys(g.Fields))))
			}
			out.WriteString("\n")
		case len(offered[name]) == 0:
			fmt.Fprintf(&out, "It has no other fields. %s\n\n", noFields[name])
		default:
			fmt.Fprintf(&out, "%s\n\n", quoted(slices.Collect(maps.Keys(offered[name]))))
		}
		var refused []string
		for _, f := range types[name].Fields {
			if offered[name][f.Name] == nil && f.Name != "id" && f.Name != "node" && !strings.HasPrefix(f.Name, "__") && !strings.HasPrefix(f.Name, "load") {
				refused = append(refused, f.Name)
			}
		}
		if len(refused) > 0 {
			fmt.Fprintf(&out, "Refused: %s\n\n", quoted(refused))
		}
	}
	return out.String()
}

// quoted are names in order, in backticks.
func quoted(names []string) string {
	slices.Sort(names)
	return "`" + strings.Join(names, "` `") + "`"
}
