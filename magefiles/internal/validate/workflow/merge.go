package workflow

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// isMerge says whether a key is the merge key <<. A quoted one is an ordinary key.
func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && key.ShortTag() == "!!merge"
}

// merge replaces the merge keys below n by the keys that they add. A mapping's own keys take precedence over merged ones, and the first
// merged mapping over the next, as in every decoder of YAML 1.1, including Forgejo's. Each node is visited once.
func (f *file) merge(n *yaml.Node, done map[*yaml.Node]bool) {
	if done[n] {
		return
	}
	done[n] = true
	for _, child := range n.Content {
		f.merge(child, done)
	}
	if n.Kind != yaml.MappingNode || !slices.ContainsFunc(n.Content, isMerge) {
		return
	}
	seen := map[string]bool{}
	var own, merged []*yaml.Node
	pairs(n, func(key, value *yaml.Node) {
		if !isMerge(key) {
			seen[key.Value] = true
			own = append(own, key, value)
		}
	})
	pairs(n, func(key, value *yaml.Node) {
		if isMerge(key) {
			merged = append(merged, f.merged(value, seen)...)
		}
	})
	n.Content = append(own, merged...)
}

// merged are the keys and values that a merge key's value adds, without those in seen.
func (f *file) merged(value *yaml.Node, seen map[string]bool) (found []*yaml.Node) {
	sources := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		sources = value.Content
	}
	for _, source := range sources {
		if source.Kind != yaml.MappingNode {
			f.report(Problem{Line: source.Line, Column: source.Column, Rule: RuleYAML, Message: "a merge key (<<) must have a mapping, or a list of mappings"})
			continue
		}
		pairs(source, func(key, value *yaml.Node) {
			if !seen[key.Value] {
				seen[key.Value] = true
				found = append(found, key, value)
			}
		})
	}
	return found
}

// rendered is the workflow with its merges expanded, for a reader without support for them, and the place of each of its nodes in the file.
type rendered struct {
	file  *file
	text  []byte
	lines []string
	nodes []renderedNode // in the order of the text
}

type renderedNode struct{ here, there *yaml.Node }

// render writes the workflow without merges. It fails for values that the library can read but not write.
func (f *file) render() (*rendered, error) {
	text, err := yaml.Marshal(bare(f.root))
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	r := &rendered{file: f, text: text, lines: strings.Split(string(text), "\n")}
	r.pair(doc.Content[0], f.root)
	return r, nil
}

// bare is a copy of a tree with only its values: without comments, which may move, and without anchors, which nothing refers to any more.
func bare(n *yaml.Node) *yaml.Node {
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style}
	for _, child := range n.Content {
		c.Content = append(c.Content, bare(child))
	}
	return c
}

// pair records the origin of a rendered node, and of all nodes below it.
func (r *rendered) pair(here, there *yaml.Node) {
	r.nodes = append(r.nodes, renderedNode{here, there})
	for i := range min(len(here.Content), len(there.Content)) {
		r.pair(here.Content[i], there.Content[i])
	}
}

// at converts a place in the rendered text to the place in the file.
func (r *rendered) at(line, column int) (int, int) {
	i, found := slices.BinarySearchFunc(r.nodes, yaml.Node{Line: line, Column: column}, func(n renderedNode, at yaml.Node) int {
		return cmp.Or(cmp.Compare(n.here.Line, at.Line), cmp.Compare(n.here.Column, at.Column))
	})
	if !found {
		i-- // inside a value
	}
	if i < 0 {
		return 1, 1
	}
	here, there := r.nodes[i].here, r.nodes[i].there
	if here.Kind != yaml.ScalarNode || line == here.Line && column <= here.Column || line-1 >= len(r.lines) {
		return there.Line, there.Column
	}
	return r.within(here, there, line, column)
}

var linted = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`line:(\d+), ?col(?:umn)?:(\d+)`) })

// places converts the places in a message of actionlint.
func (r *rendered) places(message string) string {
	return linted().ReplaceAllStringFunc(message, func(place string) string {
		m := linted().FindStringSubmatch(place)
		line, _ := strconv.Atoi(m[1])
		column, _ := strconv.Atoi(m[2])
		line, column = r.at(line, column)
		return fmt.Sprintf("line:%d,col:%d", line, column)
	})
}

// within converts a place inside a scalar: at the same distance from the beginning of its line's text.
func (r *rendered) within(here, there *yaml.Node, line, column int) (int, int) {
	from, to := line, there.Line+line-here.Line
	if there.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && line != here.Line {
		return there.Line, there.Column
	}
	original, ok := r.file.line(to)
	text := strings.TrimLeft(r.lines[from-1], " ")
	at := strings.Index(original, text)
	if line == here.Line {
		return there.Line, there.Column + column - here.Column
	}
	if !ok || text == "" || at < 0 {
		return there.Line, there.Column
	}
	indent := utf8.RuneCountInString(r.lines[from-1]) - utf8.RuneCountInString(text)
	return to, max(1, column-indent+utf8.RuneCountInString(original[:at]))
}
