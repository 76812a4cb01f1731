package target

import (
	"errors"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"path"
	"strings"

	"golang.org/x/mod/modfile"
)

// ErrNone says that the repository has no magefile.
var ErrNone = errors.New("no magefile")

// Source is the files of a repository; validate.Tree implements it.
type Source interface {
	Files(dir string, suffixes ...string) []string
	Text(name string) (text string, ok bool)
}

// Read reads the targets of a repository: from the files in magefiles/, otherwise from the files at the root with the build tag mage, and
// from their imports with mage:import. The error is [ErrNone], or says that a file is not valid Go.
func Read(src Source) (*Set, error) {
	r := &reader{src: src, module: module(src), set: &Set{targets: map[string]Target{}}, seen: map[string]bool{}}
	files, err := r.parse("magefiles", true)
	if err == nil && len(files) == 0 {
		files, err = r.parse(".", true)
		files = onlyMage(files)
	}
	switch {
	case err != nil:
		return nil, err
	case len(files) == 0:
		return nil, ErrNone
	}
	if err := r.add(files, ""); err != nil {
		return nil, err
	}
	r.aliases(files)
	return r.set, nil
}

type reader struct {
	src    Source
	module string
	set    *Set
	seen   map[string]bool // imports; each is read once
}

// module is the path of the repository's Go module.
func module(src Source) string {
	text, _ := src.Text("go.mod")
	return modfile.ModulePath([]byte(text))
}

// parse parses the Go files of one folder, built with or without the tag mage.
func (r *reader) parse(dir string, mage bool) ([]*ast.File, error) {
	var files []*ast.File
	for _, name := range r.src.Files(dir, ".go") {
		if path.Dir(name) != dir || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, ok := r.src.Text(name)
		if !ok || !built(text, mage) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// built says whether a file's build constraint can hold: with all tags except mage set, or with all of them unset.
func built(text string, mage bool) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "//") {
			return true // the package clause, or another comment
		}
		if !constraint.IsGoBuild(line) {
			continue
		}
		expr, err := constraint.Parse(line)
		if err != nil {
			return true
		}
		holds := func(others bool) bool {
			return expr.Eval(func(tag string) bool { return tag != "ignore" && (tag == "mage" && mage || tag != "mage" && others) })
		}
		return holds(true) || holds(false)
	}
	return true
}

// onlyMage are the files that are built only with the tag mage. mage uses this test outside of magefiles/.
func onlyMage(files []*ast.File) []*ast.File {
	var found []*ast.File
	for _, file := range files {
		for _, group := range file.Comments {
			if group.Pos() > file.Package {
				break
			}
			for _, c := range group.List {
				if constraint.IsGoBuild(c.Text) && strings.Contains(c.Text, "mage") {
					found = append(found, file)
				}
			}
		}
	}
	return found
}
