package dockerfile

import (
	"bytes"
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Place is a position: line and column, in characters, from 1.
type Place struct{ Line, Column int }

// Problem is a mistake in a file.
type Problem struct {
	Place
	Message string
}

// File is a Dockerfile that parses, with everything that is known without building it.
type File struct {
	Images  []Image
	Sources []Source
	Args    []*Arg // all that have a default, in the order of the file

	lines  []string
	starts []int // of the lines, in bytes
	stages []instructions.Stage
	bases  []string // of the stages: the image that FROM names, with the defaults of arguments filled in
	escape rune
}

// Image is an image that the file takes from a registry.
type Image struct {
	Place
	Instruction string // FROM, COPY --from, RUN --mount
	Reference   string // with arguments filled in
	Platform    string // that FROM names for it, as written; "" is the target platform
	Start, End  int    // bytes of the text where the reference is written; both 0 if that is not known
	args        []*Arg // whose values it contains
}

// Source is a path of the build context that is copied.
type Source struct {
	Place
	Instruction string // COPY, ADD
	Path        string // clean, from the context's root; "." for all of it
}

// Arg is an ARG with a default.
type Arg struct {
	Place        // of the default
	Name  string // as in GO_VERSION
	Value string // the default, with arguments filled in
	args  []*Arg // whose values it contains
}

// ErrForeign says that the file is in a language that BuildKit's parser may not know: its "# syntax=" names another frontend.
var ErrForeign = errors.New("the Dockerfile is for another frontend")

// Limits of the input of BuildKit's packages. Files that people write are far below.
const (
	maxSize         = 64 << 10 // bytes of a file
	maxInstructions = 500
	maxInstruction  = 4 << 10 // bytes of an instruction other than RUN: its words may be nested, or searched for in all others
	maxExpanded     = 1 << 20 // bytes of all values with their variables filled in; also ports of all ranges
)

// Parse reads a Dockerfile with the defaults of its arguments, as for linux/amd64. If a file is not valid or exceeds a limit, the error is a
// *ParseError, or ErrForeign.
func Parse(text string) (*File, error) {
	platform := map[string]string{}
	for _, name := range []string{"BUILD", "TARGET"} {
		platform[name+"PLATFORM"], platform[name+"OS"], platform[name+"ARCH"] = "linux/amd64", "linux", "amd64"
	}
	return parse(text, platform, nil)
}

// ParseWith reads a Dockerfile with arguments that override its defaults. Values that depend on the platform are not known.
func ParseWith(text string, args map[string]string) (*File, error) { return parse(text, nil, args) }

// parse reads a Dockerfile. predefined are variables above the first FROM; given are values of arguments that ARG declares.
func parse(text string, predefined, given map[string]string) (*File, error) {
	if isForeign(text) {
		return nil, ErrForeign
	}
	if len(text) > maxSize {
		return nil, &ParseError{Problem{Place{}, "is larger than 64 KiB"}}
	}
	tree, err := parser.Parse(bytes.NewReader([]byte(text)))
	d := newFile(text)
	if err != nil {
		return nil, d.parseError(err)
	}
	if len(tree.AST.Children) > maxInstructions {
		return nil, &ParseError{Problem{Place{}, "has more than 500 instructions"}}
	}
	for _, c := range tree.AST.Children {
		if len(c.Original) > maxInstruction && !strings.EqualFold(c.Value, "RUN") {
			return nil, &ParseError{Problem{d.find(c.StartLine, c.StartLine, ""), "has an instruction of more than 4 KiB"}}
		}
	}
	stages, global, err := instructions.Parse(tree.AST, silent())
	if err != nil {
		return nil, d.parseError(err)
	}
	if at := firstLineOverLimit(stages, global, given); at > 0 {
		return nil, &ParseError{Problem{d.find(at, at, ""), "has variables that expand to more than 1 MiB"}}
	}
	d.stages, d.escape = stages, tree.EscapeToken
	d.read(global, predefined, given)
	return d, nil
}

// newFile splits a text into lines.
func newFile(text string) *File {
	d := &File{lines: strings.Split(text, "\n"), starts: []int{0}}
	for _, line := range d.lines {
		d.starts = append(d.starts, d.starts[len(d.starts)-1]+len(line)+1)
	}
	return d
}

// isForeign reports whether a text names a frontend other than BuildKit's own.
func isForeign(text string) bool {
	syntax, _, _, ok := parser.ParseDirective("syntax", []byte(text))
	return ok && !isOrdinary(syntax)
}

// silent is a linter that reports nothing. Without one, BuildKit's parser panics at a comment `# check=` before an instruction.
func silent() *linter.Linter { return linter.New(&linter.Config{}) }

// isOrdinary reports whether the frontend is that of BuildKit itself, without its experimental versions.
func isOrdinary(syntax string) bool {
	name, tag, _ := strings.Cut(syntax, ":")
	return strings.HasSuffix(name, "docker/dockerfile") && !strings.Contains(tag, "labs")
}

// ParseError is the place and the reason for which a Dockerfile does not parse.
type ParseError struct{ Problem }

func (e *ParseError) Error() string { return e.Message }

// parseError converts an error of BuildKit, whose lines may be outside of the text.
func (d *File) parseError(err error) *ParseError {
	var located *parser.LocationError
	first, last := 0, 0
	if errors.As(err, &located) {
		for _, ranges := range located.Locations {
			first, last = span(ranges)
		}
	}
	return &ParseError{d.problem(first, last, err.Error())}
}

// read processes the instructions in the order of a build.
func (d *File) read(global []instructions.ArgCommand, predefined, given map[string]string) {
	r := reader{File: d, lex: shell.NewLex(d.escape), given: given, names: map[string]bool{}, before: map[string]bool{"scratch": true}}
	for _, s := range d.stages {
		r.names[strings.ToLower(s.Name)] = true
	}
	globals := newScope(nil)
	for name, value := range predefined {
		globals.set(&Arg{Name: name, Value: value})
	}
	for i := range global {
		r.arg(globals, &global[i])
	}
	scopes := map[string]*scope{}
	for _, s := range d.stages {
		first, last := span(s.Location)
		r.from(globals, s, first, last)
		base, _, _ := r.expand(globals, s.BaseName)
		d.bases = append(d.bases, base)
		sc := newScope(globals)
		if parent := scopes[strings.ToLower(base)]; parent != nil {
			sc.vars = maps.Clone(parent.vars) // only variables that ENV sets count, but with more known variables fewer problems are reported
		}
		for _, c := range s.Commands {
			r.command(sc, c)
		}
		if s.Name != "" {
			scopes[strings.ToLower(s.Name)] = sc
		}
	}
}

// span is the first and the last line of an instruction.
func span(ranges []parser.Range) (first, last int) {
	for i, r := range ranges {
		if i == 0 || r.Start.Line < first {
			first = r.Start.Line
		}
		last = max(last, r.End.Line)
	}
	return first, last
}

// find is the position of a word in the lines from first to last; if it is missing, the start of the first line.
func (d *File) find(first, last int, word string) Place {
	if first < 1 || first > len(d.lines) {
		return Place{}
	}
	for n := first; word != "" && n <= min(last, len(d.lines)); n++ {
		if at := indexWord(d.lines[n-1], word); at >= 0 {
			return Place{n, utf8.RuneCountInString(d.lines[n-1][:at]) + 1}
		}
	}
	line := d.lines[first-1]
	return Place{first, utf8.RuneCountInString(line[:len(line)-len(strings.TrimLeft(line, " \t"))]) + 1}
}

// indexWord is the index of word in line, where it is not part of a longer word.
func indexWord(line, word string) int {
	for from := 0; ; {
		at := strings.Index(line[from:], word)
		if at < 0 {
			return -1
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(line[:at])
		after, _ := utf8.DecodeRuneInString(line[at+len(word):])
		if (at == 0 || !isWordRune(before)) && (at+len(word) == len(line) || !isWordRune(after)) {
			return at
		}
		from = at + len(word)
	}
}

func isWordRune(r rune) bool {
	return r == '_' || r == '-' || r == '.' || r == '/' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// Origin is the place where a part of an image's reference, such as a version, is written: in the ARG whose value it is, or in the instruction
// itself.
func (i Image) Origin(part string) Place { return origin(i.Place, i.args, part) }

// Origin is the place where a part of the argument's value is written: there, or in an ARG whose value it contains.
func (a *Arg) Origin(part string) Place { return origin(a.Place, a.args, part) }

func origin(own Place, args []*Arg, part string) Place {
	i := slices.IndexFunc(args, func(a *Arg) bool { return a.Line > 0 && strings.Contains(a.Value, part) })
	if i < 0 {
		return own
	}
	return cmp.Or(args[i].Origin(part), own)
}
