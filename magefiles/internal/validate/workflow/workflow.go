// Package workflow checks the workflows and composite actions of Forgejo.
//
// It validates against the schema of act, of which Forgejo's runner is a fork, and runs actionlint; both are adjusted to the differences
// between Forgejo and GitHub (https://forgejo.org/docs/latest/user/actions/). The other rules are our own, on the YAML nodes. It uses
// gopkg.in/yaml.v3, although the rest of the project uses go.yaml.in/yaml/v3, because act's schema requires its nodes.
package workflow

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/target"
)

// The rules of the problems.
const (
	RuleYAML       = "yaml"       // not YAML, a duplicate key, or nested too deep
	RuleSchema     = "schema"     // the runner refuses it
	RuleActionlint = "actionlint" // actionlint reports it; the message ends with its kind
	RuleIgnored    = "ignored"    // Forgejo ignores it
	RuleAnchor     = "anchor"     // an alias that Forgejo loses
	RulePin        = "pin"        // an action or image that is not pinned
	RuleMissing    = "missing"    // an action of this repository that does not exist
	RuleInjection  = "injection"  // text that other people choose becomes part of a script
	RuleSecret     = "secret"     // a secret is given to more than the step that requires it
	RuleHead       = "head"       // a pull request's code is run with the rights of the base
	RuleMage       = "mage"       // an unknown target, or invalid arguments
)

// A Problem is a mistake in a workflow.
type Problem struct {
	Line, Column int    // from 1, the column in characters; 0: the whole file, the whole line
	Rule         string // one of the constants
	Message      string // the mistake, in one line
	Do           string // the correction, or "" for the rule's
	Group        string // as in validate.Finding
	Item         string
	Fix          *validate.Fix
}

// Options are information from outside of the file.
type Options struct {
	// Forgejo says that Forgejo runs the workflow, not GitHub.
	Forgejo bool
	// Fix asks for the fixes of problems.
	Fix bool
	// Commit is the commit of a tag, or of the default branch, of a repository; "" if it is not known. It may be nil.
	Commit func(url, ref string) string
	// Targets are the targets of mage; nil if they are not known.
	Targets *target.Set
	// Exists says whether the repository has a file or folder, and may be nil.
	Exists func(path string) bool
}

// IsAction says whether a path is the path of an action's metadata.
func IsAction(name string) bool {
	base := path.Base(name)
	return base == "action.yml" || base == "action.yaml"
}

// Check checks a workflow, or an action if its name says so, and returns its problems in order.
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

// job checks one job.
func (f *file) job(j *job) {
	f.pinned(j)
	for _, s := range j.steps {
		f.scripts(j, s)
		f.head(s)
	}
}

// report adds a problem. YAML counts line ends that editors do not (a lone \r, U+2028), so its line may be beyond the end of the file.
func (f *file) report(p Problem) {
	p.Line = min(p.Line, len(f.lines))
	f.problems = append(f.problems, p)
}
