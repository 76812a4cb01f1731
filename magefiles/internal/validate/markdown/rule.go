package markdown

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Rule is one of the rules.
type Rule struct {
	// ID is MD and three digits. Names are its other names, Tags its groups: settings and comments accept all of these.
	ID          string
	Names, Tags []string
	// What describes its findings, Do the correction: one sentence each.
	What, Do string
	// defaults are its options: int, bool, string, []string, or levels.
	defaults options
	// choices are the values that an option of text accepts; any value if there are none.
	choices map[string][]string
	run     func(*pass)
}

// SettingsRule is the rule of problems with the settings themselves.
const SettingsRule = "settings"

// options are the options of a rule, by name.
type options map[string]any

// levels is a number for each level of headings.
type levels [6]int

func (o options) number(name string) int    { return o[name].(int) }
func (o options) yes(name string) bool      { return o[name].(bool) }
func (o options) text(name string) string   { return o[name].(string) }
func (o options) list(name string) []string { return o[name].([]string) }
func (o options) levels(name string) levels { return o[name].(levels) }
func (o options) lower(name string) []string {
	list := make([]string, 0, len(o.list(name)))
	for _, s := range o.list(name) {
		list = append(list, strings.ToLower(s))
	}
	return list
}

// or is the number of the first option, or of the second one if that is 0.
func (o options) or(first, second string) int {
	if n := o.number(first); n != 0 {
		return n
	}
	return o.number(second)
}

// names maps each name that settings may use for rules, in capitals, to indices of rules.
var names = sync.OnceValue(func() map[string][]int {
	found := map[string][]int{}
	for i, rule := range Rules {
		for _, list := range [][]string{{rule.ID}, rule.Names, rule.Tags} {
			for _, name := range list {
				found[strings.ToUpper(name)] = append(found[strings.ToUpper(name)], i)
			}
		}
	}
	return found
})

// patterns are the regular expressions of settings, compiled once.
var patterns sync.Map

// compiled is nil for an invalid expression; settings refuse those.
func compiled(pattern string) *regexp.Regexp {
	if known, ok := patterns.Load(pattern); ok {
		return known.(*regexp.Regexp)
	}
	re, err := regexp.Compile("(?i)" + pattern)
	if err != nil {
		re = nil
	}
	patterns.Store(pattern, re)
	return re
}

// count is a number with its noun.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}
