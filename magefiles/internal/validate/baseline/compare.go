package baseline

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// Limit is the number of findings of one rule in one file that are compared one by one. A finding that counts more is compared by its number.
const Limit = 10_000

// Scope is the part of the repository that a run read.
type Scope struct {
	// Checks are the names of the checks that ran completely.
	Checks []string
	// Known are the names of all checks that exist; nil if only some were asked for.
	Known []string
	// Narrow are the checks that read only the Changed files.
	Narrow  map[string]bool
	Changed []string
	// Exists says whether a file is in the repository.
	Exists func(name string) bool
	// Text is the text of a file.
	Text func(name string) (string, bool)
}

func (s Scope) read(e Entry) bool {
	check, _, _ := strings.Cut(e.Rule, "/")
	if s.Known != nil && !slices.Contains(s.Known, check) { // it was removed: nothing finds that any more
		return s.Changed == nil || slices.Contains(s.Changed, e.File)
	}
	return slices.Contains(s.Checks, check) && (!s.Narrow[check] || slices.Contains(s.Changed, e.File))
}

// Apply sets the state of each finding of the report, and the fixed ones. A finding in a file that the baseline does not have, with the rule
// and the line of an entry whose file no longer exists, is unchanged: the file was renamed.
func (b *Baseline) Apply(name string, r *validate.Report, s Scope) {
	left, gone := map[key]int{}, map[key][]key{} // the second by rule and line, of files that do not exist
	listed := map[string]bool{}
	for _, e := range b.Findings {
		listed[e.File] = true
		left[e.key()] = e.Count
		if !s.Exists(e.File) {
			k := key{rule: e.Rule, line: e.Line}
			gone[k] = append(gone[k], e.key())
		}
	}
	lines := reader{scope: s}
	r.Baseline = name
	for i := range r.Findings {
		f := &r.Findings[i]
		k, n := lines.keyOf(*f), max(1, f.More)
		from := k
		if left[k] < n && !listed[k.file] {
			for _, old := range gone[key{rule: k.rule, line: k.line}] {
				if left[old] >= n {
					from = old
					break
				}
			}
		}
		f.Baseline = validate.New
		if left[from] >= n {
			left[from] -= n
			f.Baseline = validate.Unchanged
			if f.More > 0 {
				left[from] = 0 // fewer of them is not worth a line
			}
		}
	}
	for _, e := range b.Findings {
		if n := left[e.key()]; n > 0 && s.read(e) {
			check, rule, _ := strings.Cut(e.Rule, "/")
			r.Fixed = append(r.Fixed, validate.Fixed{Path: e.File, Check: check, Rule: rule, Message: e.Message, Count: n})
		}
	}
	slices.SortFunc(r.Fixed, func(a, b validate.Fixed) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Check, b.Check), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
	shorten(r)
}

// shorten limits the new findings as a run without a baseline does.
func shorten(r *validate.Report) {
	var known []validate.Finding
	for _, f := range r.Findings {
		if f.Baseline == validate.Unchanged {
			known = append(known, f)
		}
	}
	fresh := validate.Shorten(r.New())
	for i := range fresh {
		fresh[i].Baseline = validate.New
	}
	r.Findings = append(fresh, known...)
	validate.Sort(r.Findings)
}

// Of is the baseline with the findings of a report. Entries of old that the run did not read stay.
func Of(r *validate.Report, old *Baseline, s Scope) *Baseline {
	entries := map[key]Entry{}
	if old != nil {
		for _, e := range old.Findings {
			if !s.read(e) {
				entries[e.key()] = e
			}
		}
	}
	lines := reader{scope: s}
	for _, f := range r.Findings {
		k := lines.keyOf(f)
		e := entries[k]
		if e.Count == 0 {
			e = Entry{File: k.file, Rule: k.rule, Line: k.line, Message: validate.Printable(f.Message)}
		}
		e.Count += max(1, f.More)
		entries[k] = e
	}
	b := &Baseline{Version: Version, Findings: []Entry{}}
	for _, e := range entries {
		b.Findings = append(b.Findings, e)
	}
	return b
}

// reader reads the lines of files, the last one once.
type reader struct {
	scope Scope
	name  string
	lines []string
}

var digits = regexp.MustCompile(`[0-9]+`)

// fewest is the number of letters and digits from which on a line tells findings apart. A line with fewer has its neighbours as well.
const fewest = 3

// farthest is the number of lines in which a neighbour is searched.
const farthest = 100

// keyOf is the key of a finding. Its line is a sum of the content, without white space at both ends and with single spaces: a secret in it
// cannot be read. Of a whole file, it is a sum of the message without numbers.
func (r *reader) keyOf(f validate.Finding) key {
	k := key{file: cmp.Or(f.Path, f.About), rule: f.Check + "/" + f.Rule}
	if r.name != f.Path || r.lines == nil {
		text, _ := r.scope.Text(f.Path)
		r.name, r.lines = f.Path, strings.Split(text, "\n")
	}
	switch {
	case f.More > 0:
		k.line = sum("more", "")
	case f.Line < 1 || f.Line > len(r.lines):
		k.line = sum("message", digits.ReplaceAllString(f.Message, "0"))
	default:
		k.line = sum("line", r.around(f.Line-1))
	}
	return k
}

// around is the content of a line, with the next lines that are not blank on both sides if it has little of its own.
func (r *reader) around(i int) string {
	own := squeezed(r.lines[i])
	meaning := 0
	for _, c := range own {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			meaning++
		}
	}
	if meaning >= fewest {
		return own
	}
	near := func(step int) string {
		for j := i + step; j >= 0 && j < len(r.lines) && max(i-j, j-i) <= farthest; j += step {
			if text := squeezed(r.lines[j]); text != "" {
				return text
			}
		}
		return ""
	}
	return near(-1) + "\n" + own + "\n" + near(1)
}

func squeezed(line string) string { return strings.Join(strings.Fields(line), " ") }

func sum(kind, content string) string {
	all := sha256.Sum256([]byte(kind + "\x00" + content))
	return hex.EncodeToString(all[:8])
}
