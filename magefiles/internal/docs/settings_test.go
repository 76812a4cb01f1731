package docs

import (
	"cmp"
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

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// setting is a field of settings.Settings.
type setting struct{ variables, value string }

// documented reads the fields' tags, the defaults, and the values in magefiles/site.go.
func documented(t *testing.T) map[string]setting {
	t.Helper()
	stated := stated(t)
	found := map[string]setting{}
	fields, defaults := reflect.TypeFor[settings.Settings](), reflect.ValueOf(settings.Defaults())
	for i := range fields.NumField() {
		field := fields.Field(i)
		found[field.Name] = setting{variables: field.Tag.Get("env"), value: plain(cmp.Or(stated[field.Name], defaults.Field(i).String()))}
		delete(stated, field.Name)
	}
	for field, variables := range map[string]string{ // not in tags, because their values are secrets
		"RegistryPassword": settings.PasswordVariable, "ForgeToken": settings.ForgeTokenVariable, "ArgoCDToken": settings.ArgoCDTokenVariable + "," + settings.ArgoCDOwnVariable,
		"SSHKey": settings.SSHKeyVariable, "SigningKey": settings.SigningKeyVariable, "PackageToken": settings.PackageTokenVariable,
	} {
		found[field] = setting{variables, found[field].value}
	}
	if len(stated) > 0 {
		t.Fatalf("magefiles/site.go sets %v, which are no fields", stated)
	}
	return found
}

// stated are the values that magefiles/site.go passes to settings.Use.
func stated(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "magefiles", "site.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		value, err := strconv.Unquote(pair.Value.(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found[pair.Key.(*ast.Ident).Name] = value
		return false
	})
	if len(found) < 10 {
		t.Fatalf("magefiles/site.go sets only %d fields", len(found))
	}
	return found
}

var settingRow = regexp.MustCompile("(?m)^\\| `([A-Za-z0-9]+)` \\| ([^|]*) \\| ([^|]*?) ?\\|")

func TestSettingsAreDescribed(t *testing.T) {
	reference := read(t, "docs/reference/settings.md")
	want := documented(t)
	described := map[string]bool{}
	for _, m := range settingRow.FindAllStringSubmatch(reference.section(t, "## Fields"), -1) {
		got := setting{variables: plain(m[2]), value: plain(m[3])}
		described[m[1]] = true
		if got != want[m[1]] {
			t.Errorf("%s: %s is described with %q, default %q; in the code it has %q, default %q",
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
	for _, name := range ourVariable.FindAllString(read(t, "magefiles/internal/settings/settings.go").text, -1) {
		if !strings.Contains(reference.text, "`"+name+"`") {
			t.Errorf("%s: %s of magefiles/internal/settings/settings.go is not described", reference.path, name)
		}
	}
}

// sources is all code that may read a variable: Go files, and the scripts of CI, without this package.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	files := os.DirFS(root)
	for _, dir := range []string{"magefiles", ".ci"} {
		err := fs.WalkDir(files, dir, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || entry.Name() == generated || path.Dir(name) == "magefiles/internal/docs" || path.Ext(name) != ".go" && path.Dir(name) != ".ci" {
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
