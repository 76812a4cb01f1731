package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// setting is a field of the settings in magefiles/site.go.
type setting struct{ variables, value string }

// settings reads the struct's tags and the site's values.
func settings(t *testing.T) map[string]setting {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "magefiles", "site.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]setting{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "settings" {
			return true
		}
		for _, f := range spec.Type.(*ast.StructType).Fields.List {
			variables := ""
			if f.Tag != nil {
				tag, _ := strconv.Unquote(f.Tag.Value)
				variables = reflect.StructTag(tag).Get("env")
			}
			for _, name := range f.Names {
				found[name.Name] = setting{variables: variables}
			}
		}
		return false
	})
	values(file, found)
	for field, constants := range map[string][]string{ // which no tag says, as their values are secrets
		"RegistryPassword": {"passwordVariable"}, "ForgeToken": {"forgeTokenVariable"}, "ArgoCDToken": {"argoTokenVariable", "argoOwnVariable"},
		"SSHKey": {"sshKeyVariable"}, "SigningKey": {"signingKeyVariable"},
	} {
		s, names := found[field], make([]string, len(constants))
		for i, c := range constants {
			names[i] = constant(file, c)
		}
		s.variables = strings.Join(names, ",")
		found[field] = s
	}
	if len(found) < 10 {
		t.Fatalf("only %d settings were found", len(found))
	}
	return found
}

// values fills in what the variable site is set to.
func values(file *ast.File, found map[string]setting) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "site" {
			return true
		}
		for _, e := range spec.Values[0].(*ast.CompositeLit).Elts {
			pair := e.(*ast.KeyValueExpr)
			name := pair.Key.(*ast.Ident).Name
			s := found[name]
			value, _ := strconv.Unquote(pair.Value.(*ast.BasicLit).Value)
			s.value = plain(value)
			found[name] = s
		}
		return false
	})
}

func constant(file *ast.File, name string) (value string) {
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && spec.Names[0].Name == name && len(spec.Values) == 1 {
			value, _ = strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		}
		return true
	})
	return value
}

var settingRow = regexp.MustCompile("(?m)^\\| `([A-Za-z0-9]+)` \\| ([^|]*) \\| ([^|]*?) ?\\|")

func TestSettingsAreDescribed(t *testing.T) {
	reference := read(t, "docs/reference/settings.md")
	want := settings(t)
	described := map[string]bool{}
	for _, m := range settingRow.FindAllStringSubmatch(reference.section(t, "## Fields"), -1) {
		got := setting{variables: plain(m[2]), value: plain(m[3])}
		described[m[1]] = true
		if got != want[m[1]] {
			t.Errorf("%s: %s is described with %q, default %q; in site.go it has %q, default %q",
				reference.path, m[1], got.variables, got.value, want[m[1]].variables, want[m[1]].value)
		}
	}
	for name := range want {
		if !described[name] {
			t.Errorf("%s: %s is not described", reference.path, name)
		}
	}
}

// plain is a cell without backticks and spaces.
func plain(cell string) string { return strings.NewReplacer("`", "", " ", "").Replace(cell) }

var ourVariable = regexp.MustCompile(`BLUMEOPS_[A-Z_]*[A-Z]`)

func TestNamedVariablesAreRead(t *testing.T) {
	sources := sources(t)
	for _, p := range append(pages(t), read(t, "README.md")) {
		for _, name := range ourVariable.FindAllString(p.text, -1) {
			if !strings.Contains(sources, name) {
				t.Errorf("%s: nothing reads %s", p.path, name)
			}
		}
	}
	reference := read(t, "docs/reference/settings.md")
	for _, name := range ourVariable.FindAllString(read(t, "magefiles/site.go").text, -1) {
		if !strings.Contains(reference.text, "`"+name+"`") {
			t.Errorf("%s: %s of magefiles/site.go is not described", reference.path, name)
		}
	}
}

// sources is all that could read a variable: Go, and what CI runs. This package is left out.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	files := os.DirFS(root)
	for _, dir := range []string{"magefiles", ".ci"} {
		err := fs.WalkDir(files, dir, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path.Dir(name) == "magefiles/internal/docs" || path.Ext(name) != ".go" && path.Dir(name) != ".ci" {
				return err
			}
			text, err := fs.ReadFile(files, name)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}
