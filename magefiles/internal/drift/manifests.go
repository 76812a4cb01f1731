package drift

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/kubernetes"
)

// manifests are the files that Argo CD deploys from. validate reports their errors.
type manifests struct {
	files *kubernetes.Repository
	names []string // of the YAML files, except templates of Helm charts, which are not YAML yet
}

// manifestsKey is the key under which the checks share the manifests.
type manifestsKey struct{ dir string }

func manifestsIn(tree *validate.Tree, dir string) *manifests {
	return validate.Shared(tree, manifestsKey{dir}, func(tree *validate.Tree) *manifests {
		m := &manifests{files: kubernetes.NewRepository(tree.Files("."), tree.Text)}
		suffixes := []string{".yaml", ".yml"}
		for _, name := range kubernetes.FileNames() {
			suffixes = append(suffixes, "/"+name)
		}
		m.names = slices.DeleteFunc(tree.Files(dir, suffixes...), m.files.IsTemplate)
		return m
	})
}

func (m *manifests) objects(name string) []kubernetes.Object {
	return kubernetes.Objects(m.files.Parse(name).Documents)
}

// get is the value at the path of keys, or nil. It does not follow aliases: manifests rarely use them for the fields that are read here.
func get(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var value *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				value = n.Content[i+1]
				break
			}
		}
		n = value
	}
	return n
}

// text is a scalar's text, "" for other nodes.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// declared is an Application that a manifest declares.
type declared struct {
	name, project string
	path          string
	line, column  int
	auto          bool
}

// applications are the Applications in the manifests, in the order of the files.
func (m *manifests) applications() []declared {
	var found []declared
	for _, path := range m.names {
		for _, o := range m.objects(path) {
			name := get(o.Node, "metadata", "name")
			if o.Kind != "Application" || !strings.HasPrefix(o.APIVersion, "argoproj.io/") || text(name) == "" {
				continue
			}
			automated := get(o.Node, "spec", "syncPolicy", "automated")
			found = append(found, declared{
				name: text(name), project: text(get(o.Node, "spec", "project")), path: path, line: name.Line, column: name.Column,
				auto: automated != nil && automated.Kind == yaml.MappingNode && text(get(automated, "enabled")) != "false",
			})
		}
	}
	return found
}
