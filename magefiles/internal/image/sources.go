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

// Sources are the files that a container's image is made from: its folder, without the files
// that a .dockerignore names. For a Go program these are the compiled files of its package and
// of the packages of the repository that it imports, directly or not, and the files that choose
// the versions of other modules. Some of them may not exist. Build constraints are ignored.
//
// go.work and vendor/ do not count: programs are compiled without them.
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
			sources = append(sources, Source{Path: path.Join(dir, "go.mod")}) // of a replacement: it states the Go version
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
	roots    map[string]string // folders by module path, of modules in this repository
	packages []string          // folders to read
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
			return nil, errors.New("no go.mod in the folder or above it; it is required to find the imports")
		}
		if err != nil {
			return nil, err
		}
		m := &module{dir: at, roots: map[string]string{}, packages: []string{dir}}
		return m, m.readFile(path.Join(at, "go.mod"), text)
	}
}

// readFile reads the module's path and the replacements by other folders of the repository.
// ParseLax accepts a file of a newer Go, which Parse refuses.
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

// read adds the packages that a package imports, and reports whether it embeds files. It skips
// a missing folder and a file that does not parse: the compiler reports them.
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

// imported reports whether a package at or below a folder is imported.
func (m *module) imported(dir string) bool {
	return slices.ContainsFunc(m.packages, func(p string) bool { return p == dir || strings.HasPrefix(p, dir+"/") })
}

// ModuleFiles are the go.mod files of a Go container's module and of the folders that replace other modules. The go command reads all of them,
// also those of modules without an imported package. A change to one of those has no effect unless the module's own file changes too.
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

// includeDirective matches an include of Go's assembler: by its path from the folder of the package.
var includeDirective = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]+"([^"\n]*/[^"\n]*)"`)

// includes notes the files of other folders that assembly files include. It does not read the includes of these.
func (m *module) includes(dir string, text []byte) {
	for _, found := range includeDirective.FindAllSubmatch(text, -1) {
		name := path.Join(dir, string(found[1]))
		if fs.ValidPath(name) && !path.IsAbs(string(found[1])) && !slices.Contains(m.included, name) {
			m.included = append(m.included, name)
		}
	}
}

// folder is the folder of an imported package, if it is in this repository. The longest
// matching module path counts.
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
