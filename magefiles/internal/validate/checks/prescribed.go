package checks

import (
	"strings"

	news "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/markdown"
)

// prescribed is what towncrier's format requires of a changelog, whatever the style rules say: two blank lines above the section of an
// older version, and above a marker at the top of the file; headings of versions at the level of its template; the same headings of types
// in each section; bullets with a hyphen, which may be empty.
type prescribed struct {
	file     string
	lines    []string
	marker   string
	versions map[int]bool // lines of headings, from 1
	types    map[string]bool
}

// prescribedIn reads the changelog that the configuration names. It is empty without one.
func prescribedIn(in *validate.Input) prescribed {
	config, err := news.ParseConfig(readable{in.Tree})
	if err != nil {
		return prescribed{}
	}
	text, _ := in.Text(config.Filename)
	p := prescribed{file: config.Filename, marker: strings.TrimSpace(config.Marker()), lines: strings.Split(text, "\n"), versions: map[int]bool{}, types: map[string]bool{}}
	for _, s := range news.Sections(config, text) {
		p.versions[s.Line] = true
	}
	for _, t := range config.Types {
		p.types[t.Name] = true
	}
	return p
}

// prescribes says that the format requires what a finding reports.
func (p prescribed) prescribes(found markdown.Problem) bool {
	switch found.Rule {
	case "MD012":
		isTop := found.Line == 2 && p.line(3) == p.marker
		return isTop || p.versions[found.Line+1] && p.line(found.Line-1) == "" && p.line(found.Line-2) != ""
	case "MD025":
		return p.versions[found.Line]
	case "MD024":
		return p.types[strings.TrimSpace(strings.TrimLeft(p.line(found.Line), "#"))]
	case "MD004":
		return p.line(found.Line) == "-" || strings.HasPrefix(p.line(found.Line), "- ")
	case "MD009":
		return strings.HasPrefix(p.line(found.Line), "-") && strings.Trim(p.line(found.Line), "-, ") == "" // issues for which issue_format prints nothing
	}
	return false
}

// line is line n, counted from 1, without space around it.
func (p prescribed) line(n int) string {
	if n < 1 || n > len(p.lines) {
		return ""
	}
	return strings.TrimSpace(p.lines[n-1])
}
