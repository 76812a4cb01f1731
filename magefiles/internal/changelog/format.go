package changelog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// format is a text with {placeholders}, in the part of Python's format language that needs no conversions.
type format struct{ parts []part }

type part struct {
	text string
	hole bool // text is the name of a placeholder
}

// parseFormat reads a format that may use the given names. {{ and }} are braces.
func parseFormat(text string, names []string) (*format, error) {
	f := &format{}
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			f.parts = append(f.parts, part{text: literal.String()})
			literal.Reset()
		}
	}
	for text != "" {
		before, rest, found := cutBrace(text)
		literal.WriteString(before)
		switch {
		case !found:
			text = ""
			continue
		case len(rest) > 1 && rest[0] == rest[1]:
			literal.WriteByte(rest[0])
			text = rest[2:]
			continue
		case rest[0] == '}':
			return nil, fmt.Errorf("unmatched }; write }} for a brace")
		}
		name, after, closed := strings.Cut(rest[1:], "}")
		if !closed || !slices.Contains(names, name) {
			return nil, fmt.Errorf("{%s is not a placeholder (known: {%s}); write {{ for a brace", name+closing(closed), strings.Join(names, "}, {"))
		}
		flush()
		f.parts = append(f.parts, part{name, true})
		text = after
	}
	flush()
	return f, nil
}

func closing(closed bool) string {
	if closed {
		return "}"
	}
	return ""
}

// cutBrace splits text before its first brace.
func cutBrace(text string) (before, rest string, found bool) {
	i := strings.IndexAny(text, "{}")
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i:], true
}

func (f *format) has(name string) bool { return slices.Contains(f.parts, part{name, true}) }

func (f *format) render(values map[string]string) string {
	var text strings.Builder
	for _, p := range f.parts {
		if p.hole {
			text.WriteString(values[p.text])
		} else {
			text.WriteString(p.text)
		}
	}
	return text.String()
}

// pattern matches the output of render, on lines of its own. expressions has the patterns of placeholders; the first occurrence of each
// is a group of its name.
func (f *format) pattern(expressions map[string]string) *regexp.Regexp {
	text, seen := `(?m)^`, map[string]bool{}
	for _, p := range f.parts {
		switch {
		case !p.hole:
			text += regexp.QuoteMeta(p.text)
		case seen[p.text]:
			text += `(?:` + expressions[p.text] + `)`
		default:
			text += `(?P<` + p.text + `>` + expressions[p.text] + `)`
			seen[p.text] = true
		}
	}
	return regexp.MustCompile(text + `[ \t\r]*$`)
}

var hashes = regexp.MustCompile(`(?m)^(#+)\s`)

// level is the depth of the Markdown heading that the format makes; 0 if it makes none.
func (f *format) level() int {
	var literal strings.Builder
	for _, p := range f.parts {
		if p.hole {
			literal.WriteString("_")
		} else {
			literal.WriteString(p.text)
		}
	}
	if m := hashes.FindStringSubmatch(literal.String()); m != nil {
		return len(m[1])
	}
	return 0
}
