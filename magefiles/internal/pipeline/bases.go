package pipeline

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// bases are the images that a Dockerfile takes from registries: in FROM, and in
// COPY --from. What cannot be understood here is left for the engine.
type bases struct {
	text  string
	found []base
}

// base is one image that is named in a Dockerfile.
type base struct {
	start, end int    // where its reference stands in the text
	ref        string // with arguments filled in
	anyway     bool   // its platform is its own: FROM --platform, COPY --from
}

// ofTarget are the references whose images must have the platform that is built for.
func (b bases) ofTarget() []string {
	var refs []string
	for _, base := range b.found {
		if !base.anyway && !slices.Contains(refs, base.ref) {
			refs = append(refs, base.ref)
		}
	}
	return refs
}

// all are the references of all images.
func (b bases) all() []string {
	refs := make([]string, len(b.found))
	for i, base := range b.found {
		refs[i] = base.ref
	}
	return refs
}

// mirrored is the Dockerfile with every image taken from its mirror. Lines keep their
// numbers, so that the engine's errors name the right ones.
func (b bases) mirrored(site Site) string {
	text := b.text
	for _, base := range slices.Backward(b.found) {
		if mirror := site.Mirrored(base.ref); mirror != base.ref {
			text = text[:base.start] + mirror + text[base.end:]
		}
	}
	return text
}

// findBases reads a Dockerfile. The arguments replace the defaults of ARG, as far as
// these come before the first FROM; later ones do not reach FROM.
func findBases(text string, args map[string]string) bases {
	s := scanner{bases: bases{text: text}, args: map[string]string{}, given: args, stages: map[string]bool{"scratch": true}, escape: `\`}
	if m := escapeDirective.FindStringSubmatch(text); m != nil {
		s.escape = m[1]
	}
	offset := 0
	for line := range strings.Lines(text) {
		s.line(line, offset)
		offset += len(line)
	}
	return s.bases
}

var (
	escapeDirective = regexp.MustCompile("(?i)^(?:#[^\n]*\n)*#\\s*escape\\s*=\\s*([\\\\`])")
	heredoc         = regexp.MustCompile(`(?:^|\s)\d*<<(-?)["']?([A-Za-z_]\w*)["']?`)
	word            = regexp.MustCompile(`\S+`)
	variable        = regexp.MustCompile(`\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))`)
)

// maxReference is far longer than any reference.
const maxReference = 4096

// scanner goes through a Dockerfile line by line.
type scanner struct {
	bases
	args      map[string]string // before the first FROM
	given     map[string]string
	stages    map[string]bool // lower case, as names of stages have no case
	escape    string
	continued bool     // the line before ended with the escape character
	verb      string   // of the instruction that the line belongs to
	pending   []string // heredocs of the instruction: their ends, with «-» before those that may be indented
	inside    []string // heredocs that the line is in
	begun     bool     // a FROM was seen
}

func (s *scanner) line(line string, offset int) {
	if len(s.inside) > 0 {
		s.skipHeredoc(line)
		return
	}
	trimmed := strings.TrimSpace(line)
	if trimmed == "" || strings.HasPrefix(trimmed, "#") {
		return // also within an instruction, where it does not end it
	}
	if !s.continued {
		s.instruction(line, offset)
	}
	if s.verb == "RUN" || s.verb == "COPY" || s.verb == "ADD" {
		for _, m := range heredoc.FindAllStringSubmatch(line, -1) {
			s.pending = append(s.pending, m[1]+m[2])
		}
	}
	if s.continued = strings.HasSuffix(trimmed, s.escape); !s.continued {
		s.inside, s.pending = s.pending, nil
	}
}

func (s *scanner) skipHeredoc(line string) {
	end := strings.TrimRight(line, "\r\n")
	if mayIndent := strings.HasPrefix(s.inside[0], "-"); mayIndent {
		end = strings.TrimLeft(end, "\t")
	}
	if end == strings.TrimPrefix(s.inside[0], "-") {
		s.inside = s.inside[1:]
	}
}

// instruction reads the first line of an instruction.
func (s *scanner) instruction(line string, offset int) {
	words := word.FindAllStringIndex(line, -1)
	at := func(i int) string { return line[words[i][0]:words[i][1]] }
	s.verb = strings.ToUpper(at(0))
	flags := 0
	platform := false
	for i := 1; i < len(words) && strings.HasPrefix(at(i), "--"); i++ {
		flags++
		platform = platform || strings.HasPrefix(at(i), "--platform=")
		if from, ok := strings.CutPrefix(at(i), "--from="); ok && s.verb == "COPY" {
			s.add(from, offset+words[i][1]-len(from), true)
		}
	}
	rest := words[1+flags:]
	switch {
	case s.verb == "ARG" && !s.begun:
		for i := range rest {
			s.argument(at(1 + flags + i))
		}
	case s.verb == "FROM" && len(rest) > 0:
		s.begun = true
		s.add(at(1+flags), offset+rest[0][0], platform)
		if len(rest) >= 3 && strings.EqualFold(at(2+flags), "AS") {
			s.stages[strings.ToLower(at(3+flags))] = true
		}
	}
}

func (s *scanner) argument(text string) {
	name, value, _ := strings.Cut(text, "=")
	value = strings.Trim(value, `"'`)
	if given, ok := s.given[name]; ok {
		value = given
	}
	s.args[name], _ = s.expand(value)
}

// add takes a reference, unless it is a stage or cannot be known.
func (s *scanner) add(text string, start int, anyway bool) {
	ref, ok := s.expand(text)
	isNumber := strings.Trim(ref, "0123456789") == "" // a stage by its number
	if !ok || isNumber || s.stages[strings.ToLower(ref)] {
		return
	}
	s.found = append(s.found, base{start: start, end: start + len(text), ref: ref, anyway: anyway})
}

// expand fills in the arguments; ok is false if one is unknown or written in a way
// that is not understood here.
func (s *scanner) expand(text string) (expanded string, ok bool) {
	ok = true
	expanded = variable.ReplaceAllStringFunc(text, func(v string) string {
		m := variable.FindStringSubmatch(v)
		value, known := s.args[cmp.Or(m[1], m[3])]
		if value == "" {
			value, known = m[2], known || m[2] != ""
		}
		ok = ok && known
		return value
	})
	if len(expanded) > maxReference {
		return "", false // arguments that double each other
	}
	return expanded, ok && !strings.ContainsAny(expanded, "$\"'\\`")
}
