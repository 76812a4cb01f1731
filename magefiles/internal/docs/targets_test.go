package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// target is a method of a mage namespace.
type target struct {
	positional []string
	flags      []string
}

// targets are those of magefiles/*.go, by the name that mage gives them.
func targets(t *testing.T) map[string]target {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "magefiles", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, p := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), p, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	spaces := namespaces(files)
	found := map[string]target{}
	for _, file := range files {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.IsExported() && spaces[receiver(f)] {
				found[strings.ToLower(receiver(f))+":"+strings.ToLower(f.Name.Name[:1])+f.Name.Name[1:]] = targetOf(f)
			}
		}
	}
	if len(found) < 5 {
		t.Fatalf("only %d targets were found", len(found))
	}
	return found
}

// namespaces are the types that are declared as mg.Namespace.
func namespaces(files []*ast.File) map[string]bool {
	found := map[string]bool{}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Namespace" {
				found[spec.Name.Name] = true
			}
			return false
		})
	}
	return found
}

func receiver(f *ast.FuncDecl) string {
	if name, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// targetOf reads the parameters: a pointer is a flag, the context is mage's.
func targetOf(f *ast.FuncDecl) target {
	var out target
	for _, p := range f.Type.Params.List {
		for _, name := range p.Names {
			switch p.Type.(type) {
			case *ast.StarExpr:
				out.flags = append(out.flags, name.Name)
			case *ast.SelectorExpr: // context.Context
			default:
				out.positional = append(out.positional, strings.ToUpper(name.Name))
			}
		}
	}
	return out
}

// How pages name targets: on a mage command line, or as NAMESPACE:TARGET in code.
var (
	mageCommand = regexp.MustCompile("go tool mage (?:-[vh] )?([a-z]+:[a-z]+)")
	inCode      = regexp.MustCompile("`([a-z]+:[a-z]+)[ `]")
)

func TestNamedTargetsExist(t *testing.T) {
	known := targets(t)
	named := 0
	for _, p := range append(pages(t), read(t, "README.md")) {
		for _, m := range append(mageCommand.FindAllStringSubmatch(p.text, -1), inCode.FindAllStringSubmatch(p.text, -1)...) {
			named++
			if _, ok := known[m[1]]; !ok {
				t.Errorf("%s: mage has no target %s", p.path, m[1])
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d targets are named", named)
	}
}

var flagCell = regexp.MustCompile("(?m)^\\| `-([a-z]+)=?`")

func TestTargetsAndTheirFlagsAreDescribed(t *testing.T) {
	reference := read(t, "docs/reference/targets.md")
	for name, want := range targets(t) {
		section := reference.section(t, strings.Join(append([]string{"## " + name}, want.positional...), " "))
		var flags []string
		for _, m := range flagCell.FindAllStringSubmatch(section, -1) {
			flags = append(flags, m[1])
		}
		if !slices.Equal(slices.Sorted(slices.Values(flags)), slices.Sorted(slices.Values(want.flags))) {
			t.Errorf("%s: %s is described with the flags %v, and has %v", reference.path, name, flags, want.flags)
		}
	}
}
