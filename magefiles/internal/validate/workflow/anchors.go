package workflow

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// Forgejo splits a workflow into one file for each job (act/jobparser of its runner). It decodes the job and encodes it again, but keeps
// some values as written. An alias in such a value then refers to an anchor that is in another job or is missing, and the runner, or
// Forgejo itself, fails with "unknown anchor". If the whole value is an alias that can be resolved, the runner checks only the kind of the
// node (act/model: environment, Matrix), which is neither mapping nor text, and treats it as empty. Whole jobs, whole steps, lists of steps
// and `with` are decoded, and may use merges and aliases.
var (
	spelledOfJob  = []string{"needs", "env", "if"}                  // in the order of the output, before the steps
	spelledOfStep = []string{"if", "env"}                           // likewise
	spelledAfter  = []string{"container", "secrets", "permissions"} // after the steps
)

// anchors reports aliases that Forgejo loses. It parses the file again, because the rest of the package sees aliases resolved.
func (f *file) anchors() {
	if !f.Forgejo || !f.aliases && !f.merges {
		return
	}
	var doc yaml.Node
	if yaml.Unmarshal([]byte(f.text), &doc) != nil {
		return // parse has read it
	}
	root := doc.Content[0]
	if f.action { // Forgejo does not split actions
		f.stepAnchors(anchored(field(root, "runs")), nil)
		return
	}
	for key, what := range map[string]string{"on": "an event", "jobs": "a job"} {
		pairs(anchored(field(root, key)), func(key, _ *yaml.Node) {
			if isMerge(key) {
				f.report(Problem{Line: key.Line, Column: key.Column, Rule: RuleAnchor, Message: "Forgejo reads << as the name of " + what + " here"})
			}
		})
	}
	pairs(anchored(field(root, "jobs")), func(_, value *yaml.Node) { f.jobAnchors(anchored(value)) })
}

// jobAnchors checks the parts of one job that Forgejo keeps as written.
func (f *file) jobAnchors(job *yaml.Node) {
	written := map[string]bool{}                        // anchors
	f.spelled(field(job, "runs-on"), map[string]bool{}) // alone
	for _, key := range spelledOfJob {
		f.spelledAs(key, job, written)
	}
	f.stepAnchors(job, written)
	if matrix := field(anchored(field(job, "strategy")), "matrix"); matrix != nil && matrix.Kind == yaml.AliasNode {
		f.unresolved("matrix", matrix)
	}
	for _, key := range spelledAfter {
		f.spelledAs(key, job, written)
	}
}

// stepAnchors checks the steps of a job or, if written is nil, of an action.
func (f *file) stepAnchors(job *yaml.Node, written map[string]bool) {
	steps := anchored(field(job, "steps"))
	if steps == nil || steps.Kind != yaml.SequenceNode {
		return
	}
	for _, step := range steps.Content {
		for _, key := range spelledOfStep {
			f.spelledAs(key, anchored(step), written)
		}
	}
}

// spelledAs checks the value of a key.
func (f *file) spelledAs(key string, m *yaml.Node, written map[string]bool) {
	value := field(m, key)
	if value != nil && value.Kind == yaml.AliasNode && (written == nil || written[value.Value]) {
		f.unresolved(key, value)
		return
	}
	if written != nil {
		f.spelled(value, written)
	}
}

// unresolved reports an alias that is the whole value of a key.
func (f *file) unresolved(key string, alias *yaml.Node) {
	name, do := shorten(alias.Value), ""
	effect := "reads " + key + " as empty"
	switch key {
	case "if":
		effect = fmt.Sprintf("reads the word %s as the condition", name)
	case "env":
		do = fmt.Sprintf("Write env: {<<: *%s}, which it resolves.", name)
	}
	f.report(Problem{Line: alias.Line, Column: alias.Column, Rule: RuleAnchor, Message: fmt.Sprintf("Forgejo does not resolve the alias *%s here, and %s", name, effect), Do: do})
}

// spelled reports aliases with an anchor that was not written before.
func (f *file) spelled(n *yaml.Node, written map[string]bool) {
	if n == nil {
		return
	}
	if n.Kind == yaml.AliasNode && !written[n.Value] {
		f.report(Problem{Line: n.Line, Column: n.Column, Rule: RuleAnchor, Message: fmt.Sprintf("at run time Forgejo fails here with \"unknown anchor '%s' referenced\"", shorten(n.Value))})
	}
	if n.Anchor != "" {
		written[n.Anchor] = true
	}
	for _, child := range n.Content {
		f.spelled(child, written)
	}
}

// anchored is the target of an alias.
func anchored(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// field is the value of a key as written, also if a merge adds the key, or nil.
func field(m *yaml.Node, key string) *yaml.Node {
	if value := get(m, key); value != nil {
		return value
	}
	var found *yaml.Node
	pairs(m, func(k, value *yaml.Node) {
		if !isMerge(k) || found != nil {
			return
		}
		sources := []*yaml.Node{anchored(value)}
		if sources[0].Kind == yaml.SequenceNode {
			sources = sources[0].Content
		}
		for _, source := range sources {
			if found == nil {
				found = field(anchored(source), key)
			}
		}
	})
	return found
}
