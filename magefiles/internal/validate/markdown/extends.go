package markdown

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Base returns the text of a settings file that another one extends, by the path that the other one writes, and a Base for the files that it
// extends itself. The reason is in err if there is none.
type Base func(path string) (text string, next Base, err error)

// deepest is the maximum number of files that extend each other.
const deepest = 8

var errDeep = fmt.Errorf("more than %d files extend each other", deepest)

// extended is a mapping of settings with those of the files that it extends, as markdownlint merges them: the settings of the other file come
// first, and a key of this file replaces the same one of the other.
func (r *reader) extended(root *yaml.Node, base Base, depth int) *yaml.Node {
	if root.Kind != yaml.MappingNode {
		return root
	}
	own := &yaml.Node{Kind: yaml.MappingNode, Tag: root.Tag, Line: root.Line, Column: root.Column}
	var from *yaml.Node
	for i := 0; i+1 < len(root.Content); i += 2 {
		if key, value := root.Content[i], root.Content[i+1]; key.Value != "extends" {
			own.Content = append(own.Content, key, value)
		} else if value.Kind != yaml.ScalarNode {
			r.refuse(value, "extends must be the path of a file")
		} else if value.Value != "" && value.Tag != "!!null" {
			from = value
		}
	}
	if from == nil {
		return own
	}
	other, err := r.base(from.Value, base, depth)
	if err != nil {
		r.refuse(from, "extends %s: %s", from.Value, err)
		return own
	}
	r.others = map[*yaml.Node]bool{}
	remember(other, r.others)
	return merged(other, own)
}

// remember adds a node and all below it.
func remember(n *yaml.Node, to map[*yaml.Node]bool) {
	to[n] = true
	for _, child := range n.Content {
		remember(child, to)
	}
}

// base reads a file that another one extends. Its problems are not those of the other file.
func (r *reader) base(path string, base Base, depth int) (*yaml.Node, error) {
	switch {
	case base == nil:
		return nil, errors.New("is not supported here")
	case depth == deepest:
		r.deep = true
		return nil, errDeep
	}
	text, next, err := base(path)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(strings.TrimSpace(text), "{") || strings.HasPrefix(strings.TrimSpace(text), "/") {
		text = WithoutComments(text)
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		_, message := yamlError(err)
		return nil, fmt.Errorf("the settings are not YAML: %s", message)
	}
	if len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("the settings are not a mapping of rules to options")
	}
	inner := &reader{settings: r.settings}
	found := inner.extended(document.Content[0], next, depth+1)
	if len(inner.problems) > 0 && inner.deep {
		r.deep = true
		return nil, errDeep
	}
	if len(inner.problems) > 0 {
		return nil, fmt.Errorf("line %d: %s", inner.problems[0].Line, inner.problems[0].Message)
	}
	return found, nil
}

// merged are the settings of two mappings.
func merged(base, own *yaml.Node) *yaml.Node {
	all := &yaml.Node{Kind: yaml.MappingNode, Tag: own.Tag, Line: own.Line, Column: own.Column}
	values, used := map[string][2]*yaml.Node{}, map[string]bool{}
	for i := 0; i+1 < len(own.Content); i += 2 {
		values[own.Content[i].Value] = [2]*yaml.Node{own.Content[i], own.Content[i+1]}
	}
	for i := 0; i+1 < len(base.Content); i += 2 {
		key, value := base.Content[i], base.Content[i+1]
		if mine, replaced := values[key.Value]; replaced {
			key, value = mine[0], mine[1]
			used[key.Value] = true
		}
		all.Content = append(all.Content, key, value)
	}
	for i := 0; i+1 < len(own.Content); i += 2 {
		if !used[own.Content[i].Value] {
			all.Content = append(all.Content, own.Content[i], own.Content[i+1])
		}
	}
	return all
}
