package changelog

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Fragment is a change for the changelog, in a file of its own.
type Fragment struct {
	Path    string // slash path from the root
	Issue   string // "" for an orphan
	Type    string // key of a Type
	Counter string // digits; "0" if the name has none
	Text    string // without blanks around it, line ends are \n
}

// Read reads the fragments, in the order of issue and counter. A folder that does not exist holds none. If files would be lost, the error is a
// *FragmentsError that names all of them; the other fragments are returned with it. It skips .gitignore, .gitkeep, .keep, README and the names in
// the setting ignore, as towncrier does; and files that begin with a dot and have no type, such as those of editors.
func Read(fsys fs.FS, c *Config) ([]Fragment, error) {
	entries, err := fs.ReadDir(fsys, c.Directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f := folder{fsys: fsys, config: c}
	for _, entry := range entries {
		if err := f.take(entry); err != nil {
			return nil, err
		}
	}
	f.compareKeys()
	slices.SortStableFunc(f.fragments, compareFragments)
	if len(f.problems) > 0 {
		slices.SortStableFunc(f.problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
		return f.fragments, &FragmentsError{f.problems}
	}
	return f.fragments, nil
}

func compareFragments(a, b Fragment) int {
	return cmp.Or(
		compareIssues(a.Issue, b.Issue), strings.Compare(a.Issue, b.Issue), compareNumbers(a.Counter, b.Counter), strings.Compare(a.Path, b.Path),
	)
}

// folder is the folder of the fragments while it is read.
type folder struct {
	fsys      fs.FS
	config    *Config
	fragments []Fragment
	problems  []Problem
}

func (f *folder) problem(name, reason string, args ...any) {
	f.problems = append(f.problems, Problem{name, fmt.Sprintf(reason, args...)})
}

func (f *folder) ignores(name string) bool {
	return slices.ContainsFunc(f.config.ignored, func(p *regexp.Regexp) bool { return p.MatchString(strings.ToLower(name)) })
}

func (f *folder) isType(key string) bool {
	return slices.ContainsFunc(f.config.Types, func(t Type) bool { return t.Key == key })
}

func (f *folder) take(entry fs.DirEntry) error {
	name := path.Join(f.config.Directory, entry.Name())
	if name == f.config.Filename || f.ignores(entry.Name()) {
		return nil
	}
	if entry.IsDir() {
		return f.subfolder(name)
	}
	issue, kind, counter, ok := parseName(entry.Name(), f.isType)
	if !ok {
		f.untyped(name)
		return nil
	}
	if f.config.orphan != "" && strings.HasPrefix(issue, f.config.orphan) {
		issue = ""
	}
	if p := f.config.issuePattern; p != nil && issue != "" && !p.MatchString(issue) {
		f.problem(name, "its issue %q does not match issue_pattern of %s; rename it", issue, f.config.File)
		return nil
	}
	text, err := f.text(name)
	if err == nil && text != "" {
		f.fragments = append(f.fragments, Fragment{Path: name, Issue: issue, Type: kind, Counter: counter, Text: text})
	}
	return err
}

// text is the text of a fragment; "" if it is unusable.
func (f *folder) text(name string) (string, error) {
	content, err := fs.ReadFile(f.fsys, name)
	if err != nil {
		return "", err
	}
	if at := invalidAt(content); at >= 0 {
		f.problem(name, "is not UTF-8, at byte %d; save it as UTF-8, or delete it if it is not a fragment", at+1)
		return "", nil
	}
	text := strip(universal(string(content)))
	if strip(strings.ReplaceAll(text, byteOrderMark, "")) == "" {
		f.problem(name, "is empty; write what changed, or delete it")
		return "", nil
	}
	return text, nil
}

const byteOrderMark = "\ufeff"

// invalidAt is the index of the first byte that is not UTF-8, or -1.
func invalidAt(content []byte) int {
	for at := 0; at < len(content); {
		r, size := utf8.DecodeRune(content[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// subfolder finds files in subfolders.
func (f *folder) subfolder(dir string) error {
	return fs.WalkDir(f.fsys, dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || name == f.config.Filename || f.ignores(entry.Name()) || isHidden(entry.Name()) {
			return err
		}
		below := strings.TrimPrefix(name, f.config.Directory+"/")
		f.problem(name, "is in a subfolder, expected a fragment directly in its folder; move it to %s",
			path.Join(f.config.Directory, strings.ReplaceAll(below, "/", "-")))
		return nil
	})
}

func isHidden(name string) bool { return strings.HasPrefix(name, ".") }

// untyped reports a file whose name has no type.
func (f *folder) untyped(name string) {
	base := path.Base(name)
	if isHidden(base) || strings.HasPrefix(strings.ToLower(base), "readme") {
		return
	}
	var keys []string
	for _, t := range f.config.Types {
		keys = append(keys, t.Key)
	}
	wanted := "name it ISSUE.TYPE.md, or +SLUG.TYPE.md if there is no issue."
	for part := range strings.SplitSeq(base, ".") {
		if near := nearest(part, keys); near != "" && near != part && part != base {
			wanted = "did you mean " + strings.Replace(base, part, near, 1) + "?"
		}
	}
	f.problem(name, "no type in its name (known: %s); %s List files that are not fragments in the setting ignore",
		strings.Join(keys, ", "), wanted)
}

// compareKeys finds fragments with the same issue, type and counter. Orphans are always different.
func (f *folder) compareKeys() {
	first := map[[3]string]string{}
	for _, g := range f.fragments {
		key := [3]string{g.Issue, g.Type, g.Counter}
		other, taken := first[key]
		switch {
		case g.Issue == "":
		case taken:
			f.problem(g.Path, "has the same number (%s) for %s.%s as %s; number one of them, such as %s.%s.1.md, or delete it",
				g.Counter, g.Issue, g.Type, other, g.Issue, g.Type)
		default:
			first[key] = g.Path
		}
	}
}
