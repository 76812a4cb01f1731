package dockerfile

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// scope holds the variables that an instruction sees.
type scope struct {
	vars   map[string]*Arg
	global *scope // source of the values of an ARG without a default; nil above the first FROM
}

func newScope(global *scope) *scope { return &scope{vars: map[string]*Arg{}, global: global} }

func (s *scope) set(a *Arg) { s.vars[a.Name] = a }

// Get and Keys implement BuildKit's interface for variables.
func (s *scope) Get(name string) (string, bool) {
	if a := s.vars[name]; a != nil {
		return a.Value, true
	}
	return "", false
}

// Keys are the names of the variables.
func (s *scope) Keys() []string {
	var keys []string
	for k := range s.vars {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// reader fills a File.
type reader struct {
	*File
	lex    *shell.Lex
	given  map[string]string // values of arguments
	names  map[string]bool   // of stages, in lower case, since case does not matter
	before map[string]bool   // names of the stages that FROM has passed, and scratch
}

// expand fills in variables. known is false if one of them has no value here: the base image, or the build's arguments, may set it.
func (r *reader) expand(s *scope, text string) (expanded string, used []*Arg, known bool) {
	if !strings.ContainsAny(text, "$\"'\\`") {
		return text, nil, true
	}
	result, err := r.lex.ProcessWordWithMatches(text, s)
	if err != nil {
		return "", nil, false
	}
	for name := range result.Matched {
		if a := s.vars[name]; a != nil {
			used = append(used, a)
		}
	}
	slices.SortFunc(used, func(a, b *Arg) int { return strings.Compare(a.Name, b.Name) })
	return result.Result, used, len(result.Unmatched) == 0
}

func (r *reader) command(s *scope, c instructions.Command) {
	switch c := c.(type) {
	case *instructions.ArgCommand:
		r.arg(s, c)
	case *instructions.EnvCommand:
		for _, pair := range c.Env {
			value, used, known := r.expand(s, pair.Value)
			if known {
				s.set(&Arg{Name: pair.Key, Value: value, args: used})
			} else {
				delete(s.vars, pair.Key)
			}
		}
	case *instructions.CopyCommand:
		first, last := span(c.Location())
		if c.From != "" {
			r.other("COPY --from", c.From, first, r.written(first, last, r.startOf(first), "--from=", c.From))
		} else if !c.Parents {
			r.sources(s, "COPY", c.SourcePaths, first, last)
		}
	case *instructions.AddCommand:
		first, last := span(c.Location())
		r.sources(s, "ADD", c.SourcePaths, first, last)
	case *instructions.RunCommand:
		first, last := span(c.Location())
		after := r.startOf(first)
		for _, m := range instructions.GetMounts(c) {
			if m.From != "" {
				at := r.written(first, last, after, "from=", m.From)
				after = max(after, at.end)
				r.other("RUN --mount", m.From, first, at)
			}
		}
	}
}

func (r *reader) arg(s *scope, c *instructions.ArgCommand) {
	first, last := span(c.Location())
	for _, pair := range c.Args {
		if value, ok := r.given[pair.Key]; ok {
			s.set(&Arg{Name: pair.Key, Value: value})
			continue
		}
		if pair.Value == nil {
			if s.global != nil && s.global.vars[pair.Key] != nil {
				s.set(s.global.vars[pair.Key])
			}
			continue
		}
		value, used, known := r.expand(s, *pair.Value)
		if !known {
			continue
		}
		a := &Arg{Place: r.find(first, last, strings.Trim(*pair.Value, `"'`)), Name: pair.Key, Value: value, args: used}
		r.Args = append(r.Args, a)
		s.set(a)
	}
}

// sources adds the paths that are certainly in the build context: no patterns, no addresses.
func (r *reader) sources(s *scope, instruction string, paths []string, first, last int) {
	for _, written := range paths {
		name, _, known := r.expand(s, written)
		if !known || name == "" || strings.ContainsAny(name, `*?[\`) || isAddress(name) {
			continue
		}
		clean := strings.TrimPrefix(path.Clean("/"+name), "/")
		if clean == "" {
			clean = "."
		}
		r.Sources = append(r.Sources, Source{Place: r.find(first, last, written), Instruction: instruction, Path: clean})
	}
}

// isAddress reports whether ADD downloads the source.
func isAddress(source string) bool {
	return strings.Contains(source, "://") || strings.Contains(source, "@") || strings.Contains(source, ".git")
}
