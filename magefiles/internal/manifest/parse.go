package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// parse returns the documents that are not empty.
func (f File) parse() (documents []*yaml.Node, err error) {
	if !utf8.Valid(f.Text) {
		return nil, &Error{Kind: ErrSyntax, File: f.Path, Problem: "is not UTF-8", Advice: "save it as UTF-8"}
	}
	documents, err = decode(f.Text)
	if err != nil {
		return nil, &Error{Kind: ErrSyntax, File: f.Path, Problem: "is not valid YAML: " + strings.TrimPrefix(err.Error(), "yaml: "), Advice: "if it is a template, render it first"}
	}
	each(documents, func(n *yaml.Node) {
		if first, second := duplicate(n); second != nil && err == nil {
			err = &Error{
				Kind: ErrSyntax, File: f.Path, Lines: []int{first.Line, second.Line},
				Problem: fmt.Sprintf("has the key %q twice in one mapping", second.Value), Advice: "remove one of them",
			}
		}
	})
	return documents, err
}

// decode parses all documents. The parser panics with texts that it takes for impossible. None is known, but manifests
// are foreign text.
func decode(text []byte) (documents []*yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			documents, err = nil, fmt.Errorf("the parser fails: %v", r)
		}
	}()
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var n yaml.Node
		switch err := d.Decode(&n); {
		case errors.Is(err, io.EOF):
			return documents, nil
		case err != nil:
			return nil, err
		case len(n.Content) > 0:
			documents = append(documents, &n)
		}
	}
}

// duplicate returns a key that a mapping has twice: its first and second node. Kubernetes refuses such manifests.
func duplicate(n *yaml.Node) (first, second *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return nil, nil
	}
	type key struct{ tag, value string }
	keys := map[key]*yaml.Node{}
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			continue
		}
		id := key{k.Tag, k.Value}
		if keys[id] != nil {
			return keys[id], k
		}
		keys[id] = k
	}
	return nil, nil
}

// differ compares documents before and after a change; edited are the scalars of before with their new values. It returns the
// line of the first difference, 0 if there is none.
func differ(before, after []*yaml.Node, edited map[*yaml.Node]string) int {
	lines := map[int]bool{} // on which columns move
	for n := range edited {
		lines[n.Line] = true
	}
	var was, is []*yaml.Node
	each(before, func(n *yaml.Node) { was = append(was, n) })
	each(after, func(n *yaml.Node) { is = append(is, n) })
	for i, a := range was {
		if i >= len(is) || !same(a, is[i], edited, lines[a.Line]) {
			return max(a.Line, 1)
		}
	}
	if len(is) > len(was) {
		return max(is[len(was)].Line, 1)
	}
	return 0
}

// same compares two nodes without their children.
func same(a, b *yaml.Node, edited map[*yaml.Node]string, moved bool) bool {
	value, isEdited := edited[a]
	if isEdited {
		return hasValue(b, value) && a.Line == b.Line && comments(a) == comments(b)
	}
	return a.Kind == b.Kind && a.Style == b.Style && a.Tag == b.Tag && a.Value == b.Value && a.Anchor == b.Anchor &&
		len(a.Content) == len(b.Content) && comments(a) == comments(b) && a.Line == b.Line && (moved || a.Column == b.Column)
}

func comments(n *yaml.Node) [3]string { return [3]string{n.HeadComment, n.LineComment, n.FootComment} }
