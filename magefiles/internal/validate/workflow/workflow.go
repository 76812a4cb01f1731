// Package workflow looks at the workflows and composite actions of a Forgejo, and says what is wrong with them.
//
// What Forgejo's runner refuses is asked of act's schema, of which it is a fork, and what a workflow means of actionlint; both are told
// where Forgejo differs from GitHub (https://forgejo.org/docs/latest/user/actions/). The other rules are our own, on the YAML nodes.
// gopkg.in/yaml.v3 is used although the rest of the project reads YAML with go.yaml.in/yaml/v3, since act's schema takes its nodes.
package workflow

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/target"
)

// The rules of the problems.
const (
	RuleYAML       = "yaml"       // not YAML, a key twice, or nested beyond reason
	RuleSchema     = "schema"     // the runner refuses it
	RuleActionlint = "actionlint" // actionlint says so; its kind ends the message
	RuleIgnored    = "ignored"    // Forgejo passes over it
	RuleAnchor     = "anchor"     // an alias that Forgejo loses
	RulePin        = "pin"        // an action or image that is not pinned
	RuleMissing    = "missing"    // an action of this repository that is not there
	RuleInjection  = "injection"  // text that others choose becomes part of a script
	RuleSecret     = "secret"     // a secret is given to more than the step that needs it
	RuleHead       = "head"       // a pull request's code is run with the rights of the base
	RuleMage       = "mage"       // no such target, or not these arguments
)

// A Problem is something in a workflow that should be otherwise.
type Problem struct {
	Line, Column int    // from 1, the column in characters; 0: the file, the line as a whole
	Rule         string // one of the constants
	Message      string // what is wrong, in one line
	Do           string // what to do about it, or "" for what the rule says
}

// Options are what is known beyond the file.
type Options struct {
	// Forgejo says that Forgejo runs it, and not GitHub.
	Forgejo bool
	// Targets are those of mage; nil if they are not known.
	Targets *target.Set
	// Exists says whether the repository has a file or folder, and may be nil.
	Exists func(path string) bool
}

// IsAction says whether a path is that of an action's metadata.
func IsAction(name string) bool {
	base := path.Base(name)
	return base == "action.yml" || base == "action.yaml"
}

// Check reads a workflow, or an action if its name says so, and reports its problems in order.
func Check(name, text string, o Options) []Problem {
	f := &file{Options: o, action: IsAction(name), text: text, lines: strings.Split(text, "\n")}
	if f.parse() {
		f.model()
		f.schema()
		f.lint()
		f.ignored()
		f.events()
		f.anchors()
		for _, job := range f.jobs {
			f.job(job)
		}
		f.secrets()
		f.mage()
	}
	slices.SortStableFunc(f.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(f.problems)
}

// job looks at what stands in one job.
func (f *file) job(j *job) {
	f.pinned(j)
	for _, s := range j.steps {
		f.scripts(j, s)
		f.head(s)
	}
}

// report adds a problem. YAML has ends of lines that no editor counts (a lone \r, U+2028), so that its count may lead beyond the file.
func (f *file) report(p Problem) {
	p.Line = min(p.Line, len(f.lines))
	f.problems = append(f.problems, p)
}
