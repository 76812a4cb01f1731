package manifest

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// search looks for a place. It does not follow aliases and merge keys: the nodes behind one may be used elsewhere, too.
type search struct {
	shared  map[*yaml.Node]bool // nodes that an alias names, with all below them
	hits    []hit
	hidden  []int        // lines of aliases and merge keys on the way, which may hide more matches
	noticed map[int]bool // the same, as a set
}

// hit is a match: the scalar, or why it cannot be changed.
type hit struct {
	line    int
	value   *yaml.Node
	problem string
}

// find returns the scalar at a place.
func (f File) find(documents []*yaml.Node, p Place) (*yaml.Node, error) {
	s := &search{shared: shared(documents), noticed: map[int]bool{}}
	for _, document := range documents {
		p.find(s, document.Content[0])
	}
	lines := make([]int, len(s.hits))
	for i, h := range s.hits {
		lines[i] = h.line
	}
	switch {
	case len(s.hits) > 1:
		return nil, f.errorAt(ErrSeveral, p, fmt.Sprintf("found %d times, expected exactly 1", len(s.hits)), "remove all but one", lines...)
	case len(s.hidden) > 0:
		return nil, f.errorAt(ErrForm, p, "may be inside an alias or a merge key, which cannot be changed", "replace the alias by its content", s.hidden...)
	case len(s.hits) == 0:
		return nil, f.errorAt(ErrNone, p, "not found, expected exactly 1", p.missing())
	case s.hits[0].problem != "":
		return nil, f.errorAt(ErrForm, p, "cannot be changed: "+s.hits[0].problem, "write the value itself, in one line", lines...)
	}
	return s.hits[0].value, nil
}

// shared are the nodes that an alias names, with all below them.
func shared(documents []*yaml.Node) map[*yaml.Node]bool {
	set := map[*yaml.Node]bool{}
	var mark func(n *yaml.Node)
	mark = func(n *yaml.Node) {
		if !set[n] {
			set[n] = true
			for _, child := range n.Content {
				mark(child)
			}
		}
	}
	each(documents, func(n *yaml.Node) {
		if n.Kind == yaml.AliasNode {
			mark(n.Alias)
		}
	})
	return set
}

// each visits nodes and all below them, in the order of the file. Aliases are visited, not followed.
func each(nodes []*yaml.Node, visit func(*yaml.Node)) {
	for _, n := range nodes {
		visit(n)
		each(n.Content, visit)
	}
}

// get is the value of a key; nil if there is none.
func (s *search) get(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	merge := 0
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch k := n.Content[i]; {
		case k.Kind == yaml.ScalarNode && k.Value == key:
			return s.seen(n.Content[i+1])
		case k.Kind == yaml.ScalarNode && k.Tag == "!!merge":
			merge = k.Line
		}
	}
	if merge != 0 {
		s.hide(merge)
	}
	return nil
}

// items are the nodes of a list; none if n is not a list.
func (s *search) items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	var items []*yaml.Node
	for _, item := range n.Content {
		if item = s.seen(item); item != nil {
			items = append(items, item)
		}
	}
	return items
}

// seen is the node itself, nil for an alias.
func (s *search) seen(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		s.hide(n.Line)
		return nil
	}
	return n
}

func (s *search) hide(line int) {
	if !s.noticed[line] {
		s.noticed[line] = true
		s.hidden = append(s.hidden, line)
	}
}

// text is the scalar under a key; "" if there is none.
func (s *search) text(n *yaml.Node, key string) string {
	if v := s.get(n, key); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

// hit reports that the value under a key of n is the place.
func (s *search) hit(n *yaml.Node, key string) {
	h := hit{line: n.Line}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			h.value = n.Content[i+1]
			h.line = h.value.Line
		}
	}
	h.problem = s.unfit(h.value, key)
	s.hits = append(s.hits, h)
}

// unfit says why the node of a key cannot be changed; "" if it can.
func (s *search) unfit(n *yaml.Node, key string) string {
	switch {
	case n == nil:
		return "it has no " + key + " (is it set with " + key + "From?)"
	case n.Kind == yaml.AliasNode:
		return "its " + key + " is the alias *" + n.Value
	case n.Kind != yaml.ScalarNode:
		return "its " + key + " is a list or a mapping"
	case n.Anchor != "":
		return "its " + key + " has the anchor &" + n.Anchor
	case s.shared[n]:
		return "an alias elsewhere repeats its " + key
	case n.Style&yaml.TaggedStyle != 0:
		return "its " + key + " has the tag " + n.Tag
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return "its " + key + " is a block scalar (| or >)"
	case n.Tag == "!!null" && n.Value == "":
		return "its " + key + " is empty (an empty text is \"\")"
	case strings.Contains(n.Value, "{{"):
		return "its " + key + " is a template, which is filled in later"
	}
	return ""
}
