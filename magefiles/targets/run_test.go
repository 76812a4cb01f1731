package targets

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magefile/mage/parse"
)

// mageFiles are the files of this package, without tests.
func mageFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
}

// targets are what mage finds, by the names of their functions.
func targets(t *testing.T) map[string]string {
	t.Helper()
	found, err := parse.Package(".", mageFiles(t), false)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, f := range found.Funcs {
		names[strings.TrimPrefix(f.Receiver+"."+f.Name, ".")] = f.TargetName()
	}
	return names
}

// TestEveryRunHasATitle wants all targets to begin in run, which gives the log its title before anything can be written to it.
func TestEveryRunHasATitle(t *testing.T) {
	names := targets(t)
	if len(names) < 20 {
		t.Fatalf("only %d targets: %v", len(names), names)
	}
	for _, file := range mageFiles(t) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := functionName(f)
			want, ok := names[name]
			if !ok {
				continue
			}
			delete(names, name)
			if got := targetName("forge.example/magefiles/targets." + name); got != strings.ToLower(want) {
				t.Errorf("%s is called %s, by mage %s", name, got, want)
			}
			if !endsInRun(f) {
				t.Errorf("%s does not end in run(ctx, …)", want)
			}
		}
	}
	if len(names) > 0 {
		t.Errorf("not found: %v", names)
	}
}

func functionName(f *ast.FuncDecl) string {
	if f.Recv != nil {
		if receiver, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
			return receiver.Name + "." + f.Name.Name
		}
	}
	return f.Name.Name
}

func endsInRun(f *ast.FuncDecl) bool {
	end, ok := f.Body.List[len(f.Body.List)-1].(*ast.ReturnStmt)
	if !ok || len(end.Results) != 1 {
		return false
	}
	call, ok := end.Results[0].(*ast.CallExpr)
	if !ok {
		return false
	}
	called, ok := call.Fun.(*ast.Ident)
	return ok && called.Name == "run"
}
