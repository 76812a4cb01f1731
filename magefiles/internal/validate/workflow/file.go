package workflow

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// Limits of what is checked. The limits of expressions are GitHub's (actions/runner: ExpressionConstants).
const (
	maxDepth      = 100     // of YAML
	maxNodes      = 100_000 // of YAML, with aliases expanded
	maxExpression = 21_000  // characters
	maxNesting    = 50      // of an expression
)

// file is a workflow or an action that is being checked.
type file struct {
	Options
	action   bool
	merges   bool // a mapping takes keys from another (<<)
	aliases  bool // a value is an alias (*)
	text     string
	lines    []string
	root     *yaml.Node // the top-level mapping, with aliases resolved and merges expanded
	problems []Problem
	rewrites int // steps for which a fix was sought

	// Set by model.
	inputs map[string]string // type by name in lower case, "" for an input without a type
	called bool              // an input may come from a workflow_call
	refs   bool              // another person may choose the name of the ref
	env    *yaml.Node
	jobs   []*job
}

var yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`) })

// parse parses the YAML, and says whether the file can be checked further.
func (f *file) parse() bool {
	decoder := yaml.NewDecoder(strings.NewReader(f.text))
	var doc, next yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		f.unreadable(err)
		return false
	}
	if err := decoder.Decode(&next); err == nil {
		f.report(Problem{Line: next.Line, Column: next.Column, Rule: RuleYAML, Message: "a second YAML document, which is not read", Do: "Move it to its own file."})
	}
	root := doc.Content[0]
	w := walker{file: f, extents: map[*yaml.Node]extent{}, open: map[*yaml.Node]bool{}}
	w.node(root, 0)
	if w.stopped {
		return false
	}
	if root.Kind != yaml.MappingNode {
		f.report(Problem{Line: root.Line, Column: root.Column, Rule: RuleYAML, Message: "the file is not a mapping of keys to values"})
		return false
	}
	f.root = root
	if f.merges {
		f.merge(root, map[*yaml.Node]bool{})
	}
	return true
}

func (f *file) unreadable(err error) {
	if errors.Is(err, io.EOF) {
		f.report(Problem{Rule: RuleYAML, Message: "the file is empty"})
		return
	}
	message, _, _ := strings.Cut(err.Error(), "\n")
	m := yamlLine().FindStringSubmatch(message)
	line, _ := strconv.Atoi(m[1]) // 0 if there is none
	f.report(Problem{Line: line, Rule: RuleYAML, Message: "not YAML: " + message[len(m[0]):]})
}

// walker visits each node once, replaces aliases by their targets, and counts the nodes that later readers see.
type walker struct {
	*file
	extents map[*yaml.Node]extent // of anchored nodes
	open    map[*yaml.Node]bool   // anchored nodes around the current one
	stopped bool
}

// extent is the size of a node with aliases expanded: the number of nodes, including itself, and of levels.
type extent struct{ size, height int }

func (w *walker) stop(n *yaml.Node, message string) {
	if !w.stopped {
		w.report(Problem{Line: n.Line, Column: n.Column, Rule: RuleYAML, Message: message})
	}
	w.stopped = true
}

// node returns the extent of n.
func (w *walker) node(n *yaml.Node, depth int) extent {
	if n.Anchor != "" {
		w.open[n] = true
	}
	if n.Kind == yaml.MappingNode {
		w.duplicates(n)
	}
	e := extent{size: 1}
	for i, child := range n.Content {
		c := w.child(n, i, child, depth)
		e = extent{e.size + c.size, max(e.height, c.height+1)}
		switch {
		case w.stopped:
			return e
		case e.size > maxNodes:
			w.stop(child, fmt.Sprintf("more than %d values", maxNodes))
			return e
		}
	}
	w.expressions(n)
	if n.Anchor != "" {
		delete(w.open, n)
		w.extents[n] = e
	}
	return e
}

// child replaces an alias by its target.
func (w *walker) child(parent *yaml.Node, i int, child *yaml.Node, depth int) extent {
	height := 0
	if child.Kind == yaml.AliasNode {
		if w.open[child.Alias] {
			w.stop(child, fmt.Sprintf("the alias *%s contains itself", child.Value))
			return extent{}
		}
		parent.Content[i], w.aliases = child.Alias, true
		height = w.extents[child.Alias].height
	}
	if depth+1+height > maxDepth {
		w.stop(child, fmt.Sprintf("nested deeper than %d levels", maxDepth))
		return extent{}
	}
	if child.Kind == yaml.AliasNode {
		return w.extents[child.Alias]
	}
	return w.node(child, depth+1)
}

// duplicates reports duplicate keys in a mapping.
func (w *walker) duplicates(n *yaml.Node) {
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		w.merges = w.merges || isMerge(key)
		if key.Kind != yaml.ScalarNode {
			continue
		}
		if line, ok := seen[key.Value]; ok {
			w.report(Problem{Line: key.Line, Column: key.Column, Rule: RuleYAML, Message: fmt.Sprintf("duplicate key %s, first in line %d", quote(key.Value), line)})
			continue
		}
		seen[key.Value] = key.Line
	}
}

// expressions stops at expressions that are too large for recursive parsers.
func (w *walker) expressions(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		if condition := get(n, "if"); condition != nil && tooLarge(condition.Value) {
			w.stop(condition, "an expression is too large")
		}
	}
	if n.Kind != yaml.ScalarNode {
		return
	}
	for _, e := range expressions(n.Value) {
		if tooLarge(e.body) {
			w.stop(n, "an expression is too large")
			return
		}
	}
}

func tooLarge(expression string) bool {
	if len(expression) > maxExpression {
		return true
	}
	depth, nots := 0, 0
	for _, c := range []byte(expression) {
		switch c {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case '!':
			nots++
		}
		if depth > maxNesting {
			return true
		}
	}
	return nots > maxNesting*4
}

// get is the value of a key, or nil.
func get(m *yaml.Node, key string) *yaml.Node {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if k := m.Content[i]; k.Kind == yaml.ScalarNode && k.Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

// scalar is a node's text, "" if it is not a scalar.
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// pairs calls do with the keys and values of a mapping.
func pairs(m *yaml.Node, do func(key, value *yaml.Node)) {
	if m == nil || m.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		do(m.Content[i], m.Content[i+1])
	}
}

// quote quotes text of a file, shortened to keep messages readable.
func quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return s
}
