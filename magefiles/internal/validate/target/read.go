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

// ErrNone says that there is no magefile.
var ErrNone = errors.New("there is no magefile")

// Source is the files of a repository, as validate.Tree has them.
type Source interface {
	Files(dir string, suffixes ...string) []string
	Text(name string) (text string, ok bool)
}

// Read reads the targets of a repository: of the files in magefiles/, or else of those at the root that are built with the tag mage, and
// of what they import with mage:import. The error is [ErrNone], or that of a file that is not Go.
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
	seen   map[string]bool // imports, so that none is read twice
}

// module is the path of the repository's Go module.
func module(src Source) string {
	text, _ := src.Text("go.mod")
	return modfile.ModulePath([]byte(text))
}

// parse parses the Go files of one folder that are built with or without the tag mage.
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

// built says whether a file's build constraint holds somewhere: tags that are not mage are taken for set, and so is their absence.
func built(text string, mage bool) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "//") {
			return true // the package clause, or a comment that is no constraint
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

// onlyMage are the files that are built with the tag mage alone, which is how mage finds them outside of magefiles/.
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
