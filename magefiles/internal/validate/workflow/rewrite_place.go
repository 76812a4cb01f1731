package workflow

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// places finds the place of each expression in the script.
func (r *rewriter) places(tree *syntax.File) {
	r.quoting = map[int]place{}
	var stack []syntax.Node
	list := expressions(r.script)
	note := func(n syntax.Node, kind place) {
		for _, e := range list {
			if from, end := int(n.Pos().Offset()), int(n.End().Offset()); from <= e.start && e.end <= end {
				r.quoting[e.start] = kind
			}
		}
	}
	syntax.Walk(tree, func(n syntax.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		switch n := n.(type) {
		case *syntax.Comment:
			note(n, inDouble)
		case *syntax.Lit:
			note(n, placeOf(stack))
		case *syntax.SglQuoted:
			if kind := placeOf(stack); kind == unquoted && !n.Dollar {
				note(n, inSingle)
			}
		}
		stack = append(stack, n)
		return true
	})
}

// placeOf is the place of a literal with these nodes around it.
func placeOf(around []syntax.Node) place {
	kind := unquoted
	for i, n := range around {
		var inner syntax.Node
		if i+1 < len(around) {
			inner = around[i+1]
		}
		switch n := n.(type) {
		case *syntax.BinaryCmd:
			if (n.Op == syntax.Pipe || n.Op == syntax.PipeAll) && inner == syntax.Node(n.X) && interprets(n.Y) {
				return leave
			}
		case *syntax.File, *syntax.Block, *syntax.IfClause, *syntax.WhileClause, *syntax.Subshell, *syntax.FuncDecl, *syntax.CaseClause, *syntax.TimeClause,
			*syntax.TestClause, *syntax.ParenTest, *syntax.UnaryTest, *syntax.ForClause, *syntax.Stmt:
		case *syntax.CmdSubst:
			if n.Backquotes || n.TempFile || n.ReplyVar {
				return leave
			}
			kind = unquoted
		case *syntax.Word:
			if slices.ContainsFunc(n.Parts, func(part syntax.WordPart) bool {
				l, ok := part.(*syntax.Lit)
				return ok && strings.Contains(l.Value, "{")
			}) && kind == unquoted {
				kind = leave // perhaps a list in braces; quotes below are fine
			}
		case *syntax.DblQuoted:
			if n.Dollar {
				return leave
			}
			kind = inDouble
		case *syntax.Redirect:
			if inner == syntax.Node(n.Hdoc) {
				if !expands(n) || !isPlain(around[:i]) {
					return leave
				}
				kind = inDouble
			} else if n.Op == syntax.WordHdoc && !isPlain(around[:i]) {
				return leave
			}
		case *syntax.CallExpr:
			if _, assigns := inner.(*syntax.Assign); !assigns && (len(n.Args) == 0 || inner == syntax.Node(n.Args[0]) || !isSafe(n)) {
				return leave
			}
		case *syntax.DeclClause:
			if n.Variant.Value != "export" && n.Variant.Value != "local" && n.Variant.Value != "readonly" {
				return leave
			}
		case *syntax.Assign:
			if n.Array != nil || n.Index != nil || n.Naked || inner != syntax.Node(n.Value) {
				return leave
			}
		case *syntax.WordIter:
			if _, words := inner.(*syntax.Word); words {
				kind = leave // the value may be several words; quotes below are fine
			}
		case *syntax.CaseItem:
			if _, pattern := inner.(*syntax.Word); pattern {
				return leave
			}
		case *syntax.BinaryTest:
			switch n.Op {
			case syntax.TsMatchShort, syntax.TsMatch, syntax.TsNoMatch:
				if inner == syntax.Node(n.Y) {
					kind = leave // a pattern; quotes below are fine
				}
			case syntax.AndTest, syntax.OrTest:
			default:
				return leave // numbers are evaluated, and a regular expression is one
			}
		default:
			return leave
		}
	}
	return kind
}

// expands says that the shell expands variables in a here-document.
func expands(r *syntax.Redirect) bool {
	for _, part := range r.Word.Parts {
		if l, ok := part.(*syntax.Lit); !ok || strings.Contains(l.Value, `\`) {
			return false
		}
	}
	return true
}

// isPlain says that the command with a redirection only copies its stdin.
func isPlain(around []syntax.Node) bool {
	for i := len(around) - 1; i >= 0; i-- {
		if s, ok := around[i].(*syntax.Stmt); ok {
			call, ok := s.Cmd.(*syntax.CallExpr)
			return ok && len(call.Args) > 0 && slices.Contains([]string{"cat", "tee"}, call.Args[0].Lit())
		}
	}
	return false
}

// isSafe says that a command does not read its arguments as a program.
func isSafe(call *syntax.CallExpr) bool {
	for i, arg := range call.Args {
		if name := arg.Lit(); i == 0 && (name == "" || strings.ContainsRune(name, placeholder)) || isInterpreter(arg) {
			return false
		}
	}
	return true
}

// isInterpreter says that a word names a program that reads an argument or its stdin as a program: bash, "bash", /bin/bash, python3.12.
func isInterpreter(word *syntax.Word) bool {
	if len(word.Parts) != 1 {
		return false
	}
	name := word.Lit()
	switch p := word.Parts[0].(type) {
	case *syntax.SglQuoted:
		name = p.Value
	case *syntax.DblQuoted:
		if len(p.Parts) == 1 {
			if l, ok := p.Parts[0].(*syntax.Lit); ok {
				name = l.Value
			}
		}
	}
	base := path.Base(name)
	return name != "" && (slices.Contains(interpreters, base) || slices.Contains(interpreters, strings.TrimRight(base, ".0123456789")))
}

// interprets says that a part of a script has a command that reads its stdin as a program.
func interprets(part syntax.Node) (found bool) {
	syntax.Walk(part, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok {
			found = found || slices.ContainsFunc(call.Args, isInterpreter)
		}
		return true
	})
	return found
}
