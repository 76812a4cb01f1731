package objects

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/moby/patternmatcher"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// SearchResult is a match of a search in a file: a line, or several lines that one match spans.
type SearchResult struct {
	file       string
	line       int // of the first line, from 1
	offset     int // of the first line, in bytes
	lines      string
	submatches []SearchSubmatch
}

var searchResultFields = map[string]gql.Resolver{
	"filePath":       field(func(r *SearchResult, _ context.Context, _ gql.Args) (any, error) { return r.file, nil }),
	"lineNumber":     field(func(r *SearchResult, _ context.Context, _ gql.Args) (any, error) { return r.line, nil }),
	"absoluteOffset": field(func(r *SearchResult, _ context.Context, _ gql.Args) (any, error) { return r.offset, nil }),
	"matchedLines":   field(func(r *SearchResult, _ context.Context, _ gql.Args) (any, error) { return r.lines, nil }),
	"submatches": field(func(r *SearchResult, _ context.Context, _ gql.Args) (any, error) {
		return each(r.submatches, func(s SearchSubmatch) any { return s }), nil
	}),
}

// SearchSubmatch is the part of the lines that matches.
type SearchSubmatch struct {
	text       string
	start, end int // in the lines, in bytes
}

var searchSubmatchFields = map[string]gql.Resolver{
	"text":  field(func(s SearchSubmatch, _ context.Context, _ gql.Args) (any, error) { return s.text, nil }),
	"start": field(func(s SearchSubmatch, _ context.Context, _ gql.Args) (any, error) { return s.start, nil }),
	"end":   field(func(s SearchSubmatch, _ context.Context, _ gql.Args) (any, error) { return s.end, nil }),
}

// searching is a search as ripgrep makes it for Dagger: regular expressions without back references, in files without zero bytes.
type searching struct {
	expression *regexp.Regexp
	multiline  bool
	filesOnly  bool
	limit      int // 0 for none
}

func newSearching(a gql.Args) (searching, error) {
	s := searching{multiline: a.Bool("multiline"), filesOnly: a.Bool("filesOnly"), limit: a.Int("limit")}
	pattern, flags := a.String("pattern"), "m"
	if a.Bool("literal") {
		pattern = regexp.QuoteMeta(pattern)
	}
	if a.Bool("insensitive") {
		flags += "i"
	}
	if a.Bool("dotall") && s.multiline {
		flags += "s"
	}
	var err error
	if s.expression, err = regexp.Compile("(?" + flags + ":" + pattern + ")"); err != nil {
		return s, inSpan(fmt.Errorf("ripgrep error: rg: regex parse error: %w", err))
	}
	return s, nil
}

// full reports whether there are enough results.
func (s searching) full(found []*SearchResult) bool { return s.limit > 0 && len(found) >= s.limit }

// in adds the results in a file.
func (s searching) in(file string, content []byte, found []*SearchResult) []*SearchResult {
	if bytes.IndexByte(content, 0) >= 0 {
		return found // not a text
	}
	spans := s.spans(content)
	if s.filesOnly {
		if len(spans) > 0 {
			found = append(found, &SearchResult{file: file})
		}
		return found
	}
	line, counted := 1, 0
	for _, sp := range spans {
		if s.full(found) {
			break
		}
		line, counted = line+bytes.Count(content[counted:sp.start], []byte("\n")), sp.start
		lines := content[sp.start:sp.end]
		if !utf8.Valid(lines) {
			continue
		}
		r := &SearchResult{file: file, line: line, offset: sp.start, lines: string(lines)}
		for _, m := range sp.matches {
			r.submatches = append(r.submatches, SearchSubmatch{text: string(content[m[0]:m[1]]), start: m[0] - sp.start, end: m[1] - sp.start})
		}
		found = append(found, r)
	}
	return found
}

// span are whole lines with the matches in them.
type span struct {
	start, end int
	matches    [][]int
}

func (s searching) spans(content []byte) []span {
	if s.multiline {
		return merged(content, s.expression.FindAllIndex(content, -1))
	}
	var out []span
	for start := 0; start < len(content); {
		end := lineEnd(content, start)
		text := bytes.TrimSuffix(content[start:end], []byte("\n"))
		if matches := s.expression.FindAllIndex(text, -1); len(matches) > 0 {
			for _, m := range matches {
				m[0], m[1] = m[0]+start, m[1]+start
			}
			out = append(out, span{start, end, matches})
		}
		start = end
	}
	return out
}

// merged are the lines of the matches; matches that share a line are together.
func merged(content []byte, matches [][]int) []span {
	var out []span
	for _, m := range matches {
		if m[0] == len(content) && m[0] > 0 && content[m[0]-1] == '\n' {
			continue // after the last line
		}
		start := bytes.LastIndexByte(content[:m[0]], '\n') + 1
		end := lineEnd(content, max(m[0], m[1]-1))
		if n := len(out); n > 0 && start < out[n-1].end {
			out[n-1].end = max(out[n-1].end, end)
			out[n-1].matches = append(out[n-1].matches, m)
			continue
		}
		out = append(out, span{start, end, [][]int{m}})
	}
	return out
}

// lineEnd is the index after the line that position is in.
func lineEnd(content []byte, position int) int {
	if i := bytes.IndexByte(content[position:], '\n'); i >= 0 {
		return position + i + 1
	}
	return len(content)
}

func (f *File) search(ctx context.Context, a gql.Args) (any, error) {
	s, err := newSearching(a)
	if err != nil {
		return nil, err
	}
	content, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	return each(s.in(f.base(), content, nil), func(r *SearchResult) any { return r }), nil
}

func (d *Directory) search(ctx context.Context, a gql.Args) (any, error) {
	s, err := newSearching(a)
	if err != nil {
		return nil, err
	}
	paths, err := searchPaths(a.Strings("paths"))
	if err != nil {
		return nil, err
	}
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	// Reading many files through BuildKit takes longer than a copy.
	dir, err := os.MkdirTemp(d.env.TempDir, "search-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := d.exportOpen(ctx, dir); err != nil {
		return nil, err
	}
	w := &searchWalk{searching: s, dir: dir, globs: overrides(a.Strings("globs")), hidden: !a.Bool("skipHidden"), ignoring: a.Bool("skipIgnored")}
	for _, p := range paths {
		if err := w.walk(ctx, p); err != nil {
			return nil, inSpan(err)
		}
	}
	return each(w.found, func(r *SearchResult) any { return r }), nil
}

// searchPaths are the paths to search, relative to the directory.
func searchPaths(given []string) ([]string, error) {
	if len(given) == 0 {
		return []string{"."}, nil
	}
	var out []string
	for _, p := range given {
		clean := path.Clean(strings.TrimPrefix(p, "/"))
		if !filepath.IsLocal(clean) {
			return nil, fmt.Errorf("path cannot escape directory: %s", p)
		}
		out = append(out, clean)
	}
	return out, nil
}

// searchWalk searches the files of a folder of the host.
type searchWalk struct {
	searching
	dir      string
	globs    []override
	hidden   bool // hidden files are searched
	ignoring bool // files that ignore files name are not searched
	found    []*SearchResult
}

func (w *searchWalk) walk(ctx context.Context, top string) error {
	root, err := os.OpenRoot(w.dir) // a link in the directory leads to no file of this machine
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Lstat(top)
	if err != nil {
		return fmt.Errorf("ripgrep error: rg: %s: IO error for operation on %[1]s: No such file or directory (os error 2)", top)
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return nil
	}
	ignored, err := w.ignored()
	if err != nil {
		return err
	}
	return filepath.WalkDir(filepath.Join(w.dir, top), func(file string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case w.full(w.found):
			return fs.SkipAll
		}
		name, err := filepath.Rel(w.dir, file)
		if err != nil || name == "." {
			return err
		}
		if name != top && (w.leftOut(name, e.IsDir()) || ignored(name)) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !e.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		w.found = w.in(name, content, w.found)
		return nil
	})
}

// leftOut reports whether a hidden name or a glob leaves a file or folder out.
func (w *searchWalk) leftOut(name string, isDir bool) bool {
	if !w.hidden && strings.HasPrefix(path.Base(name), ".") {
		return true
	}
	for _, o := range slices.Backward(w.globs) { // the last one that matches decides
		if o.match(name) {
			return o.not
		}
	}
	return !isDir && slices.ContainsFunc(w.globs, func(o override) bool { return !o.not })
}

// override is a glob of ripgrep: files that match are searched, or not searched.
type override struct {
	not   bool
	match func(name string) bool
}

func overrides(globs []string) []override {
	var out []override
	for _, g := range globs {
		g, not := strings.CutPrefix(g, "!")
		pattern := strings.TrimSuffix(g, "/")
		if !strings.Contains(pattern, "/") {
			pattern = "**/" + pattern
		}
		match, err := globMatcher(strings.TrimPrefix(pattern, "/"))
		if err != nil {
			match = func(string) bool { return false }
		}
		out = append(out, override{not, match})
	}
	return out
}

// ignored is the decision of the ignore files: .ignore and .rgignore, and in a git repository .gitignore.
func (w *searchWalk) ignored() (func(name string) bool, error) {
	if !w.ignoring {
		return func(string) bool { return false }, nil
	}
	files := []string{".ignore", ".rgignore"}
	if _, err := os.Lstat(filepath.Join(w.dir, ".git")); err == nil {
		files = append([]string{".gitignore"}, files...)
	}
	var patterns []string
	err := filepath.WalkDir(w.dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || !slices.Contains(files, e.Name()) || !e.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(w.dir, filepath.Dir(file))
		patterns = append(patterns, gitignorePatterns(rel, content)...)
		return err
	})
	if err != nil {
		return nil, err
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, err
	}
	return func(name string) bool {
		yes, err := m.MatchesOrParentMatches(name)
		return err == nil && yes
	}, nil
}
