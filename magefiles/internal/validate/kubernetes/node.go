package kubernetes

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// deref is the target of an alias, or the node itself.
func deref(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	return n == nil || n.Kind == 0 || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// isMerge says whether a key is the merge key <<.
func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && (key.Tag == "" || key.Tag == "!" || key.ShortTag() == "!!merge")
}

// fields calls visit for each field of a mapping, including those that << merges in.
func fields(n *yaml.Node, visit func(key, value *yaml.Node)) {
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			merged = append(merged, n.Content[i+1])
			continue
		}
		visit(n.Content[i], deref(n.Content[i+1]))
	}
	if merged == nil {
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		seen[n.Content[i].Value] = true
	}
	for len(merged) > 0 {
		from := deref(merged[0])
		merged = merged[1:]
		switch from.Kind {
		case yaml.SequenceNode:
			merged = slices.Concat(from.Content, merged)
		case yaml.MappingNode:
			fields(from, func(key, value *yaml.Node) {
				if !seen[key.Value] {
					seen[key.Value] = true
					visit(key, value)
				}
			})
		}
	}
}

// field is the value of the field at the path of names; nil if there is none.
func field(n *yaml.Node, names ...string) *yaml.Node {
	n = deref(n)
	for _, name := range names {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var found *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				found = deref(n.Content[i+1])
			} else if found == nil && isMerge(n.Content[i]) {
				fields(n, func(key, value *yaml.Node) {
					if key.Value == name {
						found = value
					}
				})
			}
		}
		n = found
	}
	return n
}

// str is a field that is text, otherwise "".
func str(n *yaml.Node, names ...string) string {
	if n = field(n, names...); n == nil || n.Kind != yaml.ScalarNode || isNull(n) {
		return ""
	}
	return n.Value
}

// items are the items of a field that is a list.
func items(n *yaml.Node, names ...string) []*yaml.Node {
	if n = field(n, names...); n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	list := make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		list[i] = deref(item)
	}
	return list
}

// An Object is a Kubernetes object in a document, or the target of a patch.
type Object struct {
	Node                   *yaml.Node
	APIVersion, Kind, Name string
}

// String is the name in messages: Deployment "docs".
func (o Object) String() string {
	if o.Name == "" {
		return o.Kind
	}
	return o.Kind + ` "` + shorten(o.Name) + `"`
}

// Objects are the objects in documents with an apiVersion and a kind, and the items of a List.
func Objects(documents []*yaml.Node) []Object {
	var list []Object
	for _, n := range documents {
		list = appendObjects(list, n, 0)
	}
	return list
}

func appendObjects(list []Object, n *yaml.Node, depth int) []Object {
	o := Object{Node: deref(n), APIVersion: str(n, "apiVersion"), Kind: str(n, "kind"), Name: str(n, "metadata", "name")}
	if o.APIVersion == "" || o.Kind == "" {
		return list
	}
	if o.APIVersion == "v1" && o.Kind == "List" && depth < 8 {
		for _, item := range items(n, "items") {
			list = appendObjects(list, item, depth+1)
		}
		return list
	}
	return append(list, o)
}
