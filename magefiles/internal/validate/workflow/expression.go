package workflow

import (
	"strings"

	"github.com/rhysd/actionlint"
)

// expression is a ${{ … }} in a text.
type expression struct {
	start, end int    // of the whole expression, in bytes
	body       string // between the braces, without spaces around it
}

// expressions finds the ${{ … }} of a text. An unterminated one extends to the end of the text.
func expressions(text string) []expression {
	var found []expression
	for from := 0; ; {
		i := strings.Index(text[from:], "${{")
		if i < 0 {
			return found
		}
		start := from + i
		end, closed := endOf(text, start+3)
		body := text[start+3 : end]
		if closed {
			end += 2
		}
		found = append(found, expression{start, end, strings.TrimSpace(body)})
		from = end
	}
}

// endOf is the index of }} outside of 'strings'.
func endOf(text string, from int) (int, bool) {
	quoted := false
	for i := from; i < len(text); i++ {
		switch {
		case text[i] == '\'':
			quoted = !quoted
		case !quoted && text[i] == '}' && i+1 < len(text) && text[i+1] == '}':
			return i, true
		}
	}
	return len(text), false
}

// spelled is a path with the upper and lower case of the expression.
func (e expression) spelled(path []string) string {
	name := strings.Join(path, ".")
	if lower := strings.ToLower(e.body); len(lower) == len(e.body) {
		if i := strings.Index(lower, name); i >= 0 {
			return e.body[i : i+len(name)]
		}
	}
	return name
}

// references are the paths (github.event.issue.title, in lower case, split at the dots) whose text may appear in the result of an
// expression. Paths that it only compares or searches are left out. An expression that does not parse has none.
func references(body string) [][]string {
	node, err := actionlint.NewExprParser().Parse(actionlint.NewExprLexer(body + "}}"))
	if err != nil {
		return nil
	}
	return flows(node)
}

func flows(n actionlint.ExprNode) [][]string {
	switch n := n.(type) {
	case *actionlint.VariableNode, *actionlint.ObjectDerefNode, *actionlint.ArrayDerefNode, *actionlint.IndexAccessNode:
		if path, base := follow(n); base == nil {
			return [][]string{path}
		} else {
			return flows(base) // fromJSON(inputs.list)[0]
		}
	case *actionlint.FuncCallNode:
		return call(n)
	case *actionlint.LogicalOpNode:
		if n.Kind == actionlint.LogicalOpNodeKindAnd {
			return flows(n.Right) // the left side is the result only if it is false, empty or 0
		}
		return append(flows(n.Left), flows(n.Right)...)
	}
	return nil
}

func call(n *actionlint.FuncCallNode) [][]string {
	switch strings.ToLower(n.Callee) {
	case "contains", "startswith", "endswith", "hashfiles", "always", "success", "failure", "cancelled":
		return nil
	}
	var found [][]string
	for _, arg := range n.Args {
		found = append(found, flows(arg)...)
	}
	return found
}

// follow is the path of properties that n reads from a context, or the node that it starts at.
func follow(n actionlint.ExprNode) (path []string, base actionlint.ExprNode) {
	switch n := n.(type) {
	case *actionlint.VariableNode:
		return []string{strings.ToLower(n.Name)}, nil
	case *actionlint.ObjectDerefNode:
		path, base = follow(n.Receiver)
		return append(path, strings.ToLower(n.Property)), base
	case *actionlint.ArrayDerefNode:
		path, base = follow(n.Receiver)
		return append(path, "*"), base
	case *actionlint.IndexAccessNode:
		path, base = follow(n.Operand)
		if literal, ok := n.Index.(*actionlint.StringNode); ok {
			return append(path, strings.ToLower(literal.Value)), base
		}
		return append(path, "*"), base
	}
	return nil, n
}
