package kubernetes

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxProblems is the maximum number of problems that are reported for one object.
const maxProblems = 20

// Validate returns the places where an object violates its schema: unknown fields, as kubectl's strict validation, types, values and
// missing fields. It skips the status, and objects of kinds without a schema. A partial object is a patch: no field is required, and fields
// may be directives ($patch).
func (s *Schemas) Validate(o Object, partial bool) []Problem {
	found, why := s.find(o)
	if why != "" && !partial {
		where := o.Node
		if n := field(o.Node, "apiVersion"); n != nil {
			where = n
		}
		if kubernetesLibrary().Kinds[o.APIVersion] != nil {
			where = field(o.Node, "kind")
		}
		return []Problem{at(where, RuleKind, "%s: %s", o, why)}
	}
	if found == nil {
		return nil
	}
	w := &walk{object: o, partial: partial}
	w.root(found.resolve(), o.Node)
	return w.problems
}

// walk walks an object along its schema.
type walk struct {
	object   Object
	partial  bool
	path     []string
	problems []Problem
}

func (w *walk) report(n *yaml.Node, format string, args ...any) {
	if len(w.problems) < maxProblems {
		where := strings.Join(w.path, "")
		w.problems = append(w.problems, at(n, RuleSchema, "%s: "+format, append([]any{strings.TrimSpace(w.object.String() + " " + strings.TrimPrefix(where, "."))}, args...)...))
	}
}

// root validates a whole object. Its metadata follow Kubernetes' schema, even if a CustomResourceDefinition has another.
func (w *walk) root(s *schema, n *yaml.Node) {
	if s == nil || n.Kind != yaml.MappingNode {
		return
	}
	w.object.Node = n
	w.required(s, n)
	fields(n, func(key, value *yaml.Node) {
		switch key.Value {
		case "apiVersion", "kind", "status":
		case "metadata":
			w.below(key.Value, kubernetesLibrary().named(typeMeta), value)
		default:
			w.property(s, key, value)
		}
	})
}

func (w *walk) below(name string, s *schema, n *yaml.Node) {
	if len(w.problems) >= maxProblems {
		return
	}
	w.path = append(w.path, "."+shorten(name))
	w.value(s, n)
	w.path = w.path[:len(w.path)-1]
}

// value validates a node. Kubernetes treats null as an absent field.
func (w *walk) value(s *schema, n *yaml.Node) {
	if s = s.resolve(); s == nil || isNull(n) {
		return
	}
	switch {
	case s.Embedded:
		w.root(s, n)
	case s.IntOrString || s.Format == "int-or-string" || s.Format == "quantity":
		w.scalar(s, n)
	case s.Type == "object":
		if w.kind(n, yaml.MappingNode, "a map") {
			w.mapping(s, n)
		}
	case s.Type == "array":
		if w.kind(n, yaml.SequenceNode, "a list") {
			w.sequence(s, n)
		}
	case s.Type != "":
		w.scalar(s, n)
	}
}

func (w *walk) kind(n *yaml.Node, want yaml.Kind, name string) bool {
	if n.Kind != want {
		w.report(n, "is %s, expected %s", describe(n), name)
	}
	return n.Kind == want
}

func (w *walk) mapping(s *schema, n *yaml.Node) {
	w.required(s, n)
	fields(n, func(key, value *yaml.Node) { w.property(s, key, value) })
}

func (w *walk) property(s *schema, key, value *yaml.Node) {
	switch property := s.Properties[key.Value]; {
	case property != nil:
		w.below(key.Value, property, value)
	case s.Additional != nil:
		w.below(key.Value, s.Additional, value)
	case s.AnyField, len(s.Properties) == 0, w.partial && strings.HasPrefix(key.Value, "$"):
	default:
		names := make([]string, 0, len(s.Properties))
		for name := range s.Properties {
			names = append(names, name)
		}
		slices.Sort(names)
		w.report(key, "unknown field %s%s", quote(key.Value), hint(key.Value, names))
	}
}

func (w *walk) required(s *schema, n *yaml.Node) {
	if w.partial {
		return
	}
	for _, name := range s.Required {
		if isNull(field(n, name)) && name != "status" {
			w.report(n, "%s is missing", quote(name))
		}
	}
}

func (w *walk) sequence(s *schema, n *yaml.Node) {
	switch length := len(n.Content); {
	case s.MinItems != nil && length < *s.MinItems && !w.partial:
		w.report(n, "has %d items, expected at least %d", length, *s.MinItems)
	case s.MaxItems != nil && length > *s.MaxItems:
		w.report(n, "has %d items, expected at most %d", length, *s.MaxItems)
	}
	if s.Items == nil {
		return
	}
	for i, item := range n.Content {
		if len(w.problems) >= maxProblems {
			return
		}
		w.path = append(w.path, "["+strconv.Itoa(i)+"]")
		w.value(s.Items, deref(item))
		w.path = w.path[:len(w.path)-1]
	}
}
