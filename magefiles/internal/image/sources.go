package image

import (
	"bytes"
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

// Sources are what a container's image is made of: its folder, without what a .dockerignore
// names; for a Go program the files that are compiled, in its package and in those of the
// repository that it imports, directly or not, and what chooses the versions of other
// modules. Some of them may not be there. What files are built for does not matter.
//
// go.work and vendor/ are none of them: programs are compiled without.
func Sources(fsys fs.FS, c Container) ([]Source, error) {
	if c.Kind != KindGo {
		return []Source{buildContext(fsys, c.Dir)}, nil
	}
	m, err := moduleOf(fsys, c.Dir)
	if err != nil {
		return nil, &ContainerError{Dir: c.Dir, Err: err}
	}
	sources := []Source{{Path: path.Join(m.dir, "go.mod")}, {Path: path.Join(m.dir, "go.sum")}}
	for i := 0; i < len(m.packages); i++ { // it grows
		embeds, err := m.read(fsys, m.packages[i])
		if err != nil {
			return nil, &ContainerError{Dir: c.Dir, Err: err}
		}
		sources = append(sources, goPackage(m.packages[i], embeds))
	}
	for _, dir := range m.roots {
		if dir != m.dir && m.imported(dir) {
			sources = append(sources, Source{Path: path.Join(dir, "go.mod")}) // of a replacement: it says which Go it is written in
		}
	}
	for _, name := range m.included {
		sources = append(sources, Source{Path: name})
	}
	slices.SortFunc(sources, func(a, b Source) int { return strings.Compare(a.Path, b.Path) })
	return sources, nil
}

// module is the Go module that a container is in.
type module struct {
	dir      string            // of its go.mod
	roots    map[string]string // folders by the paths of modules that are in this repository
	packages []string          // folders that are to be read
	included []string          // files of other folders that assembly includes
}

// moduleOf finds the go.mod above a folder.
func moduleOf(fsys fs.FS, dir string) (*module, error) {
	for at := dir; ; at = path.Dir(at) {
		text, err := fs.ReadFile(fsys, path.Join(at, "go.mod"))
		if errors.Is(err, fs.ErrNotExist) && at != "." {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errors.New("there is no go.mod in the folder or above it, so that nothing says what it imports")
		}
		if err != nil {
			return nil, err
		}
		m := &module{dir: at, roots: map[string]string{}, packages: []string{dir}}
		return m, m.readFile(path.Join(at, "go.mod"), text)
	}
}

// readFile takes the module's path and the replacements by other folders of the
// repository. A file that a newer Go wrote has what Parse refuses, and ParseLax leaves out.
func (m *module) readFile(name string, text []byte) error {
	file, err := modfile.Parse(name, text, nil)
	if err != nil {
		if file, err = modfile.ParseLax(name, text, nil); err != nil {
			return err
		}
	}
	if file.Module != nil {
		m.roots[file.Module.Mod.Path] = m.dir
	}
	for _, r := range file.Replace {
		if to := path.Join(m.dir, r.New.Path); modfile.IsDirectoryPath(r.New.Path) && fs.ValidPath(to) {
			m.roots[r.Old.Path] = to
		}
	}
	return nil
}

// read adds the packages that one imports, and says whether it embeds files. A folder that
// is not there, and a file that does not parse, are left for the compiler to complain about.
func (m *module) read(fsys fs.FS, dir string) (embeds bool, err error) {
	files, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, f := range files {
		assembly := slices.Contains([]string{".s", ".S", ".sx", ".h"}, path.Ext(f.Name()))
		if f.IsDir() || !assembly && !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		text, err := fs.ReadFile(fsys, path.Join(dir, f.Name()))
		if err != nil {
			return embeds, err
		}
		if assembly {
			m.includes(dir, text)
			continue
		}
		m.imports(text)
		embeds = embeds || bytes.Contains(text, embedDirective)
	}
	return embeds, nil
}

func (m *module) imports(text []byte) {
	file, _ := parser.ParseFile(token.NewFileSet(), "", text, parser.ImportsOnly)
	if file == nil {
		return
	}
	for _, i := range file.Imports {
		name, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		if dir, ok := m.folder(name); ok && !slices.Contains(m.packages, dir) {
			m.packages = append(m.packages, dir)
		}
	}
}

// imported says whether a package at or below a folder is.
func (m *module) imported(dir string) bool {
	return slices.ContainsFunc(m.packages, func(p string) bool { return p == dir || strings.HasPrefix(p, dir+"/") })
}

// ModuleFiles are the go.mod files of a Go container's module and of the folders that it replaces other modules by. The go command wants to read
// them all, also those of modules from which nothing is imported, and whose changes change nothing without one of the module's own file.
func ModuleFiles(fsys fs.FS, c Container) ([]string, error) {
	m, err := moduleOf(fsys, c.Dir)
	if err != nil {
		return nil, &ContainerError{Dir: c.Dir, Err: err}
	}
	var files []string
	for _, dir := range m.roots {
		files = append(files, path.Join(dir, "go.mod"))
	}
	slices.Sort(files)
	return files, nil
}

// includeDirective is how Go's assembler takes in a file: by its path from the folder of the package.
var includeDirective = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]+"([^"\n]*/[^"\n]*)"`)

// includes notes the files of other folders that assembly takes in. What these include themselves is not looked at.
func (m *module) includes(dir string, text []byte) {
	for _, found := range includeDirective.FindAllSubmatch(text, -1) {
		name := path.Join(dir, string(found[1]))
		if fs.ValidPath(name) && !path.IsAbs(string(found[1])) && !slices.Contains(m.included, name) {
			m.included = append(m.included, name)
		}
	}
}

// folder is that of an imported package, if it is in this repository. The longest path
// of a module is the one that counts.
func (m *module) folder(imported string) (dir string, ok bool) {
	longest := -1
	for root, at := range m.roots {
		rest, in := strings.CutPrefix(imported, root)
		if in && len(root) > longest && (rest == "" || rest[0] == '/') {
			if found := path.Join(at, rest); fs.ValidPath(found) {
				longest, dir, ok = len(root), found, true
			}
		}
	}
	return dir, ok
}
