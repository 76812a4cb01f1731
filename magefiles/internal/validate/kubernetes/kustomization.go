package kubernetes

import (
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
)

// A Kustomization is a parsed kustomization file, not built yet.
type Kustomization struct {
	// Folder is its folder, Path its file.
	Folder, Path string
	// Component says that it only exists as a part of others.
	Component bool
	// Problems are its errors: a field that does not exist, a missing file.
	Problems []Problem
	// Includes are the folders of other kustomizations that it includes. Files, Patches and Data are the files with objects, with patches,
	// and with data for generators.
	Includes, Files, Patches, Data []string
	// Images are its entries for images.
	Images []ImageEntry
	// Aside is the reason why it is not built: it downloads something, or runs a program.
	Aside string

	spec  types.Kustomization
	root  *yaml.Node
	nodes map[string]*yaml.Node // by value, the first node of each
}

// An ImageEntry is an entry below images. Name is the name of the resulting images. Node is the node of the tag, otherwise of the entry.
type ImageEntry struct {
	From, Name, Tag, Digest string
	Node                    *yaml.Node
}

// FileNames are the valid names of a kustomization file.
func FileNames() []string { return konfig.RecognizedKustomizationFileNames() }

// Kustomization reads the kustomization of a folder; nil if there is none.
func (r *Repository) Kustomization(folder string) *Kustomization {
	once, _ := r.kustomizations.LoadOrStore(folder, sync.OnceValue(func() *Kustomization { return r.readKustomization(folder) }))
	return once.(func() *Kustomization)()
}

func (r *Repository) readKustomization(folder string) *Kustomization {
	k := &Kustomization{Folder: folder, nodes: map[string]*yaml.Node{}}
	for _, name := range FileNames() {
		if file := path.Join(folder, name); r.files[file] {
			if k.Path != "" {
				k.problem(nil, RuleKustomize, "%s has two kustomizations, %s and %s", folder, path.Base(k.Path), name)
				continue
			}
			k.Path = file
		}
	}
	if k.Path == "" {
		return nil
	}
	file := r.Parse(k.Path)
	if len(file.Problems) > 0 || len(file.Documents) == 0 {
		k.Aside = "is not YAML"
		if len(file.Problems) == 0 {
			k.problem(nil, RuleKustomize, "the kustomization is empty")
		}
		return k
	}
	k.root = file.Documents[0]
	k.index(k.root)
	// Use kustomize's own reader, which accepts Resources for resources: the check then sees the same as the build.
	if err := k.spec.Unmarshal([]byte(file.Text)); err != nil {
		k.unknown(err)
		return k
	}
	k.Component = k.spec.Kind == types.ComponentKind
	// Convert to the latest form, so that kustomize prints no warning about it.
	k.spec.FixKustomization()
	if err := k.spec.FixKustomizationPreMarshalling(below{disk{r: r}, folder}); err != nil {
		k.problem(nil, RuleKustomize, "%s", errorText(err.Error()))
	}
	k.aside()
	k.references(r)
	k.images()
	return k
}

func (k *Kustomization) problem(n *yaml.Node, rule, format string, args ...any) {
	if n == nil {
		n = &yaml.Node{}
	}
	k.Problems = append(k.Problems, at(n, rule, format, args...))
}

// index records the nodes of values.
func (k *Kustomization) index(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && k.nodes[n.Value] == nil {
		k.nodes[n.Value] = n
	}
	for _, child := range n.Content {
		k.index(child)
	}
}

var (
	unknownField = regexp.MustCompile(`unknown field "([^"]+)"`)
	wrongType    = regexp.MustCompile(`cannot unmarshal (\w+) into Go (?:struct field |value of type )(\S*)(?: of type (\S+))?`)
)

// unknown reports a field that kustomize cannot read.
func (k *Kustomization) unknown(err error) {
	k.Aside = "is not a kustomization"
	m := unknownField.FindStringSubmatch(err.Error())
	if m != nil && slices.Contains(fieldNames(), m[1]) {
		k.problem(k.nodes[m[1]], RuleKustomize, "the field %s is in the wrong place: it belongs to the top of a kustomization", quote(m[1]))
		return
	}
	if m != nil {
		k.problem(k.nodes[m[1]], RuleKustomize, "a kustomization has no field %s%s", quote(m[1]), hint(m[1], fieldNames()))
		return
	}
	if m := wrongType.FindStringSubmatch(err.Error()); m != nil {
		name := m[2][strings.LastIndexByte(m[2], '.')+1:]
		k.problem(k.nodes[name], RuleKustomize, "%s of a kustomization cannot be a JSON %s", name, m[1])
		return
	}
	k.problem(nil, RuleKustomize, "%s", errorText(err.Error()))
}

// fieldNames are the names of the fields of a kustomization.
func fieldNames() []string {
	var names []string
	for t, i := reflect.TypeFor[types.Kustomization](), 0; i < t.NumField(); i++ {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return append(names, "apiVersion", "kind")
}

// aside says why a kustomization is not built, before its references are read.
func (k *Kustomization) aside() {
	s := &k.spec
	old := s.CheckDeprecatedFields()
	switch {
	case len(s.HelmCharts)+len(s.HelmChartInflationGenerator) > 0 || s.HelmGlobals != nil:
		k.Aside = "runs Helm"
	case len(s.Generators)+len(s.Transformers)+len(s.Validators) > 0:
		k.Aside = "runs plugins"
	case old != nil && len(*old) > 0: // the other old fields were converted
		k.Aside = "has vars"
	case len(s.OpenAPI) > 0:
		k.Aside = "changes kustomize's own schemas" // for the whole process
	}
}

func (k *Kustomization) images() {
	for _, image := range k.spec.Images {
		entry := ImageEntry{From: image.Name, Name: image.NewName, Tag: image.NewTag, Digest: image.Digest}
		if entry.Name == "" {
			entry.Name = image.Name
		}
		for _, key := range []string{"images", "imageTags"} {
			for _, n := range items(k.root, key) {
				if str(n, "name") != image.Name || str(n, "newTag") != image.NewTag {
					continue
				}
				if entry.Node = field(n, "newTag"); entry.Node == nil {
					entry.Node = n
				}
			}
		}
		if entry.Node == nil {
			entry.Node = &yaml.Node{}
		}
		k.Images = append(k.Images, entry)
	}
}
