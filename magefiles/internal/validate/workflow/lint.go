package workflow

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rhysd/actionlint"
)

// forgejoContexts are Forgejo's other names for the context github.
var forgejoContexts = []string{"forgejo", "forge", "gitea"}

// knowForgejo adds the contexts that GitHub does not have to actionlint. They are a global variable of the library; nothing else here uses
// it.
var knowForgejo = sync.OnceFunc(func() {
	for _, name := range forgejoContexts {
		actionlint.BuiltinGlobalVariableTypes[name] = actionlint.BuiltinGlobalVariableTypes["github"]
	}
})

// notOurs matches messages of actionlint that are wrong for Forgejo, or that one of our rules reports better.
var notReported = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(strings.Join([]string{
		`potentially untrusted`,              // injection
		`^context "\w+" is not allowed here`, // Forgejo allows more; schema
		`^unexpected key "(enable-email-notifications|enable-openid-connect|cmd|entrypoint|init|tty)" for `,
		`^(key )?"?[^"]*"? ?is duplicated`,      // yaml
		`is duplicated in .*previously defined`, // yaml
		`^unexpected key "description" for "workflow"`,
		`^type of expression at "float number value"`,   // the runner reads the number of minutes from a text, too
		`^"type" is missing at `,                        // and accepts an input without a type
		`\$\{\{ ?insert`,                                // keys from an expression
		`^unknown Webhook event `,                       // ignored
		`^no workflow is configured for "workflow_run"`, // ignored
		`^scheduled job runs too frequently`,            // a limit of GitHub
		`^invalid CRON format "@`,                       // Forgejo supports @daily
		`^maximum number of inputs for "workflow_dispatch"`,
		`is too old to run on GitHub Actions`,                            // Forgejo's runner has older versions
		`^specifying action .* in invalid format because ref is missing`, // pin
		`^specifying action "https?://.* in invalid format because owner and repo and ref`,
		`^reusable workflow call "https?://`,
		`^reusable workflow call "\./\.(forgejo|gitea)/`,
		`^when a reusable workflow is called with "uses", "(runs-on|container)" is not available`,
		`^shell name "node" is invalid`,
		`^"types" cannot be specified for "pull_request_comment"`,
	}, "|"))
})

// lint runs actionlint without the rules for runner labels (each site has its own), for permissions (Forgejo has none) and without those
// that start another program.
func (f *file) lint() {
	if f.action {
		return // actionlint reads these only through the workflows that use them, and from the disk
	}
	knowForgejo()
	found := f.actionlint([]byte(f.text))
	if f.merges && f.Forgejo { // GitHub does not support merge keys, as actionlint reports
		found = f.lintMerged(found)
	}
	refused := map[int]bool{}
	for _, p := range f.problems {
		refused[p.Line] = true
	}
	for _, e := range found {
		own := e.Kind == "syntax-check" || e.Kind == "expression"
		if notReported().MatchString(e.Message) || own && refused[e.Line] {
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

// aboutAnchors begins actionlint's messages about anchors. A workflow with expanded merges has none.
const aboutAnchors = `anchor "`

// lintMerged runs actionlint again with the merges expanded: actionlint drops merged keys, and then reports them as missing.
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

// plainWords is a message without the address of GitHub's documentation at its end.
func plainWords(message string) string {
	for _, tail := range []string{". see https://", ". note: ", ": https://"} {
		message, _, _ = strings.Cut(message, tail)
	}
	return message
}

// tidy makes a message of another program a single line without a full stop, and shortens it.
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
