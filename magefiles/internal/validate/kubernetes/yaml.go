package kubernetes

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The limits of a document: files that people write nest less than 60 deep, and use anchors to repeat something two or ten times.
const (
	maxDepth  = 500
	maxGrowth = 10     // the maximum factor by which aliases may enlarge a document,
	freeNodes = 10_000 // if it has more than this number of nodes
)

// The kinds of Problems. Package checks has them as rules.
const (
	RuleYAML      = "yaml"
	RuleDuplicate = "duplicate"
	RuleKind      = "kind"
	RuleSchema    = "schema"
	RuleKustomize = "kustomize"
	RuleRemote    = "remote"
)

// A Problem is an error at a place of a text. Line and Column count from 1; 0 means the whole text or the whole line. Columns count
// characters.
type Problem struct {
	Line, Column  int
	Rule, Message string
}

func at(n *yaml.Node, rule, format string, args ...any) Problem {
	return Problem{Line: n.Line, Column: n.Column, Rule: rule, Message: fmt.Sprintf(format, args...)}
}

// Parse parses the documents of a YAML text. Code can walk the returned documents safely: none nests more than 500 deep with its aliases,
// and no alias makes it much larger. An error ends the parsing; a duplicate key does not.
func Parse(text string) (documents []*yaml.Node, problems []Problem) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		switch {
		case errors.Is(err, io.EOF):
			return documents, problems
		case err != nil:
			return nil, append(problems, explain(text, err))
		}
		guard := guard{known: map[*yaml.Node]extent{}}
		whole := guard.visit(&document)
		if guard.problem == nil && whole.nodes > freeNodes+maxGrowth*guard.nodes {
			guard.problem = &Problem{Line: document.Line, Rule: RuleYAML, Message: fmt.Sprintf("aliases expand to %d nodes, from %d", whole.nodes, guard.nodes)}
		}
		problems = append(problems, guard.duplicates...)
		if guard.problem != nil {
			return nil, append(problems, *guard.problem)
		}
		if len(document.Content) > 0 {
			documents = append(documents, document.Content[0])
		}
	}
}

// extent is the size of a node with its aliases expanded.
type extent struct{ nodes, depth int }

// guard visits each node once.
type guard struct {
	known      map[*yaml.Node]extent // of anchored nodes; the zero extent while it is being visited
	nodes      int                   // without expanded aliases
	depth      int
	problem    *Problem
	duplicates []Problem
}

func (g *guard) visit(n *yaml.Node) extent {
	if n.Kind == yaml.AliasNode {
		return g.alias(n)
	}
	if n.Anchor != "" {
		g.known[n] = extent{}
	}
	g.nodes++
	g.depth++
	sum := extent{nodes: 1}
	if g.depth > maxDepth {
		g.tooDeep(n)
	} else {
		if n.Kind == yaml.MappingNode {
			g.keys(n)
		}
		for _, child := range n.Content {
			below := g.visit(child)
			sum.nodes = min(sum.nodes+below.nodes, 1<<40)
			sum.depth = max(sum.depth, below.depth)
		}
	}
	g.depth--
	sum.depth++
	if n.Anchor != "" {
		g.known[n] = sum
	}
	return sum
}

func (g *guard) alias(n *yaml.Node) extent {
	g.nodes++
	target := g.known[n.Alias]
	switch {
	case target.nodes == 0 && g.problem == nil:
		problem := at(n, RuleYAML, "anchor %q contains itself", n.Value)
		g.problem = &problem
	case g.depth+target.depth > maxDepth:
		g.tooDeep(n)
	}
	return target
}

func (g *guard) tooDeep(n *yaml.Node) {
	if g.problem == nil {
		problem := at(n, RuleYAML, "has more than %d levels", maxDepth)
		g.problem = &problem
	}
}

// keys reports duplicate keys. Kubernetes converts YAML to JSON, so that 1 and "1" are the same.
func (g *guard) keys(n *yaml.Node) {
	if len(n.Content) <= 16 { // the usual case
		for i := 2; i+1 < len(n.Content); i += 2 {
			for j := 0; j < i; j += 2 {
				if a, b := n.Content[j], n.Content[i]; a.Kind == yaml.ScalarNode && b.Kind == yaml.ScalarNode && a.Value == b.Value {
					g.duplicate(b, a)
					break
				}
			}
		}
		return
	}
	seen := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			continue
		}
		if first := seen[key.Value]; first != nil {
			g.duplicate(key, first)
			continue
		}
		seen[key.Value] = key
	}
}

func (g *guard) duplicate(key, first *yaml.Node) {
	if len(g.duplicates) < maxProblems {
		g.duplicates = append(g.duplicates, at(key, RuleDuplicate, "duplicate key %q, first in line %d", shorten(key.Value), first.Line))
	}
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// explain makes a problem of a parser's error, and finds a better line if the error's is too coarse.
func explain(text string, err error) Problem {
	p := Problem{Line: 1, Rule: RuleYAML, Message: err.Error()}
	if m := yamlError.FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Line, p.Message = max(p.Line, 1), m[2]
	}
	lines := strings.SplitAfter(text, "\n")
	if strings.HasPrefix(p.Message, "did not find expected") && len(text) <= 64<<10 {
		// The line is that of the construct being parsed, such as the whole mapping. The end of the shortest prefix of the text with this
		// error is better.
		p.Line = 1 + sort.Search(len(lines)-1, func(i int) bool {
			err := yaml.Unmarshal([]byte(strings.Join(lines[:i+1], "")), new(yaml.Node))
			return err != nil && strings.HasSuffix(err.Error(), p.Message)
		})
	}
	if p.Line <= len(lines) && strings.HasPrefix(strings.TrimLeft(lines[p.Line-1], " "), "\t") {
		p.Message = "a tab indents this line"
	}
	return p
}

// shorten shortens text for a message.
func shorten(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return s
}
