package docs

import (
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
)

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

var code = regexp.MustCompile("`([A-Za-z]+)`")

func TestAnsweredFieldsAreListed(t *testing.T) {
	reference := read(t, "docs/reference/engine-api.md")
	answered := reference.section(t, "## What is answered")
	types := regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(answered, -1)
	offered := objects.Resolvers()
	if len(types) != len(offered) {
		t.Errorf("%s lists %d types, the engine answers %d", reference.path, len(types), len(offered))
	}
	for _, m := range types {
		var listed []string
		if section := reference.section(t, m[0]); len(offered[m[1]]) > 0 {
			for _, f := range code.FindAllStringSubmatch(section, -1) {
				listed = append(listed, f[1])
			}
		}
		want := slices.Sorted(maps.Keys(offered[m[1]]))
		if slices.Sort(listed); !slices.Equal(listed, want) {
			t.Errorf("%s: %s lists %v\nthe engine answers %v", reference.path, m[1], listed, want)
		}
	}
}
