package dockerfile

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Statements are the statements of a Dockerfile that other tools than the build use.
type Statements struct {
	Args     []Arg     // each with a default, in the order of the file; variables in a default are not expanded
	Comments []Comment // each line; the text of a heredoc has none
	Declared []string  // names of all arguments, with and without a default, in the order of the file
	Foreign  bool      // another frontend than BuildKit's own reads the file, which may declare more
}

// Comment is a comment of one line.
type Comment struct {
	Place        // of its #
	Text  string // after the #, without space around it
}

// maxStatements is the maximal size of a file in bytes. It is larger than maxSize, because only the parser reads the whole file here.
const maxStatements = 1 << 20

// ReadStatements reads the statements of a Dockerfile. It requires less of the file than Parse: unknown instructions and other frontends are
// allowed. An error is a *ParseError.
func ReadStatements(text string) (Statements, error) {
	if len(text) > maxStatements {
		return Statements{}, &ParseError{Problem{Place{}, "is larger than 1 MiB"}}
	}
	d := newFile(text)
	tree, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		var s Statements
		if isForeign(text) || isEmpty(err) {
			s.Comments, s.Foreign = d.comments(nil), isForeign(text)
			return s, nil
		}
		return s, d.parseError(err)
	}
	s := Statements{Comments: d.comments(tree.AST.Children), Foreign: isForeign(text)}
	for _, node := range tree.AST.Children {
		if !strings.EqualFold(node.Value, "ARG") || len(node.Original) > maxInstruction {
			continue
		}
		// Parse reports an instruction that cannot be parsed.
		if read, err := instructions.ParseInstructionWithLinter(node, silent()); err == nil {
			arg := read.(*instructions.ArgCommand)
			for _, pair := range arg.Args {
				s.Declared = append(s.Declared, pair.Key)
			}
			s.Args = append(s.Args, d.defaults(arg, shell.NewLex(tree.EscapeToken))...)
		}
	}
	return s, nil
}

// isEmpty reports whether the error is that of a file without an instruction.
func isEmpty(err error) bool { return strings.Contains(err.Error(), "file with no instructions") }

// defaults are the arguments of an instruction that have a default, without quotes.
func (d *File) defaults(c *instructions.ArgCommand, lex *shell.Lex) (args []Arg) {
	first, last := span(c.Location())
	lex.SkipUnsetEnv = true // variables are not expanded
	for _, pair := range c.Args {
		if pair.Value == nil {
			continue
		}
		value, _, err := lex.ProcessWord(*pair.Value, shell.EnvsFromSlice(nil))
		if err != nil {
			value = *pair.Value
		}
		args = append(args, Arg{Place: d.find(first, last, strings.Trim(*pair.Value, `"'`)), Name: pair.Key, Value: value})
	}
	return args
}

// comments are the lines that begin with a #, except those in heredocs of the instructions.
func (d *File) comments(nodes []*parser.Node) (found []Comment) {
	inHeredoc := map[int]bool{}
	for _, node := range nodes {
		for n := node.EndLine - heredocLines(node) + 1; n <= node.EndLine; n++ {
			inHeredoc[n] = true
		}
	}
	for i, line := range d.lines {
		line = strings.TrimPrefix(line, "\ufeff")
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "#"); ok && !inHeredoc[i+1] {
			found = append(found, Comment{Place: d.find(i+1, i+1, ""), Text: strings.TrimSpace(text)})
		}
	}
	return found
}

// heredocLines is the number of lines of an instruction's heredocs, which end it: their text, and the line that ends each.
func heredocLines(node *parser.Node) (lines int) {
	for _, h := range node.Heredocs {
		lines += strings.Count(h.Content, "\n") + 1
	}
	return lines
}
