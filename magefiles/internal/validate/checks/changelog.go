package checks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/semver"

	news "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/fragment"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/toml"
)

// changelog checks the files that a release makes a section of the changelog from. Package changelog has the rules for fragments; this
// check turns its errors into findings.
var changelog = validate.Check{
	Name:   "changelog",
	Covers: "The settings in towncrier.toml or pyproject.toml, the fragments that the next release consumes, and the changelog itself.",
	Rules: []validate.Rule{
		{ID: "settings", What: "A setting of towncrier is unknown, invalid or not supported.", Do: "Correct the setting."},
		{ID: "fragment", What: "A fragment would be missing in the changelog: it is in a subfolder, has no known type or no text, is not UTF-8, or has the same number as another.", Do: "Give the file a valid name and a text."},
		{ID: "text", What: "The text of a fragment does not fit into one item of a list: it ends the list, or opens a code block or a comment and does not close it.", Do: "Write text that can be one item of a list."},
		{ID: "marker", What: "The changelog has no line that marks the place of the newest section, so the section would be at the very top.", Do: "Put the line above the newest section."},
		{ID: "heading", What: "A heading of the changelog has the level of the versions, but not the form of title_format, so it ends the section above.", Do: "Write it in the form of title_format, or use a lower level."},
		{ID: "version", What: "The version in a heading is not a semantic version.", Do: "Write it as X.Y.Z, with a v in front or without."},
		{ID: "date", What: "The date in a heading is not a date.", Do: "Write it as YEAR-MONTH-DAY, such as 2026-03-08."},
		{ID: "order", What: "A version is below an older one, or occurs twice.", Do: "Put the sections in order: the newest first, each once."},
	},
	Run: func(_ context.Context, in *validate.Input) error {
		c := changelogCheck{Input: in}
		text, ok := c.settingsFile()
		if !ok {
			return nil
		}
		config, err := news.ParseConfig(readable{in.Tree})
		if err != nil {
			return c.settings(text, err)
		}
		c.history(config)
		return c.fragments(config)
	},
}

type changelogCheck struct {
	*validate.Input
	file string // name of the settings file
}

// settingsFile is the text of towncrier's settings file; ok is false if this repository has none.
func (c *changelogCheck) settingsFile() (text string, ok bool) {
	if c.file = "towncrier.toml"; c.Has(c.file) {
		return c.Text(c.file)
	}
	c.file = "pyproject.toml"
	text, ok = c.Text(c.file)
	return text, ok && strings.Contains(text, "tool.towncrier")
}

func (c *changelogCheck) settings(text string, err error) error {
	settings := toml.Settings(text)
	for _, err := range unjoined(err) {
		var wrong *news.ConfigError
		if !errors.As(err, &wrong) {
			return err
		}
		f := validate.Finding{Path: c.file, Line: wrong.Line, Column: wrong.Column, Rule: "settings", Message: wrong.Reason}
		if wrong.Line > 0 {
			// The reason repeats the position.
			f.Message = strings.Replace(f.Message, fmt.Sprintf("line %d, column %d: ", wrong.Line, wrong.Column), "", 1)
		}
		if wrong.Key != "" {
			f.Message = wrong.Key + " " + wrong.Reason
			if s, ok := toml.Find(settings, wrong.Key); ok {
				f.Line, f.Column = validate.Position(text, s.At)
			}
		}
		f.Message, f.Do = advice(f.Message)
		c.Report(f)
	}
	return nil
}

// advice splits a reason of package changelog into the error and the correction after the semicolon, if it has one. A semicolon in a
// quotation does not count.
func advice(reason string) (message, do string) {
	reason = strings.Join(strings.Fields(reason), " ")
	at := strings.LastIndex(reason, "; ")
	if at < 0 || strings.Count(reason[at:], `"`)%2 != 0 {
		return reason, ""
	}
	first, size := utf8.DecodeRuneInString(reason[at+2:])
	do = string(unicode.ToUpper(first)) + reason[at+2+size:]
	if !strings.HasSuffix(do, "?") {
		do += "."
	}
	return reason[:at], do
}

func (c *changelogCheck) fragments(config *news.Config) error {
	fragments, err := news.Read(readable{c.Tree}, config)
	var lost *news.FragmentsError
	switch {
	case errors.As(err, &lost):
		for _, p := range lost.Problems {
			message, do := advice(p.Reason)
			c.Report(validate.Finding{Path: p.Path, Rule: "fragment", Message: message, Do: do})
		}
	case err != nil:
		return err
	}
	for _, f := range fragments {
		section, plain := render(config, f), f
		plain.Text = "x"
		for _, p := range fragment.Problems(section, render(config, plain)) {
			c.Report(validate.Finding{Path: f.Path, Line: c.blank(f.Path) + p.Line, Column: 1, Rule: "text", Message: p.Message})
		}
	}
	return nil
}

func render(config *news.Config, f news.Fragment) string {
	return news.Render(config, []news.Fragment{f}, "v1.0.0", "2026-01-01")
}

// blank counts the blank lines above a fragment's text.
func (c *changelogCheck) blank(file string) int {
	text, _ := c.Text(file)
	return strings.Count(text[:len(text)-len(strings.TrimLeftFunc(text, unicode.IsSpace))], "\n")
}

// history checks the changelog.
func (c *changelogCheck) history(config *news.Config) {
	text, ok := c.Text(config.Filename)
	if !ok {
		return // the first release creates it
	}
	marker := strings.TrimSuffix(config.Marker(), "\n")
	if strings.TrimSpace(text) != "" && !strings.Contains(strings.ReplaceAll(text, "\r\n", "\n"), config.Marker()) {
		c.Report(validate.Finding{Path: config.Filename, Rule: "marker", Message: fmt.Sprintf("has no line %q", marker)})
	}
	for _, s := range news.Strays(config, text) {
		c.Report(validate.Finding{Path: config.Filename, Line: s.Line, Column: 1, Rule: "heading", Message: fmt.Sprintf("the heading %q has no version in the form of title_format", s.Text)})
	}
	seen, above := map[string]int{}, news.Section{}
	for _, s := range news.Sections(config, text) {
		c.section(config.Filename, s)
		version := canonical(s.Version)
		if version == "" {
			continue
		}
		if first := seen[version]; first > 0 {
			c.heading(config.Filename, s, "order", s.Version, "%s occurs twice, also in line %d", s.Version, first)
		} else if above.Version != "" && semver.Compare(version, canonical(above.Version)) > 0 {
			c.heading(config.Filename, s, "order", s.Version, "%s is below the older version %s", s.Version, above.Version)
		}
		seen[version], above = s.Line, s
	}
}

func (c *changelogCheck) section(file string, s news.Section) {
	if canonical(s.Version) == "" {
		c.heading(file, s, "version", s.Version, "%q is not a semantic version", s.Version)
	}
	if _, err := time.Parse(time.DateOnly, s.Date); s.Date != "" && err != nil {
		c.heading(file, s, "date", s.Date, "%q is not a date", s.Date)
	}
}

// heading reports a word in the heading of a section.
func (c *changelogCheck) heading(file string, s news.Section, rule, word, format string, args ...any) {
	f := validate.Finding{Path: file, Line: s.Line, Rule: rule, Message: fmt.Sprintf(format, args...)}
	before, _, _ := strings.Cut(s.Heading, word)
	line := strings.Count(before, "\n")
	f.Line, f.Column = f.Line+line, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])+1
	c.Report(f)
}

// canonical is a version in the form that package semver compares; "" if it is invalid.
func canonical(version string) string {
	v := "v" + strings.TrimLeft(version, "vV")
	if strings.Count(v, ".") < 2 {
		return "" // semver reads v1.2 as v1.2.0
	}
	return semver.Canonical(v)
}

// readable is the file system of a tree's files without those that cannot be read: the check files reports these, and they must not stop
// other files from being read. Files that are not UTF-8 are included, because package changelog has its own error for them.
type readable struct{ *validate.Tree }

// Open opens a file, whether it is listed or not.
func (r readable) Open(name string) (fs.File, error) { return r.Dir().Open(name) }

// ReadDir lists a folder.
func (r readable) ReadDir(dir string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(r.Dir(), dir)
	listed := entries[:0]
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		rule, _ := r.Problem(name)
		_, isText := r.Text(name)
		if r.Has(name) && (isText || rule == "encoding" || rule == "" && (e.IsDir() || e.Type().IsRegular())) {
			listed = append(listed, e)
		}
	}
	return listed, err
}
