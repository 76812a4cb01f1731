package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// The limits of a build: kustomize compares every object with every other, and builds a base again for each kustomization that includes it.
const (
	maxObjects = 1000
	maxBuilds  = 100
)

// Whole is a kustomization with everything that it includes.
type Whole struct {
	*Kustomization
	// Parts are the kustomization and those that it includes, each once.
	Parts []*Kustomization
	// Aside is the reason why it is not built: Kustomization.Aside of one of the parts, or that a part has problems. Refused is the reason
	// why it cannot be built at all.
	Aside, Refused string
	// Patched says whether the build may change fields of objects other than names, labels and images.
	Patched bool
	// Trimmed says that it is built without the schemas of CustomResourceDefinitions, because nothing in it reads them.
	Trimmed bool
}

// Whole collects what a kustomization includes.
func (r *Repository) Whole(k *Kustomization) *Whole {
	w := &Whole{Kustomization: k, Trimmed: true}
	seen := map[*Kustomization]int{}
	objects := 0
	w.builds(r, k, seen)
	for _, part := range w.Parts {
		s := &part.spec
		w.Patched = w.Patched || len(s.Patches)+len(s.Replacements)+len(s.Configurations) > 0
		w.Trimmed = w.Trimmed && !r.looksIntoSchemas(part)
		switch {
		case w.Aside != "":
		case part.Aside != "":
			w.Aside = part.Path + " " + part.Aside
		case len(part.Problems) > 0:
			w.Aside = part.Path + " has problems"
		}
		for _, name := range part.Files {
			objects += len(Objects(r.Parse(name).Documents)) * seen[part]
		}
	}
	if objects > maxObjects && w.Aside == "" {
		w.Aside = "has too many objects"
	}
	return w
}

// builds counts how often a part would be built. above are the parts that include it.
func (w *Whole) builds(r *Repository, k *Kustomization, seen map[*Kustomization]int, above ...*Kustomization) {
	if seen[k] == 0 {
		w.Parts = append(w.Parts, k)
	}
	seen[k]++
	switch {
	case slices.Contains(above, k):
		w.Refused = "includes itself through " + above[len(above)-1].Folder
	case seen[k] > maxBuilds || len(w.Parts) > maxBuilds:
		w.Refused = fmt.Sprintf("includes more than %d kustomizations", maxBuilds)
	}
	for _, folder := range k.Includes {
		if included := r.Kustomization(folder); included != nil && w.Refused == "" {
			w.builds(r, included, seen, append(above, k)...)
		}
	}
	w.Aside = w.Refused
}

// schemas guards kustomize's global schemas, which kustomize reads at the first patch and does not lock.
var schemas struct {
	sync.RWMutex
	read bool
}

// ReadSchemas makes kustomize read its schemas (100 ms). Build does this for patched kustomizations; calling it earlier, in parallel with
// other work, saves the time.
func ReadSchemas() {
	schemas.Lock()
	defer schemas.Unlock()
	if !schemas.read {
		openapi.Schema()
		schemas.read = true
	}
}

// A BuildError is the reason why kustomize builds no objects.
type BuildError struct {
	Line, Column int
	Message      string
}

func (e *BuildError) Error() string { return e.Message }

// Build builds the objects with kustomize. Do not call it for a Whole that is Aside. The positions of the objects' nodes mean nothing.
func (r *Repository) Build(w *Whole) (objects []Object, err error) {
	if w.Patched {
		ReadSchemas()
	}
	schemas.RLock()
	defer schemas.RUnlock()
	defer func() {
		if p := recover(); p != nil {
			err = &BuildError{Message: errorText(fmt.Sprintf("kustomize fails: %v", p))}
		}
	}()
	options := krusty.MakeDefaultOptions()
	options.PluginConfig = types.DisabledPluginConfig()
	options.Reorder = krusty.ReorderOptionNone
	result, err := krusty.MakeKustomizer(options).Run(disk{r, w.Trimmed}, path.Join("/", w.Folder))
	if err != nil {
		return nil, w.locate(r, err)
	}
	for _, resource := range result.Resources() {
		objects = appendObjects(objects, resource.YNode(), 0)
	}
	return objects, nil
}

// locate finds the file or patch of the kustomization that an error of kustomize is about.
func (w *Whole) locate(r *Repository, err error) *BuildError {
	found := &BuildError{Message: errorText(err.Error())}
	longest := 2
	for _, value := range slices.Sorted(maps.Keys(w.nodes)) {
		n := w.nodes[value]
		about := strings.Contains(found.Message, value)
		if file := path.Join(w.Folder, value); !about && r.HasFile(file) && path.Ext(file) != "" {
			for _, o := range Objects(r.Parse(file).Documents) {
				about = about || o.Name != "" && strings.Contains(found.Message, o.Kind+".") && strings.Contains(found.Message+".", "/"+o.Name+`"`)
			}
		}
		if about && (r.HasFile(path.Join(w.Folder, value)) || r.HasFolder(path.Join(w.Folder, value))) && len(value) > longest && value != "." {
			longest, found.Line, found.Column = len(value), n.Line, n.Column
		}
	}
	return found
}

// around matches the text around a resource's error after kustomize has tried the resource as a folder too.
var around = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:accumulating resources: |recursed accumulation of path '[^']*': )*accumulation err='(.*)': must build at directory: .*$`)
})

// errorText is the text of an error of kustomize, without the root of the file system.
func errorText(text string) string {
	text = strings.NewReplacer("'/", "'", "\"/", "\"", "invalid Kustomization: ", "", "json: ", "", ".[noGrp]", "", ".[noNs]", "").Replace(text)
	text = plain.Line(text)
	for i := 0; i < 8; i++ {
		text = around().ReplaceAllString(text, "$1")
	}
	return strings.TrimSuffix(plain.Short(text, 300), ".")
}

// disk is the repository as a file system for kustomize: below /, read only, with each kustomization converted to the latest form, so that
// kustomize prints no warning about it.
type disk struct {
	r *Repository
	// trim says that nothing reads the schema of a CustomResourceDefinition, so that kustomize need not parse and copy it.
	trim bool
}

// errReadOnly is the result of every write, and of the reads that kustomize does not use here.
var errReadOnly = errors.New("this file system is read only")

func name(p string) string {
	p = strings.TrimPrefix(path.Clean("/"+p), "/")
	if p == "" {
		return "."
	}
	return p
}

func (d disk) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	switch n := name(p); {
	case d.r.files[n]:
		return filesys.ConfirmedDir(path.Dir("/" + n)), path.Base(n), nil
	case d.r.folders[n]:
		return filesys.ConfirmedDir(path.Join("/", n)), "", nil
	}
	return "", "", fmt.Errorf("'%s' doesn't exist: %w", p, os.ErrNotExist)
}

func (d disk) ReadFile(p string) ([]byte, error) {
	n := name(p)
	if !d.r.files[n] {
		return nil, fmt.Errorf("'%s' doesn't exist: %w", p, os.ErrNotExist)
	}
	for _, known := range FileNames() {
		if path.Base(n) == known {
			return d.kustomization(path.Dir(n))
		}
	}
	text, _ := d.r.text(n)
	if d.trim && len(text) > largeFile && strings.Contains(text, "openAPIV3Schema") {
		return d.trimmed(n, text), nil
	}
	return []byte(text), nil
}

// largeFile is the size from which rewriting a file saves time.
const largeFile = 32 << 10

// trimmed is a file without the schemas of its CustomResourceDefinitions. It is made once for each file.
func (d disk) trimmed(n, text string) []byte {
	once, _ := d.r.trims.LoadOrStore(n, sync.OnceValue(func() []byte { return d.withoutSchemas(n, text) }))
	return once.(func() []byte)()
}

func (d disk) withoutSchemas(n, text string) []byte {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	for _, document := range d.r.Parse(n).Documents {
		if hasAlias(document) { // the alias may point to a removed part
			return []byte(text)
		}
		if err := encoder.Encode(without(document, "spec", "versions", "openAPIV3Schema")); err != nil {
			return []byte(text)
		}
	}
	return b.Bytes()
}

func hasAlias(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || slices.ContainsFunc(n.Content, hasAlias)
}

// without is a copy of a node without the fields at the path of names, at any depth.
func without(n *yaml.Node, names ...string) *yaml.Node {
	trimmed := *n
	trimmed.Content = nil
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			trimmed.Content = append(trimmed.Content, without(item, names...))
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			switch {
			case len(names) == 1 && key.Value == names[0]:
				continue
			case len(names) == 1:
				value = without(value, names...)
			case key.Value == names[0]:
				value = without(value, names[1:]...)
			}
			trimmed.Content = append(trimmed.Content, key, value)
		}
	default:
		return n
	}
	return &trimmed
}

func (d disk) kustomization(folder string) ([]byte, error) {
	k := d.r.Kustomization(folder)
	if k == nil || k.Aside != "" || len(k.Problems) > 0 {
		return nil, fmt.Errorf("%s is not built", folder)
	}
	spec := k.spec // a copy
	spec.BuildMetadata = nil
	return json.Marshal(spec)
}

// below is the same file system for paths that are relative to a folder.
type below struct {
	disk
	folder string
}

func (b below) ReadFile(p string) ([]byte, error) { return b.disk.ReadFile(path.Join(b.folder, p)) }

func (d disk) Exists(p string) bool               { n := name(p); return d.r.files[n] || d.r.folders[n] }
func (d disk) IsDir(p string) bool                { return d.r.folders[name(p)] }
func (disk) Create(string) (filesys.File, error)  { return nil, errReadOnly }
func (disk) Open(string) (filesys.File, error)    { return nil, errReadOnly }
func (disk) Mkdir(string) error                   { return errReadOnly }
func (disk) MkdirAll(string) error                { return errReadOnly }
func (disk) RemoveAll(string) error               { return errReadOnly }
func (disk) ReadDir(string) ([]string, error)     { return nil, errReadOnly }
func (disk) Glob(string) ([]string, error)        { return nil, errReadOnly }
func (disk) WriteFile(string, []byte) error       { return errReadOnly }
func (disk) Walk(string, filepath.WalkFunc) error { return errReadOnly }
