package workflow

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
	"mvdan.cc/sh/v3/syntax"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// fix are the edits of the file, if the file after them is what it should be.
func (r *rewriter) fix() *validate.Fix {
	if len(r.changed) == 0 {
		return nil
	}
	// A plain text may not begin with a quote, nor get a comment or a key.
	script, _ := validate.Edited(r.script, []*validate.Fix{{Edits: r.changed}})
	fix := &validate.Fix{}
	for _, e := range r.changed {
		fix.Edits = append(fix.Edits, validate.Edit{Start: r.offset(e.Start), End: r.offset(e.Start) + e.End - e.Start, New: e.New})
	}
	if len(r.order) > 0 {
		fix.Edits = append(fix.Edits, r.newEnv())
	}
	text, made := validate.Edited(r.text, []*validate.Fix{fix})
	if len(made) != 1 || !r.means(text, script) {
		return nil
	}
	return fix
}

// newEnv adds the new variables to the env of the step, or an env before its run.
func (r *rewriter) newEnv() validate.Edit {
	end := "\n"
	if raw := r.lines[r.step.run.Line-1]; strings.HasSuffix(raw, "\r") {
		end = "\r\n"
	}
	before, own := r.key("run"), get(r.step.node, "env")
	if own != nil {
		before = own.Content[0]
	}
	indent := strings.Repeat(" ", before.Column-1)
	var b strings.Builder
	if own == nil {
		b.WriteString("env:" + end + indent + "  ")
	}
	for i, body := range r.order {
		if i > 0 {
			b.WriteString(indent)
			if own == nil {
				b.WriteString("  ")
			}
		}
		b.WriteString(r.names[body] + ": " + quotedYAML("${{ "+body+" }}") + end)
	}
	b.WriteString(indent)
	at := len(strings.Join(r.lines[:before.Line-1], "\n"))
	if before.Line > 1 {
		at++
	}
	at += byteAt(r.lines[before.Line-1], before.Column)
	return validate.Edit{Start: at, End: at, New: b.String()}
}

// key is the node of a key of the step.
func (r *rewriter) key(name string) (found *yaml.Node) {
	pairs(r.step.node, func(key, _ *yaml.Node) {
		if key.Value == name {
			found = key
		}
	})
	return found
}

// quotedYAML is a value as plain text, or in quotes where YAML requires them.
func quotedYAML(value string) string {
	if strings.Contains(value, ": ") || strings.Contains(value, " #") {
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	}
	return value
}

// means says that a text is this file with the new script and the new variables, and nothing else changed.
func (r *rewriter) means(text, script string) bool {
	var was, is any
	if yaml.Unmarshal([]byte(r.text), &was) != nil || yaml.Unmarshal([]byte(text), &is) != nil {
		return false
	}
	steps := func(root any) []any {
		top, _ := root.(map[string]any)
		job, _ := top["runs"].(map[string]any)
		if !r.action {
			jobs, _ := top["jobs"].(map[string]any)
			job, _ = jobs[r.job.id].(map[string]any)
		}
		list, _ := job["steps"].([]any)
		return list
	}
	index := slices.Index(r.job.steps, r.step)
	list := steps(was)
	if index < 0 || index >= len(list) {
		return false
	}
	step, ok := list[index].(map[string]any)
	if !ok {
		return false
	}
	step["run"] = script
	if len(r.order) > 0 {
		env, _ := step["env"].(map[string]any)
		if env == nil {
			env = map[string]any{}
		}
		for body, name := range r.names {
			env[name] = fmt.Sprintf("${{ %s }}", body)
		}
		step["env"] = env
	}
	if !reflect.DeepEqual(was, is) {
		return false
	}
	shell, ok := withoutExpressions(script)
	if !ok {
		return false
	}
	_, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(shell), "")
	return err == nil
}
