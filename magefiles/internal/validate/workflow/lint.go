package workflow

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rhysd/actionlint"
)

// forgejoContexts are what Forgejo calls the context github as well.
var forgejoContexts = []string{"forgejo", "forge", "gitea"}

// knowForgejo gives actionlint the names of contexts that GitHub lacks. They are a variable of the library, and nothing else here uses it.
var knowForgejo = sync.OnceFunc(func() {
	for _, name := range forgejoContexts {
		actionlint.BuiltinGlobalVariableTypes[name] = actionlint.BuiltinGlobalVariableTypes["github"]
	}
})

// notOurs are what actionlint says that is not so on a Forgejo, or that a rule of our own says better.
var notOurs = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(strings.Join([]string{
		`potentially untrusted`,              // injection
		`^context "\w+" is not allowed here`, // Forgejo allows more; schema
		`^unexpected key "(enable-email-notifications|enable-openid-connect|cmd|entrypoint|init|tty)" for `,
		`^(key )?"?[^"]*"? ?is duplicated`,      // yaml
		`is duplicated in .*previously defined`, // yaml
		`^unexpected key "description" for "workflow"`,
		`^type of expression at "float number value"`,   // the runner reads the number of minutes from a text, too
		`^"type" is missing at `,                        // and takes an input without a type
		`\$\{\{ ?insert`,                                // keys that an expression brings
		`^unknown Webhook event `,                       // ignored
		`^no workflow is configured for "workflow_run"`, // ignored
		`^scheduled job runs too frequently`,            // a limit of GitHub's
		`^invalid CRON format "@`,                       // Forgejo knows @daily
		`^maximum number of inputs for "workflow_dispatch"`,
		`is too old to run on GitHub Actions`,                            // Forgejo's runner has older ones
		`^specifying action .* in invalid format because ref is missing`, // pin
		`^specifying action "https?://.* in invalid format because owner and repo and ref`,
		`^reusable workflow call "https?://`,
		`^reusable workflow call "\./\.(forgejo|gitea)/`,
		`^when a reusable workflow is called with "uses", "(runs-on|container)" is not available`,
		`^shell name "node" is invalid`,
		`^"types" cannot be specified for "pull_request_comment"`,
	}, "|"))
})

// lint asks actionlint. Its rules for runner labels (they are the site's own) and for permissions (Forgejo has none), and those that start
// another program, are not asked.
func (f *file) lint() {
	if f.action {
		return // actionlint reads these only through the workflows that use them, and from the disk
	}
	knowForgejo()
	found := f.actionlint([]byte(f.text))
	if f.merges && f.Forgejo { // GitHub takes no merge keys, as actionlint says
		found = f.lintMerged(found)
	}
	refused := map[int]bool{}
	for _, p := range f.problems {
		refused[p.Line] = true
	}
	for _, e := range found {
		own := e.Kind == "syntax-check" || e.Kind == "expression"
		if notOurs().MatchString(e.Message) || own && refused[e.Line] {
			continue
		}
		f.report(Problem{Line: e.Line, Column: e.Column, Rule: RuleActionlint, Message: fmt.Sprintf("%s (%s)", tidy(plainWords(e.Message)), e.Kind)})
	}
}

func (f *file) actionlint(text []byte) []*actionlint.Error {
	tree, found := actionlint.Parse(text)
	if tree != nil {
		found = append(found, f.visit(tree)...)
	}
	return found
}

// aboutAnchors is what actionlint finds of anchors, which a workflow whose merges are written out has no more.
const aboutAnchors = `anchor "`

// lintMerged asks again with the merges written out: actionlint drops merged keys, and then says that they are missing.
func (f *file) lintMerged(found []*actionlint.Error) []*actionlint.Error {
	found = slices.DeleteFunc(found, func(e *actionlint.Error) bool { return !strings.HasPrefix(e.Message, aboutAnchors) })
	r, err := f.render()
	if err != nil {
		return found
	}
	for _, e := range f.actionlint(r.text) {
		e.Line, e.Column = r.at(e.Line, e.Column)
		e.Message = r.places(e.Message)
		found = append(found, e)
	}
	return found
}

// plainWords is a message without the addresses of GitHub's documentation that end it.
func plainWords(message string) string {
	for _, tail := range []string{". see https://", ". note: ", ": https://"} {
		message, _, _ = strings.Cut(message, tail)
	}
	return message
}

// tidy leaves a foreign message on one line without a full stop, and not longer than a person reads.
func tidy(message string) string {
	message = strings.TrimSuffix(strings.Join(strings.Fields(message), " "), ".")
	if r := []rune(message); len(r) > 400 {
		message = string(r[:399]) + "…"
	}
	return message
}

func (f *file) visit(tree *actionlint.Workflow) []*actionlint.Error {
	// Without a project neither of them reads the disk.
	actions, workflows := actionlint.NewLocalActionsCache(nil, nil), actionlint.NewLocalReusableWorkflowCache(nil, "", nil)
	rules := []actionlint.Rule{
		actionlint.NewRuleMatrix(), actionlint.NewRuleCredentials(), actionlint.NewRuleShellName(), actionlint.NewRuleEvents(), actionlint.NewRuleJobNeeds(),
		actionlint.NewRuleAction(actions), actionlint.NewRuleEnvVar(), actionlint.NewRuleID(), actionlint.NewRuleGlob(),
		actionlint.NewRuleWorkflowCall("", workflows), actionlint.NewRuleExpression(actions, workflows), actionlint.NewRuleDeprecatedCommands(), actionlint.NewRuleIfCond(),
	}
	visitor := actionlint.NewVisitor()
	for _, rule := range rules {
		visitor.AddPass(rule)
	}
	if err := visitor.Visit(tree); err != nil {
		return []*actionlint.Error{{Message: err.Error(), Line: 1, Column: 1, Kind: "internal"}}
	}
	var found []*actionlint.Error
	for _, rule := range rules {
		found = append(found, rule.Errs()...)
	}
	return found
}
