package changelog

import (
	"regexp"
	"strings"
)

// Section is the section of a version in a changelog.
type Section struct {
	Heading string
	Version string
	Date    string // "" if title_format has none
	Line    int    // of the heading, from 1
	Body    string // text below the heading, without blank lines around it
}

// Patterns for the placeholders of a heading, if their values are not known.
const (
	anyVersion = `[vV]?[0-9]\S*?`
	anyDate    = `\S.*?`
)

// Sections finds the versions of a changelog, from top to bottom: the newest first, as changelogs are written. It finds those with
// a number as their version, with or without a v.
func Sections(c *Config, changelog string) []Section {
	return c.sections(universal(changelog), c.anyTitle, -1)
}

// FindSection finds a version, given with or without a v. The result has the changelog's form.
func FindSection(c *Config, changelog, version string) (Section, bool) {
	text := universal(changelog)
	spelled := c.spell(text, version)
	if !strings.Contains(text, spelled) {
		return Section{}, false
	}
	return c.first(text, c.headingPattern(regexp.QuoteMeta(spelled)))
}

func (c *Config) first(text string, heading *regexp.Regexp) (Section, bool) {
	found := c.sections(text, heading, 1)
	if len(found) == 0 {
		return Section{}, false
	}
	return found[0], true
}

// spell writes a version with or without a v, like the newest section; if it is the first, so that the heading has one v.
func (c *Config) spell(text, version string) string {
	plain := strings.TrimPrefix(version, "v")
	if !regexp.MustCompile(`^[0-9]`).MatchString(plain) {
		return version
	}
	if newest, ok := c.first(text, c.anyTitle); ok {
		if strings.HasPrefix(newest.Version, "v") {
			return "v" + plain
		}
		return plain
	}
	for i, p := range c.title.parts {
		if p == (part{"version", true}) && i > 0 && strings.HasSuffix(c.title.parts[i-1].text, "v") {
			return plain
		}
	}
	return version
}

// sections finds up to limit sections whose heading matches, all for -1. Text above the marker is not a section.
func (c *Config) sections(text string, heading *regexp.Regexp, limit int) []Section {
	skipped := 0
	if at := strings.Index(text, c.start); at >= 0 {
		skipped = at + len(c.start)
	} else if strings.HasPrefix(text, byteOrderMark) {
		skipped = len(byteOrderMark)
	}
	body, line, counted := text[skipped:], 1, 0
	var found []Section
	for _, at := range heading.FindAllStringSubmatchIndex(body, limit) {
		group := func(name string) string {
			if i := heading.SubexpIndex(name); i >= 0 {
				return body[at[2*i]:at[2*i+1]]
			}
			return ""
		}
		line += strings.Count(text[counted:skipped+at[0]], "\n")
		counted = skipped + at[0]
		rest := body[at[1]:]
		found = append(found, Section{
			Heading: strings.TrimRight(body[at[0]:at[1]], " \t"), Version: group("version"), Date: group("project_date"),
			Line: line, Body: strings.Trim(rest[:c.end(rest)], "\n"),
		})
	}
	return found
}

func (c *Config) headingPattern(version string) *regexp.Regexp {
	return c.title.pattern(map[string]string{"name": regexp.QuoteMeta(c.project), "version": version, "project_date": anyDate})
}

var fence = regexp.MustCompile("^(?:```|~~~)")

// end is the end of a section: the next section, or another Markdown heading of the same or a higher level. In code blocks that start
// at the left margin only the heading of a section counts.
func (c *Config) end(body string) int {
	end := len(body)
	if at := c.anyTitle.FindStringIndex(body); at != nil {
		end = at[0]
	}
	level := c.title.level()
	position, inCode := 0, false
	for line := range strings.Lines(body[:end]) {
		if fence.MatchString(line) {
			inCode = !inCode
		}
		if depth := headingDepth(line); !inCode && 0 < depth && depth <= level {
			return position
		}
		position += len(line)
	}
	return end
}

// Stray is a heading at the level of sections that is not the heading of one.
type Stray struct {
	Line int // from 1
	Text string
}

// Strays finds the Markdown headings at the level of sections that do not have a version in the form of title_format. They end the
// section above. Headings above the marker do not count; without a marker, nor do headings above the first section.
func Strays(c *Config, changelog string) []Stray {
	text := universal(changelog)
	from := 0
	if at := strings.Index(text, c.start); at >= 0 {
		from = at + len(c.start)
	} else if at := c.anyTitle.FindStringIndex(text); at != nil {
		from = at[0]
	} else {
		return nil
	}
	titles, level := c.anyTitle.FindAllStringIndex(text[from:], -1), c.title.level()
	position, line, inCode := 0, strings.Count(text[:from], "\n")+1, false
	var found []Stray
	for l := range strings.Lines(text[from:]) {
		for len(titles) > 0 && titles[0][1] <= position {
			titles = titles[1:]
		}
		if fence.MatchString(l) {
			inCode = !inCode
		}
		isTitle := len(titles) > 0 && titles[0][0] <= position
		if !inCode && !isTitle && level > 0 && headingDepth(l) == level {
			found = append(found, Stray{line, strings.TrimSpace(l)})
		}
		position += len(l)
		line++
	}
	return found
}

// headingDepth counts the # of a Markdown heading; 0 if the line is not a heading.
func headingDepth(line string) int {
	text := strings.TrimLeft(line, "#")
	if depth := len(line) - len(text); text == "" || strings.ContainsAny(text[:1], " \t\n") {
		return depth
	}
	return 0
}
