package workflow

import (
	"regexp"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// Branches is a place in a workflow that names branches of its repository: the workflow acts only on these.
type Branches struct {
	Line, Column int
	Names        []string
	What         string // as in `runs on push to`
}

// BranchesOf returns the branches of a workflow's events, and those in its conditions. Patterns and excluded branches are left out; a text
// that does not parse has none.
func BranchesOf(text string) (found []Branches) {
	f := &file{text: text}
	if !f.parse() {
		return nil
	}
	pairs(get(f.root, "on"), func(event, filter *yaml.Node) {
		if branches := get(filter, "branches"); branches != nil {
			if names, ok := literals(branches); ok {
				found = append(found, Branches{branches.Line, branches.Column, names, "runs on " + event.Value + " to"})
			}
		}
	})
	return append(found, conditions(f.root)...)
}

// literals are the names in a list, or a single text; ok is false if one of them is a pattern.
func literals(n *yaml.Node) (names []string, ok bool) {
	list := n.Content
	if n.Kind == yaml.ScalarNode {
		list = []*yaml.Node{n}
	}
	for _, item := range list {
		name := scalar(item)
		if name == "" || strings.ContainsAny(name, "*?[]+!$") {
			return nil, false
		}
		names = append(names, name)
	}
	return names, len(names) > 0
}

var branchRef = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`==\s*'refs/heads/([^'*?$]+)'`) })

// conditions are the branches that an `if` compares with. A condition with several branches counts for each.
func conditions(n *yaml.Node) (found []Branches) {
	pairs(n, func(key, value *yaml.Node) {
		if key.Value != "if" || value.Kind != yaml.ScalarNode {
			return
		}
		b := Branches{Line: value.Line, Column: value.Column, What: "has a condition for"}
		for _, m := range branchRef().FindAllStringSubmatch(value.Value, -1) {
			b.Names = append(b.Names, m[1])
		}
		if len(b.Names) > 0 {
			found = append(found, b)
		}
	})
	for _, child := range n.Content {
		found = append(found, conditions(child)...)
	}
	return found
}
