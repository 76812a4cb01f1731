package workflow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"
	"gopkg.in/yaml.v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/target"
)

// Keys that the schema accepts and Forgejo ignores (docs/user/actions/github-actions and reference; the runner's model.Job has none of
// them), with the effect that people expect.
var (
	ignoredKeys = map[string]string{"permissions": "the token's permissions do not change"}
	ignoredJobs = map[string]string{
		"permissions":       "the token's permissions do not change",
		"continue-on-error": "the job's failure fails the workflow",
		"environment":       "no approval is required, and the secrets are those of the repository",
		"concurrency":       "the job runs in parallel with others; only the workflow's concurrency has an effect",
	}
)

// forgejoEvents start a workflow on Forgejo (its modules/actions/workflows.go and github.go). Gitea supports GitHub's workflow_run; Forgejo
// does not.
var forgejoEvents = []string{
	"create", "delete", "fork", "gollum", "issue_comment", "issues", "pull_request", "pull_request_comment", "pull_request_review",
	"pull_request_review_comment", "pull_request_target", "push", "registry_package", "release", "schedule", "workflow_call", "workflow_dispatch",
}

func (f *file) ignored() {
	if !f.Forgejo || f.action {
		return
	}
	f.reportIgnored(f.root, ignoredKeys)
	for _, j := range f.jobs {
		f.reportIgnored(j.node, ignoredJobs)
	}
}

func (f *file) reportIgnored(n *yaml.Node, keys map[string]string) {
	pairs(n, func(key, value *yaml.Node) {
		if effect, ok := keys[key.Value]; ok && scalar(value) != "false" { // false is the default
			do := ""
			if token := scalar(get(value, "id-token")); key.Value == "permissions" && token == "write" {
				do = "Write enable-openid-connect: true for the token that id-token asks for (Forgejo 16 reads it), and remove permissions."
			}
			what := key.Value + ": " + effect
			f.report(Problem{Line: key.Line, Column: key.Column, Rule: RuleIgnored, Message: "Forgejo ignores " + what, Group: "keys" + do, Item: what, Do: do})
		}
	})
}

// events reports events that never start a workflow.
func (f *file) events() {
	if !f.Forgejo || f.action {
		return
	}
	for _, n := range eventNames(get(f.root, "on")) {
		if n.Kind != yaml.ScalarNode || slices.Contains(forgejoEvents, n.Value) || strings.Contains(n.Value, "${{") {
			continue
		}
		do := "Use one of these: " + strings.Join(forgejoEvents, ", ") + "."
		if _, known := actionlint.AllWebhookTypes[n.Value]; !known {
			if near := target.Nearest(n.Value, forgejoEvents); near != "" { // a typing mistake, not an event of GitHub
				do = "Write " + near + ", or use" + strings.TrimPrefix(do, "Use")
			}
		}
		f.report(Problem{Line: n.Line, Column: n.Column, Rule: RuleIgnored, Message: fmt.Sprintf("Forgejo has no event %s, so it never starts the workflow", quote(n.Value)), Do: do})
	}
}
