// Package leak finds possible credentials in a text, by the rules of gitleaks.
//
// The rules, their allowlists and the format of the settings are those of gitleaks. The matching is our own: gitleaks' package detect tries
// every rule on the whole of a file with one of its keywords, which takes a second for the files of a small repository, and quadratic time
// in the number of matches. Here a rule's expression is compiled at the first occurrence of its keyword, and tried only at occurrences. A
// test compares the two.
package leak

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/zricethezav/gitleaks/v8/config"
)

// A Match is the place of a possible credential. It does not hold the credential.
type Match struct {
	// Offset is the offset in bytes of the credential.
	Offset int
	// Rule is the id of gitleaks' rule.
	Rule string
	// Bare says that a comment without a reason allows it.
	Bare bool
}

// found is a match with its text, which never leaves this package.
type found struct {
	Match
	start       int // of the rule's match
	end         int // of the secret
	secret      string
	whole, line string // the rule's match, and the lines that contain it
}

// Scan returns the possible credentials in a text, in order, without those that the settings allow. name is the file's path, which some
// rules and allowlists use. The time is linear in the length of the text.
func (s *Scanner) Scan(name, text string) []Match {
	if len(text) > large && s.AllowsPath(name) {
		return nil
	}
	scan := scan{Scanner: s, name: name, text: text}
	scan.paths()
	scan.everywhere()
	scan.keywords(0, len(text))
	for _, piece := range encoded(text) {
		scan.decoded(piece)
	}
	// Most small texts have no matches; checking the path first would be slower.
	if len(scan.found) == 0 || s.AllowsPath(name) {
		return nil
	}
	return scan.matches()
}

const large = 16 << 10

// AllowsPath says whether the settings allow every match in a file with this path.
func (s *Scanner) AllowsPath(name string) bool { return allowsPath(s.allowed, name) }

// scan is the state of the scan of one text.
type scan struct {
	*Scanner
	name, text string
	found      []found
	skip       map[*rule]bool // rules that do not apply to this path
	tried      map[*rule]int  // the offset up to which each rule was tried
	attempts   map[*rule]int  // number of attempts of rules that are tried at their keywords
	whole      map[*rule]bool // rules that were tried on the whole text
	sealed     []span         // encrypted values, once sealedRead
	sealedRead bool
}

// applies says whether a rule applies to files with this path.
func (s *scan) applies(r *rule) bool {
	skip, known := s.skip[r]
	if !known {
		c := r.compiled()
		skip = c == nil || c.Regex == nil || c.SkipReport || c.Path != nil && !c.Path.MatchString(s.name) || allowsPath(c.Allowlists, s.name)
		if s.skip == nil {
			s.skip = map[*rule]bool{}
		}
		s.skip[r] = skip
	}
	return !skip
}

// paths tries the rules that only check the path.
func (s *scan) paths() {
	for _, r := range s.pathOnly {
		if c := r.compiled(); c != nil && !c.SkipReport && c.Path.MatchString(s.name) && !allowsPath(c.Allowlists, s.name) {
			s.found = append(s.found, found{Match: Match{Rule: r.id}})
		}
	}
}

// everywhere tries the rules without keywords.
func (s *scan) everywhere() {
	for _, r := range s.always {
		s.tryWhole(r)
	}
}

// keywords tries the rules with a keyword in text[from:to], each at its keyword.
func (s *scan) keywords(from, to int) {
	for i := from; i+1 < to; i++ {
		bucket := s.buckets[uint16(lower[s.text[i]])<<8|uint16(lower[s.text[i+1]])]
		if bucket == 0 {
			continue
		}
		for _, k := range s.index[bucket-1] {
			if foldPrefix(s.text[i:], k.word) {
				for _, u := range k.uses {
					s.tryAt(u, i, i+len(k.word))
				}
			}
		}
	}
}

// The maximum distance in bytes between a keyword and the match of its rule.
const (
	backward    = 1 << 10
	forward     = 2 << 10
	forwardLong = 32 << 10 // of rules for values of many lines: keys
)

// tryAt tries a rule at its keyword text[from:to].
func (s *scan) tryAt(u use, from, to int) {
	start, how := from, u.how()
	switch {
	case how == whole:
		s.tryWhole(u.rule)
		return
	case how == near:
		s.tryNear(u.rule, from, to)
		return
	case from < s.tried[u.rule]:
		return // it is inside a match
	case how == begins:
		if u.rule.word && from > 0 && isWord(s.text[from-1]) {
			return
		}
	case how == assigns:
		if !assigned(s.text, to) {
			return
		}
		for start > 0 && from-start < 50 && isName(s.text[start-1]) {
			start--
		}
	}
	if !s.applies(u.rule) || s.tooOften(u.rule) {
		return
	}
	end := min(len(s.text), to+u.rule.reach())
	if at := u.rule.compiled().anchored.FindStringSubmatchIndex(s.text[start:end]); at != nil {
		at = shift(at, start)
		s.until(u.rule, at[1])
		s.consider(u.rule, at)
	}
}

// until records the offset up to which a rule was tried.
func (s *scan) until(r *rule, end int) {
	if s.tried == nil {
		s.tried = map[*rule]int{}
	}
	s.tried[r] = end
}

// tooOften says that a keyword makes up so much of the text that trying its rule once on the whole text is cheaper.
func (s *scan) tooOften(r *rule) bool {
	if s.attempts == nil {
		s.attempts = map[*rule]int{}
	}
	s.attempts[r]++
	weight := 1
	if strings.Contains(r.regex, ".*") {
		weight = 32 // such an expression does not fail early
	}
	if s.attempts[r]*weight*r.reach() < 16*len(s.text)+1<<20 {
		return false
	}
	s.tryWhole(r)
	return true
}

// tryNear tries a rule around its keyword, unless the last attempt covered that.
func (s *scan) tryNear(r *rule, from, to int) {
	if min(to+r.reach()/2, len(s.text)) <= s.tried[r] || !s.applies(r) {
		return
	}
	end := min(len(s.text), to+r.reach())
	s.until(r, end)
	s.tryAll(r, max(0, from-backward), end)
}

// tryWhole tries a rule on the whole text, once.
func (s *scan) tryWhole(r *rule) {
	if s.whole[r] || !s.applies(r) {
		return
	}
	if s.whole == nil {
		s.whole = map[*rule]bool{}
	}
	s.whole[r] = true
	s.tryAll(r, 0, len(s.text))
}

func (s *scan) tryAll(r *rule, start, end int) {
	for _, at := range r.compiled().Regex.FindAllStringSubmatchIndex(s.text[start:end], -1) {
		s.consider(r, shift(at, start))
	}
}

func shift(at []int, by int) []int {
	for i := range at {
		if at[i] >= 0 {
			at[i] += by
		}
	}
	return at
}

// consider keeps a match of a rule's expression, unless its entropy is too low or a list allows it. at are the indices of its groups.
func (s *scan) consider(r *rule, at []int) {
	c := r.compiled()
	from, to := group(c.Rule, at)
	f := found{Match: Match{Offset: from, Rule: r.id}, start: at[0], end: to, secret: strings.Trim(s.text[from:to], "\n"), whole: strings.Trim(s.text[at[0]:at[1]], "\n")}
	if c.Entropy != 0 && entropy(f.secret) <= c.Entropy {
		return
	}
	f.line = around(s.text, at[0], at[1])
	if allows(s.allowed, s.name, f) || allows(c.Allowlists, s.name, f) || identifies(f) || s.isSealed(f) {
		return
	}
	s.keep(f)
}

// keep keeps a match, unless a comment with a reason or .gitleaksignore allows it.
func (s *scan) keep(f found) {
	reason, commented := Allowance(f.line)
	if commented && reason != "" || s.ignores(f) {
		return
	}
	f.Bare = commented
	s.found = append(s.found, f)
}

// group is the secret in a match: the group that the rule names, otherwise the first group that is not empty, otherwise the whole match.
func group(r config.Rule, at []int) (from, to int) {
	if i := 2 * r.SecretGroup; i > 0 && i < len(at) && at[i] >= 0 {
		return at[i], at[i+1]
	}
	for i := 2; i < len(at); i += 2 {
		if at[i] >= 0 && at[i+1] > at[i] {
			return at[i], at[i+1]
		}
	}
	return at[0], at[1]
}

// around are the lines of text[from:to]: no more than 2 KiB to either side.
func around(text string, from, to int) string {
	start, end := max(0, from-forward), min(len(text), to+forward)
	if i := strings.LastIndexByte(text[start:from], '\n'); i >= 0 {
		start += i + 1
	}
	if i := strings.IndexByte(text[to:end], '\n'); i >= 0 {
		end = to + i
	}
	return text[start:end]
}

// matches are the matches in order, each place once. A rule for a kind of token takes precedence over generic rules.
func (s *scan) matches() []Match {
	slices.SortFunc(s.found, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.rank(), b.rank()), cmp.Compare(b.end, a.end), cmp.Compare(a.Rule, b.Rule))
	})
	var list []Match
	covered := -1 // the end of the last kept match
	for _, f := range s.found {
		if len(list) > 0 && f.end <= covered {
			continue
		}
		covered = max(covered, f.end)
		list = append(list, f.Match)
	}
	return list
}

func (f found) rank() int {
	if strings.Contains(f.Rule, "generic") {
		return 1
	}
	return 0
}

// entropy is Shannon's entropy, in bits for each character.
func entropy(s string) (bits float64) {
	counts, total := map[rune]int{}, 0
	for _, r := range s {
		counts[r]++
		total++
	}
	for _, n := range counts {
		p := float64(n) / float64(total)
		bits -= p * math.Log2(p)
	}
	return bits
}
