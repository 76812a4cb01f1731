// Package adopt reads a repository that does not use the targets yet, and says what fits, what must change, and which settings it has: the target
// adopt. It writes nothing.
package adopt

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Adopt is the use case.
type Adopt struct {
	Files  fs.FS    // the repository
	List   []string // paths that git tracks or would track; nil without git: all
	Remote string   // web address of its remote; "" if there is none
	Module string   // import path of the module that has the targets
}

// Plan is the result.
type Plan struct {
	Settings   []Setting   `json:"settings"`
	Containers []Container `json:"containers"`
	Packages   []Package   `json:"packages"`
	Replaced   []Command   `json:"replaced"` // commands that a target replaces
	Stays      []Command   `json:"stays"`    // commands of the same field that no target replaces
	Changes    []Change    `json:"changes"`  // what must change
	Files      []File      `json:"files"`    // what to write
	Steps      []string    `json:"steps"`    // commands that complete it
}

// Setting is a setting that could be derived. Value is "" if there are several candidates, or if only the name of the field is known.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"` // why: a file with its line, or what was counted
}

// Container is a folder of containers.
type Container struct {
	Name    image.Name `json:"name"`
	Kind    string     `json:"kind"`
	Version string     `json:"version"` // of the packaged application; "" if not stated
	Fits    bool       `json:"fits"`
	Problem string     `json:"problem,omitempty"`
}

// Package is a Python project.
type Package struct {
	Name    string `json:"name"`
	Dir     string `json:"folder"`
	Version string `json:"version"` // as pyproject.toml states it; "" if it comes from elsewhere
	Backend string `json:"backend"`
}

// Command is a command in a workflow or a script.
type Command struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Text   string `json:"text"`
	Target string `json:"target"` // the command that replaces it, or why it stays
}

// Change is something that must change, or be decided.
type Change struct {
	Where string `json:"where"`
	What  string `json:"what"`
}

func (p *Plan) change(where, what string) { p.Changes = append(p.Changes, Change{where, what}) }

// File is a file to write.
type File struct {
	Path string `json:"path"` // slash path from the root
	Text string `json:"text"`
}

// Run reads the repository.
func (a Adopt) Run() (*Plan, error) {
	if a.List != nil {
		a.Files = newListed(a.Files, a.List)
	}
	texts, unread, err := a.read()
	if err != nil {
		return nil, err
	}
	p := &Plan{Settings: []Setting{}, Containers: []Container{}, Packages: []Package{}, Replaced: []Command{}, Stays: []Command{}, Changes: []Change{}}
	if err := p.containers(a.Files); err != nil {
		return nil, err
	}
	p.elsewhere(texts)
	p.commands(texts)
	p.settings(a, texts)
	p.packages(a.Files, texts)
	p.Changes = append(p.Changes, unread...)
	p.files(a)
	return p, nil
}

// skipped are folders that hold the files of others.
var skipped = []string{".git", "node_modules", "vendor", "testdata", ".venv", "__pycache__"}

const maxText = 1 << 20 // bytes of a file that is read

// text is a file of the repository.
type text struct {
	name string // slash path from the root
	text string
}

// read returns the manifests, workflows, scripts and configuration files, sorted by name, and those that it could not read.
func (a Adopt) read() (all []text, unread []Change, err error) {
	refused := func(name string) { unread = append(unread, Change{name, "was not read: permission denied"}) }
	err = fs.WalkDir(a.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && errors.Is(err, fs.ErrPermission):
			refused(name) // of a service that runs here, for example
			return nil
		case err != nil:
			return err
		case entry.IsDir():
			if slices.Contains(skipped, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular():
			return nil
		}
		info, err := entry.Info()
		if err != nil || !isKnown(name) && info.Mode()&0o111 == 0 {
			return nil //nolint:nilerr // it was removed in the meantime
		}
		if info.Size() > maxText {
			if isKnown(name) && path.Ext(name) != ".json" { // programs are large, and so is data
				unread = append(unread, Change{name, "was not read: it is larger than 1 MiB"})
			}
			return nil
		}
		content, err := fs.ReadFile(a.Files, name)
		switch {
		case errors.Is(err, fs.ErrPermission):
			refused(name)
		case err == nil: // else it was removed in the meantime
			all = append(all, text{name, string(content)})
		}
		return nil
	})
	return all, unread, err
}

// isKnown reports whether the name tells that a file is of use here. Executable files may be scripts too.
func isKnown(name string) bool {
	base := path.Base(name)
	return slices.Contains([]string{".yaml", ".yml", ".sh", ".bash", ".toml", ".json"}, path.Ext(name)) ||
		slices.Contains([]string{"Dockerfile", "Containerfile", "Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", "Kustomization"}, base)
}

// containers lists the folders of containers, with what keeps them from being built.
func (p *Plan) containers(files fs.FS) error {
	found, err := image.Find(files)
	var silent []string // without a version
	for _, c := range found {
		p.Containers = append(p.Containers, Container{Name: c.Name, Kind: string(c.Kind), Version: c.Version, Fits: true})
		if c.Version == "" {
			silent = append(silent, string(c.Name))
		}
	}
	if len(silent) > 0 {
		where, what := image.Root, "state the versions of the packaged applications"
		if len(silent) == 1 {
			where, what = path.Join(image.Root, silent[0]), "state the version of the packaged application"
		}
		what += " (ARG CONTAINER_APP_VERSION=X.Y.Z, or //blumeops:version X.Y.Z) if images are published with auto"
		if len(silent) > 1 {
			what += ": " + strings.Join(silent, ", ")
		}
		p.change(where, what)
	}
	for _, fault := range errorsOf(err) {
		var bad *image.ContainerError
		if !errors.As(fault, &bad) {
			return err
		}
		p.Containers = append(p.Containers, Container{Name: image.Name(path.Base(bad.Dir)), Kind: "-", Problem: bad.Err.Error()})
		p.change(bad.Dir, bad.Err.Error())
	}
	p.others(files)
	slices.SortFunc(p.Containers, func(x, y Container) int { return cmp.Compare(x.Name, y.Name) })
	return nil
}

// errorsOf takes a joined error apart.
func errorsOf(err error) []error {
	if err == nil {
		return nil
	}
	if joined, is := err.(interface{ Unwrap() []error }); is {
		return joined.Unwrap()
	}
	return []error{err}
}

// others adds the folders of containers that another program builds.
func (p *Plan) others(files fs.FS) {
	for _, c := range image.FindOthers(files) {
		what := "is built with " + string(c.Kind) + ", which no target does: keep its command, or write a Dockerfile"
		if c.Kind == "containerfile" {
			what = "rename Containerfile to Dockerfile"
		}
		p.Containers = append(p.Containers, Container{Name: c.Name, Kind: string(c.Kind), Problem: what})
		p.change(c.Dir, what)
	}
}

// manyBelow is the number of containers in subfolders of one folder from which on they are one change.
const manyBelow = 3

// elsewhere notes the containers outside of the folder of containers.
func (p *Plan) elsewhere(texts []text) {
	found := map[string][]string{} // by the folder above
	for _, t := range texts {
		if base := path.Base(t.name); (base == "Dockerfile" || base == "Containerfile") && !strings.HasPrefix(t.name, image.Root+"/") {
			above := path.Dir(path.Dir(t.name))
			found[above] = append(found[above], t.name)
		}
	}
	for _, above := range slices.Sorted(maps.Keys(found)) {
		if files := found[above]; len(files) >= manyBelow && above != "." {
			names := make([]string, len(files))
			for i, file := range files {
				names[i] = path.Base(path.Dir(file))
			}
			p.change(above, fmt.Sprintf("has %s outside of %s/ (%s): targets build the folders %[2]s/NAME, so move them", count(len(files), "container"), image.Root, strings.Join(names, ", ")))
			continue
		}
		for _, file := range found[above] {
			p.change(file, "is outside of "+image.Root+"/: targets build the folders "+image.Root+"/NAME, so move it and the files that it copies")
		}
	}
}

// place is FILE:LINE.
func place(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }
