package dockerfile

import (
	"strings"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// from adds the image that a stage is built on, unless that is an earlier stage.
func (r *reader) from(globals *scope, s instructions.Stage, first, last int) {
	ref, used, known := r.expand(globals, s.BaseName)
	if (known || defaulted(globals, s.BaseName)) && ref != "" && !r.before[strings.ToLower(ref)] {
		at := r.written(first, last, r.keyword(first), "", s.BaseName)
		r.add(Image{Instruction: "FROM", Reference: ref, Platform: s.Platform, args: used}, first, at)
	}
	r.before[strings.ToLower(s.Name)] = true
}

// defaulted reports whether each variable of a text without a value has a default in the text, as in ${BASE:-alpine}. Above the first FROM only
// ARG sets variables.
func defaulted(s *scope, text string) bool {
	for _, m := range variable().FindAllStringSubmatchIndex(text, -1) {
		_, known := s.Get(text[m[2]:m[3]])
		after := strings.TrimPrefix(text[m[3]:], ":")
		if isDefault := text[m[0]+1] == '{' && strings.HasPrefix(after, "-"); !known && !isDefault {
			return false
		}
	}
	return true
}

// other adds an image that is copied from, or mounted, unless it is a stage, or the number of a stage. Variables are not expanded there.
func (r *reader) other(instruction, ref string, first int, at place) {
	isStage := r.names[strings.ToLower(ref)] || strings.EqualFold(ref, "scratch") || strings.Trim(ref, "0123456789") == ""
	if !isStage && !strings.ContainsAny(ref, "$\"'\\`") {
		r.add(Image{Instruction: instruction, Reference: ref}, first, at)
	}
}

func (r *reader) add(i Image, first int, at place) {
	i.Start, i.End, i.Place = at.start, at.end, r.find(first, first, "")
	if at.end > 0 {
		before := r.lines[at.line-1][:at.start-r.starts[at.line-1]]
		i.Place = Place{at.line, utf8.RuneCountInString(before) + 1}
	}
	r.Images = append(r.Images, i)
}

// place is the position of a reference; zero if it is on several lines, or has its own quotes or escapes.
type place struct{ line, start, end int }

// written looks for a reference after a prefix, in the lines from first to last except comments, from a byte of the text on. Flags are at the
// start of an instruction, so the first match is the right one.
func (r *reader) written(first, last, after int, prefix, text string) place {
	for n := max(first, 1); n <= min(last, len(r.lines)) && text != ""; n++ {
		line := r.lines[n-1]
		if n > first && strings.HasPrefix(strings.TrimLeft(line, " \t"), "#") {
			continue
		}
		for from := max(0, after-r.starts[n-1]); from < len(line); {
			at := strings.Index(line[from:], prefix+text)
			if at < 0 {
				break
			}
			before, start := line[:from+at], from+at+len(prefix)
			if begins(before) && ends(line[start+len(text):]) {
				return place{n, r.starts[n-1] + start, r.starts[n-1] + start + len(text)}
			}
			from = start + 1
		}
	}
	return place{}
}

// begins and ends report whether a word of an instruction, or of a flag with several parts, can begin after a text, or end before it.
func begins(before string) bool {
	return before == "" || strings.ContainsAny(before[len(before)-1:], " \t,=\"'")
}

func ends(after string) bool { return after == "" || strings.ContainsAny(after[:1], " \t\r,\"'\\`") }

func (r *reader) startOf(line int) int {
	if line < 1 || line > len(r.lines) {
		return 0
	}
	return r.starts[line-1]
}

// keyword is the index of the byte after the first word of a line.
func (r *reader) keyword(line int) int {
	if line < 1 || line > len(r.lines) {
		return 0
	}
	rest := strings.TrimLeft(r.lines[line-1], " \t\ufeff")
	if end := strings.IndexAny(rest, " \t\\`"); end >= 0 {
		rest = rest[end:]
	}
	return r.starts[line-1] + len(r.lines[line-1]) - len(rest)
}
