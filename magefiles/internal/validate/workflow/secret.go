package workflow

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// secrets finds secrets that are given to more steps than require them.
func (f *file) secrets() {
	if f.action {
		return // an action has no secrets
	}
	all := 0
	for _, j := range f.jobs {
		all += len(j.steps)
		if len(j.steps) > 1 {
			f.shared(get(j.node, "env"), fmt.Sprintf("every step of the job %s", quote(j.id)))
		}
	}
	if all > 1 {
		f.shared(f.env, "every step of every job")
	}
}

// shared reports the secrets of an env. The token of the run does not count: each step has it anyway.
func (f *file) shared(env *yaml.Node, who string) {
	pairs(env, func(key, value *yaml.Node) {
		for _, e := range expressions(scalar(value)) {
			for _, p := range references(e.body) {
				if p[0] != "secrets" || len(p) == 2 && (p[1] == "github_token" || p[1] == "forgejo_token" || p[1] == "gitea_token") {
					continue
				}
				name := quoted(e.spelled(p))
				f.report(Problem{Line: key.Line, Column: key.Column, Rule: RuleSecret, Message: who + " gets " + name, Group: who, Item: name})
			}
		}
	})
}

// head reports steps that check out a pull request's code while the workflow has the rights and secrets of the base.
func (f *file) head(s *step) {
	if !isCheckout(s) || !f.onTarget() {
		return
	}
	with := get(s.node, "with")
	for _, key := range []string{"ref", "repository"} {
		value := get(with, key)
		if strings.Contains(scalar(value), "refs/pull/") {
			f.reportPullRequestCode(value)
			return
		}
		for _, e := range expressions(scalar(value)) {
			for _, p := range references(e.body) {
				name := strings.Join(p[min(1, len(p)):], ".")
				if f.isEvent(p[0]) && (name == "head_ref" || strings.HasPrefix(name, "event.pull_request.head.")) {
					f.reportPullRequestCode(value)
					return
				}
			}
		}
	}
}

func (f *file) reportPullRequestCode(n *yaml.Node) {
	f.report(Problem{Line: n.Line, Column: n.Column, Rule: RuleHead, Message: "pull_request_target checks out the pull request's own code, with access to the secrets and a token that may write"})
}

// onTarget says whether pull_request_target starts the workflow.
func (f *file) onTarget() bool {
	for _, n := range eventNames(get(f.root, "on")) {
		if n.Value == "pull_request_target" {
			return !f.action
		}
	}
	return false
}
