package leak

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"

	"github.com/zricethezav/gitleaks/v8/config"
)

// rule is a rule of gitleaks, compiled on first use.
type rule struct {
	id       string
	regex    string
	keywords []string
	word     bool // the expression begins with \b
	compiled func() *compiled
}

type compiled struct {
	config.Rule
	anchored *regexp.Regexp // Regex, anchored at the beginning of a text
}

// how is the way to try a rule at its keyword.
type how int

const (
	whole   how = iota // on the whole text: the match may be elsewhere
	near               // around the keyword
	begins             // at the keyword: the match begins with it
	assigns            // at the name that contains the keyword, if a value is assigned to it
)

type use struct {
	rule *rule
	how  func() how // computed on first use
}

type keyword struct {
	word string // lower case
	uses []use
}

// A Scanner finds credentials. It is safe for concurrent use.
type Scanner struct {
	allowed  []*config.Allowlist
	pathOnly []*rule
	always   []*rule
	index    [][]keyword      // by their first two bytes
	buckets  *[1 << 16]uint16 // two bytes -> 1 + index in index
	ignored  map[string]bool  // fingerprints
}

// newScanner makes a scanner of a configuration's rules. It compiles only the global allowlists.
func newScanner(c *config.ViperConfig) (*Scanner, error) {
	s := &Scanner{buckets: new([1 << 16]uint16)}
	global, err := translate(&config.ViperConfig{Allowlists: c.Allowlists})
	if err != nil {
		return nil, err
	}
	s.allowed = global.Allowlists
	words := map[string]*keyword{}
	for i := range c.Rules {
		one := &config.ViperConfig{Rules: c.Rules[i : i+1 : i+1]}
		v := c.Rules[i]
		r := &rule{id: v.ID, regex: v.Regex, word: strings.HasPrefix(strings.TrimPrefix(v.Regex, "(?i)"), `\b`)}
		r.compiled = sync.OnceValue(func() *compiled { return compile(one) })
		r.keywords = v.Keywords
		s.add(r, words)
	}
	s.build(words)
	return s, nil
}

func (s *Scanner) add(r *rule, words map[string]*keyword) {
	switch {
	case r.regex == "":
		s.pathOnly = append(s.pathOnly, r)
		return
	case len(r.keywords) == 0:
		s.always = append(s.always, r)
		return
	}
	for _, word := range r.keywords {
		word = strings.ToLower(word)
		if len(word) < 2 {
			s.always = append(s.always, r)
			return
		}
		if words[word] == nil {
			words[word] = &keyword{word: word}
		}
		words[word].uses = append(words[word].uses, use{r, sync.OnceValue(func() how { return r.howAt(word) })})
	}
}

// howAt is the way to try a rule at a keyword.
func (r *rule) howAt(word string) how {
	for _, head := range heads(r.regex) {
		if strings.HasPrefix(head, word) || strings.HasPrefix(word, head) {
			return begins
		}
	}
	names, _, assigned := strings.Cut(r.regex, operators)
	switch {
	case !strings.Contains(strings.ReplaceAll(strings.ToLower(names), `\`, ""), word) && !(assigned && named(names, word)):
		return whole
	case assigned:
		return assigns
	}
	return near
}

// named says whether the expression of names at the beginning of a rule matches a word.
func named(names, word string) bool {
	names = strings.TrimPrefix(names, `(?i)[\w.-]{0,50}?`)
	re, err := regexp.Compile(`(?i)\A(?:` + names + `)\z`)
	return err == nil && re.MatchString(word)
}

func (s *Scanner) build(words map[string]*keyword) {
	for _, k := range words {
		at := uint16(k.word[0])<<8 | uint16(k.word[1])
		if s.buckets[at] == 0 {
			s.index = append(s.index, nil)
			s.buckets[at] = uint16(len(s.index))
		}
		s.index[s.buckets[at]-1] = append(s.index[s.buckets[at]-1], *k)
	}
}

// heads are the possible beginnings of a match of an expression, in lower case; nil if they are not known.
func heads(expression string) []string {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil
	}
	return headsOf(parsed)
}

func headsOf(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(re.Rune))}
	case syntax.OpCapture:
		return headsOf(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if sub.Op != syntax.OpWordBoundary && sub.Op != syntax.OpEmptyMatch {
				return headsOf(sub)
			}
		}
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			some := headsOf(sub)
			if some == nil {
				return nil
			}
			all = append(all, some...)
		}
		return all
	}
	return nil
}

// reach is the distance from its keyword up to which a rule is tried.
func (r *rule) reach() int {
	if strings.Contains(r.regex, `[\s\S`) {
		return forwardLong
	}
	return forward
}

// compile is nil for a rule that does not compile; New has refused such rules of the settings.
func compile(c *config.ViperConfig) *compiled {
	translated, err := translate(c)
	if err != nil {
		return nil
	}
	for _, r := range translated.Rules {
		one := &compiled{Rule: r}
		if r.Regex != nil {
			one.anchored = regexp.MustCompile(`\A(?:` + r.Regex.String() + `)`)
		}
		return one
	}
	return nil
}

// translate compiles a configuration with gitleaks, and returns its panic about an invalid expression as an error.
func translate(c *config.ViperConfig) (compiled config.Config, err error) {
	defer func() {
		if r := recover(); r != nil {
			text := fmt.Sprint(r)
			err = errors.New(text[max(0, strings.LastIndex(text, "error parsing regexp")):])
		}
	}()
	compiled, err = c.Translate()
	if err != nil {
		return compiled, err
	}
	for _, list := range compiled.Allowlists {
		if err := list.Validate(); err != nil {
			return compiled, err
		}
	}
	return compiled, nil
}
