package changelog

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Input is the version and the date of a section.
type Input struct {
	Version string // with or without a v: it is written as in the changelog's own sections
	Date    string // as in 2026-03-08
}

// Change is a file to write or delete.
type Change = vcs.Change

// Result is the section that is made from the fragments.
type Result struct {
	File      string   // the changelog
	Version   string   // in the changelog's form
	Section   string   // with its heading; an existing section unchanged
	Fragments []string // paths
	Changes   []Change // the changelog first, then the fragments; none if there is nothing to do
	Exists    bool     // the changelog had the section already: an earlier run was interrupted, or is complete
	Warnings  []string // for the user
}

// Build makes the section of a version from the fragments in fsys, and returns the changes: the changelog gets the section, the
// fragments are deleted. It writes nothing.
//
// If the changelog already has the section, under this date and with every remaining fragment, then the only changes are to delete these
// fragments. If it has another section of the version, the error is an *ExistsError.
func Build(fsys fs.FS, in Input) (*Result, error) {
	c, fragments, text, err := prepare(fsys, in)
	if err != nil {
		return nil, err
	}
	r := c.result(text, in, fragments)
	if found, ok := FindSection(c, text, in.Version); ok {
		if err := c.check(found, in, fragments); err != nil {
			return nil, err
		}
		r.Exists, r.Section = true, found.Heading+"\n\n"+found.Body+"\n"
	} else {
		changed, warnings := c.insert(text, r.Section)
		r.Changes = append(r.Changes, Change{Path: c.Filename, Content: []byte(changed)})
		r.Warnings = append(warnings, c.hidden(fragments)...)
	}
	for _, path := range r.Fragments {
		r.Changes = append(r.Changes, Change{Path: path, Delete: true})
	}
	return r, nil
}

// Draft makes the section that Build would write, and no changes. It ignores an existing section of the version.
func Draft(fsys fs.FS, in Input) (*Result, error) {
	c, fragments, text, err := prepare(fsys, in)
	if err != nil {
		return nil, err
	}
	r := c.result(text, in, fragments)
	r.Warnings = c.hidden(fragments)
	return r, nil
}

func (c *Config) result(text string, in Input, fragments []Fragment) *Result {
	version := c.spell(universal(text), in.Version)
	r := &Result{File: c.Filename, Version: version, Section: Render(c, fragments, version, in.Date)}
	for _, f := range fragments {
		r.Fragments = append(r.Fragments, f.Path)
	}
	slices.Sort(r.Fragments)
	return r
}

// prepare reads the configuration, the fragments and the changelog.
func prepare(fsys fs.FS, in Input) (*Config, []Fragment, string, error) {
	if in.Version == "" || strings.ContainsFunc(in.Version, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return nil, nil, "", &InputError{"version", in.Version, "expected a text without spaces, such as v1.4.0"}
	}
	if _, err := time.Parse(time.DateOnly, in.Date); err != nil {
		return nil, nil, "", &InputError{"date", in.Date, "expected YEAR-MONTH-DAY, such as 2026-03-08"}
	}
	c, err := ParseConfig(fsys)
	if err != nil {
		return nil, nil, "", err
	}
	fragments, err := Read(fsys, c)
	if err != nil {
		return nil, nil, "", err
	}
	content, err := fs.ReadFile(fsys, c.Filename)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, "", err
	}
	if at := invalidAt(content); at >= 0 {
		return nil, nil, "", &InputError{"changelog", c.Filename, fmt.Sprintf("is not UTF-8, at byte %d; save it as UTF-8", at+1)}
	}
	return c, fragments, string(content), nil
}

// check refuses an existing section that differs from the new one.
func (c *Config) check(found Section, in Input, fragments []Fragment) error {
	e := &ExistsError{File: c.Filename, Line: found.Line, Version: found.Version, Date: found.Date, Wanted: in.Date}
	for _, f := range fragments {
		if !c.holds(found, f) {
			e.Missing = append(e.Missing, f.Path)
		}
	}
	if len(e.Missing) > 0 || found.Date != "" && found.Date != in.Date {
		return e
	}
	return nil
}

// hidden warns of fragments that the changelog will not show.
func (c *Config) hidden(fragments []Fragment) []string {
	var warnings []string
	for _, f := range fragments {
		if t := c.typeOf(f.Type); shown(t, f) == "" && c.reference(f.Issue) == "" {
			warnings = append(warnings, fmt.Sprintf("%s: the changelog will not contain this fragment: its type %s has showcontent = false and issue_format is empty; set one of them in %s",
				f.Path, t.Key, c.File))
		}
	}
	return warnings
}

// Content is the whole changelog with the new section. There is none if the section exists already.
func (r *Result) Content() []byte { return r.Changes[0].Content }
