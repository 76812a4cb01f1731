package workflow

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// job is a job of a workflow, or the steps of a composite action.
type job struct {
	id        string
	node      *yaml.Node
	steps     []*step
	shell     string // of defaults
	directory string // of defaults
	elsewhere bool   // the workspace is not, or not only, this repository
}

type step struct {
	node             *yaml.Node
	run, uses        *yaml.Node
	shell, directory string
}

// model collects what our own rules check.
func (f *file) model() {
	f.inputs, f.env = map[string]string{}, get(f.root, "env")
	if f.action {
		f.called = true
		f.declare(get(f.root, "inputs"))
		f.addJob("", get(f.root, "runs"))
		return
	}
	on := get(f.root, "on")
	f.refs = namesRefs(on)
	f.declare(get(get(on, "workflow_call"), "inputs"))
	for name, kind := range f.inputs {
		if kind == "number" {
			f.inputs[name] = "boolean" // a caller can only pass a boolean, unlike a person
		}
	}
	f.declare(get(get(on, "workflow_dispatch"), "inputs"))
	f.called = get(on, "workflow_call") != nil
	pairs(get(f.root, "jobs"), func(key, value *yaml.Node) { f.addJob(key.Value, value) })
}

func (f *file) declare(inputs *yaml.Node) {
	pairs(inputs, func(key, value *yaml.Node) { f.inputs[strings.ToLower(key.Value)] = scalar(get(value, "type")) })
}

func (f *file) addJob(id string, node *yaml.Node) {
	j := &job{id: id, node: node}
	for _, at := range []*yaml.Node{f.root, node} {
		defaults := get(get(at, "defaults"), "run")
		j.shell = either(scalar(get(defaults, "shell")), j.shell)
		j.directory = either(scalar(get(defaults, "working-directory")), j.directory)
	}
	if steps := get(node, "steps"); steps != nil && steps.Kind == yaml.SequenceNode {
		for _, n := range steps.Content {
			j.addStep(n)
		}
	}
	f.jobs = append(f.jobs, j)
}

func (j *job) addStep(n *yaml.Node) {
	s := &step{node: n, run: get(n, "run"), uses: get(n, "uses"), shell: either(scalar(get(n, "shell")), j.shell), directory: either(scalar(get(n, "working-directory")), j.directory)}
	if with := get(n, "with"); isCheckout(s) && (get(with, "repository") != nil || get(with, "path") != nil) {
		j.elsewhere = true
	}
	j.steps = append(j.steps, s)
}

// isCheckout says whether a step uses an action named checkout.
func isCheckout(s *step) bool {
	name, _, _ := strings.Cut(scalar(s.uses), "@")
	return strings.HasSuffix(name, "/checkout")
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// eventNames are the events that start a workflow, with their nodes.
func eventNames(on *yaml.Node) []*yaml.Node {
	switch {
	case on == nil:
		return nil
	case on.Kind == yaml.ScalarNode:
		return []*yaml.Node{on}
	case on.Kind == yaml.SequenceNode:
		return on.Content
	}
	var names []*yaml.Node
	pairs(on, func(key, _ *yaml.Node) { names = append(names, key) })
	return names
}

// namesRefs says whether another person may choose the name of an event's ref: a tag, or a branch that is not named here.
func namesRefs(on *yaml.Node) bool {
	return slices.ContainsFunc(eventNames(on), func(event *yaml.Node) bool {
		switch event.Value {
		case "push":
			filter := get(on, "push")
			return get(filter, "tags") != nil || get(filter, "tags-ignore") != nil || !allLiteral(get(filter, "branches"))
		case "create", "delete", "release", "workflow_dispatch", "workflow_call":
			return true
		}
		return false // the default branch, or refs/pull/NUMBER/head
	})
}

// allLiteral says whether there are branches, and none of them is a pattern.
func allLiteral(branches *yaml.Node) bool {
	if branches == nil {
		return false
	}
	list := branches.Content
	if branches.Kind == yaml.ScalarNode {
		list = []*yaml.Node{branches}
	}
	return len(list) > 0 && !slices.ContainsFunc(list, func(n *yaml.Node) bool { return strings.ContainsAny(n.Value, "*?[!+") })
}
