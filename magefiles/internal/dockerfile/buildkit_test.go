package dockerfile_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
)

var (
	isDockerfile = regexp.MustCompile(`(?mi)^\s*FROM\s`)
	codeBlock    = regexp.MustCompile("(?ms)^ *```dockerfile[^\\n]*\\n(.*?)^ *```")
)

// TestLintBuildKitsOwn lints the Dockerfiles of BuildKit's own tests and of its reference: the linter must not fail on any of them, and
// ReadStatements must return the arguments that a build reads.
func TestLintBuildKitsOwn(t *testing.T) {
	all := buildKits(t)
	if len(all) < 500 {
		t.Fatalf("BuildKit's module holds %d Dockerfiles, expected hundreds", len(all))
	}
	for where, text := range all {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			_, _ = dockerfile.ParseWith(text, nil)
			d, err := dockerfile.Parse(text)
			var refused *dockerfile.ParseError
			switch {
			case errors.Is(err, dockerfile.ErrForeign) || errors.As(err, &refused):
				return
			case err != nil:
				t.Fatal(err)
			}
			sameArguments(t, text, d)
			if _, err := d.Lint(t.Context()); err != nil {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

func sameArguments(t *testing.T, text string, d *dockerfile.File) {
	t.Helper()
	stated, err := dockerfile.ReadStatements(text)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, a := range stated.Args {
		names[fmt.Sprint(a.Name, a.Place)] = true
	}
	for _, a := range d.Args {
		if !names[fmt.Sprint(a.Name, a.Place)] {
			t.Errorf("%s of line %d is not stated\n%s", a.Name, a.Line, text)
		}
	}
}

// buildKits are the Dockerfiles in the tests of BuildKit's frontend, its parser's test files, and the examples of its reference.
func buildKits(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/moby/buildkit").Output()
	if err != nil {
		t.Fatal(err)
	}
	root, all := filepath.Join(strings.TrimSpace(string(out)), "frontend", "dockerfile"), map[string]string{}
	for _, name := range glob(t, root, "*_test.go") {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil && isDockerfile.MatchString(text) {
					at := files.Position(literal.Pos())
					all[fmt.Sprintf("%s:%d", filepath.Base(at.Filename), at.Line)] = text
				}
			}
			return true
		})
	}
	for _, name := range append(glob(t, root, "docs/*.md"), glob(t, root, "docs/rules/*.md")...) {
		for i, m := range codeBlock.FindAllStringSubmatch(read(t, name), -1) {
			all[fmt.Sprintf("%s:%d", filepath.Base(name), i)] = m[1]
		}
	}
	for _, name := range glob(t, root, "parser/testfiles*/*/Dockerfile") {
		all[filepath.Base(filepath.Dir(name))] = read(t, name)
	}
	return all
}

func glob(t *testing.T, root, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: no files, %v", pattern, err)
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
