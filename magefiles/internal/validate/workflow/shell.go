package workflow

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// command is a simple command of a shell script, without redirections and without the assignments before it.
type command struct {
	words []word
}

// word is a word of a command, without its quotes.
type word struct {
	text    string // the text before the first expansion, if there is one
	offset  int    // of its first byte
	literal bool   // it has no expansion
	many    bool   // it may become any number of words: an unquoted expansion or pattern, "$@"
}

// Limits of the parser's input, because the parser recurses.
const (
	maxScript   = 64 << 10 // bytes; so many "(" take a quarter of the stack that Go allows
	maxBrackets = 100      // open at a time
)

// commands returns the simple commands of a POSIX shell or bash script in order; those in $(…) come before the command that contains it. ok
// is false for a script that does not parse, and for one with a function named mage; its commands are unreliable.
func commands(script string) (list []command, ok bool) {
	text, ok := withoutExpressions(script)
	if !ok || nested(text) {
		return nil, false
	}
	tree, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return nil, false
	}
	var visit func(syntax.Node) bool
	visit = func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			ok = ok && n.Name != nil && n.Name.Value != "mage" // the parser accepts zsh's functions without a name
		case *syntax.CallExpr:
			for _, a := range n.Assigns {
				syntax.Walk(a, visit)
			}
			for _, a := range n.Args {
				syntax.Walk(a, visit)
			}
			if len(n.Args) > 0 {
				list = append(list, command{words(text, n.Args)})
			}
			return false
		}
		return true
	}
	syntax.Walk(tree, visit)
	return list, ok
}

// nested says whether more brackets are open at a time than in scripts that people write. The patterns of case only close them.
func nested(script string) bool {
	depth := 0
	for i := range len(script) {
		switch script[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(0, depth-1)
		}
		if depth > maxBrackets {
			return true
		}
	}
	return false
}

// placeholder replaces a ${{ … }}, which is not shell syntax, so that all offsets stay the same. The parser treats it as a letter.
const placeholder = '\x01'

// withoutExpressions is a script with placeholders. ok is false if it is too long, or has an unterminated expression.
func withoutExpressions(script string) (text string, ok bool) {
	if len(script) > maxScript {
		return "", false
	}
	var b strings.Builder
	from := 0
	for _, e := range expressions(script) {
		if !strings.HasSuffix(script[:e.end], "}}") {
			return "", false
		}
		b.WriteString(script[from:e.start])
		b.WriteString(strings.Repeat(string(placeholder), e.end-e.start))
		from = e.end
	}
	b.WriteString(script[from:])
	return b.String(), true
}

func words(script string, args []*syntax.Word) []word {
	list := make([]word, len(args))
	for i, arg := range args {
		list[i] = read(script, arg)
	}
	return list
}

func read(script string, arg *syntax.Word) word {
	from, end := arg.Pos().Offset(), arg.End().Offset()
	r := wordReader{script: script, word: word{offset: int(from), literal: true}}
	if strings.Count(script[from:end], "{") > maxBrackets { // SplitBraces takes quadratic time
		r.expansion(true)
		return r.word
	}
	split := &syntax.Word{Parts: arg.Parts} // not arg itself: Walk does not support the result
	syntax.SplitBraces(split)
	r.parts(split.Parts, false)
	r.word.text = r.text.String()
	return r.word
}

// wordReader builds a word.
type wordReader struct {
	word
	script string
	text   strings.Builder
}

func (r *wordReader) parts(parts []syntax.WordPart, quoted bool) {
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			r.lit(p.Value, quoted)
		case *syntax.SglQuoted:
			r.single(p)
		case *syntax.DblQuoted:
			if p.Dollar { // a translation
				r.expansion(false)
			}
			r.parts(p.Parts, true)
		case *syntax.ParamExp:
			// "$@", "${a[@]}", "${!a}"
			r.expansion(!quoted || strings.ContainsAny(r.script[p.Pos().Offset():p.End().Offset()], "@!"))
		case *syntax.ArithmExp, *syntax.ProcSubst:
			r.expansion(false)
		default:
			r.expansion(!quoted)
		}
	}
}

func (r *wordReader) expansion(many bool) {
	r.literal = false
	r.many = r.many || many
}

// lit reads the text between quotes and expansions, with its backslashes.
func (r *wordReader) lit(value string, quoted bool) {
	for i := 0; i < len(value); i++ {
		switch rest := value[i+1:]; value[i] {
		case '\\':
			if rest != "" && rest[0] != placeholder && (!quoted || strings.IndexByte("\\\"$`", rest[0]) >= 0) {
				i++
			}
		case placeholder:
			r.expansion(!quoted)
		case '*', '?', '[':
			if !quoted && (value[i] != '[' || strings.Contains(rest, "]")) {
				r.expansion(true)
			}
		}
		if r.literal {
			r.text.WriteByte(value[i])
		}
	}
}

func (r *wordReader) single(p *syntax.SglQuoted) {
	if p.Dollar { // it has escapes of its own
		r.expansion(false)
	}
	before, _, found := strings.Cut(p.Value, string(placeholder))
	if r.literal {
		r.text.WriteString(before)
	}
	if found {
		r.expansion(false)
	}
}
