package workflow

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/nektos/act/pkg/schema"
)

// The schemas of act with the additions of Forgejo's runner (https://forgejo.org/docs/latest/user/actions/reference/).
var (
	workflowSchema = sync.OnceValue(func() *schema.Schema {
		s := schema.GetWorkflowSchema()
		allow(s, map[string][]string{
			"workflow-env": {"env"}, "job-if": {"env", "secrets"}, "job-if-result": {"env", "secrets"}, "step-if": {"secrets"}, "step-if-result": {"secrets"},
			"container": {"env"}, "scalar-needs-context": {"env"},
		})
		know(s, "workflow-root", map[string]string{"enable-email-notifications": "boolean", "enable-openid-connect": "boolean"})
		know(s, "workflow-job", map[string]string{"runs-on": "runs-on", "container": "container", "enable-openid-connect": "boolean"})
		know(s, "job-factory", map[string]string{"enable-openid-connect": "boolean"})
		know(s, "container-mapping", map[string]string{
			"cmd": "sequence-of-non-empty-string", "entrypoint": "sequence-of-non-empty-string", "init": "boolean", "tty": "boolean",
		})
		return s
	})
	actionSchema = sync.OnceValue(func() *schema.Schema {
		s := schema.GetActionSchema()
		allow(s, map[string][]string{
			"input-default-context": {"vars", "inputs", "env"}, "string-steps-context": {"vars"}, "boolean-steps-context": {"vars"},
			"step-env": {"vars"}, "step-if": {"vars"}, "step-with": {"vars"},
		})
		for _, name := range []string{"inputs", "input"} {
			s.Definitions[name+"-mapping"] = s.Definitions[name]
			s.Definitions[name] = schema.Definition{OneOf: &[]string{"null", name + "-mapping"}}
		}
		return s
	})
)

// allow makes contexts available: Forgejo's names and functions wherever github is available, and more for each definition.
func allow(s *schema.Schema, more map[string][]string) {
	for name, def := range s.Definitions {
		if slices.Contains(def.Context, "github") {
			def.Context = append(append(def.Context, forgejoContexts...), "case(3,255)") // a function of Forgejo's runner
		}
		if extra := more[name]; extra != nil {
			def.Context = append(append(def.Context, forgejoContexts...), extra...)
		}
		s.Definitions[name] = def
	}
}

// know adds keys to a mapping.
func know(s *schema.Schema, name string, keys map[string]string) {
	if mapping := s.Definitions[name].Mapping; mapping != nil {
		for key, definition := range keys {
			mapping.Properties[key] = schema.MappingProperty{Type: definition}
		}
	}
}

// schema validates against the runner's schema.
func (f *file) schema() {
	if !f.Forgejo {
		return
	}
	node := &schema.Node{Definition: "workflow-root", Schema: workflowSchema()}
	if f.action {
		node = &schema.Node{Definition: "action-root", Schema: actionSchema()}
	}
	err := node.UnmarshalYAML(f.root)
	if err == nil {
		return
	}
	for _, l := range leaves(err) {
		f.report(Problem{Line: l.line, Column: l.column, Rule: RuleSchema, Message: l.message})
	}
}

// leaf is one error of the schema.
type leaf struct {
	line, column int
	message      string
}

var located = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^Line: (\d+) Column (\d+): (Failed to match )?`)
})

// leaves are the errors to correct in a tree of errors: for a node with several allowed alternatives, the errors of the most similar one.
func leaves(err error) []leaf {
	var found []leaf
	groups := map[leaf][][]leaf{} // by place: the errors of each alternative
	var order []leaf
	for _, e := range flat(err, nil) {
		m := located().FindStringSubmatch(e.Error())
		if m == nil {
			found = append(found, decodeError(e.Error())...)
			continue
		}
		line, _ := strconv.Atoi(m[1])
		column, _ := strconv.Atoi(m[2])
		inner, wraps := e.(interface{ Unwrap() error })
		if m[3] == "" || !wraps {
			if message := e.Error()[len(m[0]):]; message != "expressions are not allowed here" { // the runner does allow them, as for shell
				found = append(found, leaf{line, column, translate(message)})
			}
			continue
		}
		at := leaf{line: line, column: column}
		if groups[at] == nil {
			order = append(order, at)
		}
		groups[at] = append(groups[at], leaves(inner.Unwrap()))
	}
	for _, at := range order {
		found = append(found, nearest(at, groups[at])...)
	}
	return found
}

// flat are the errors of nested errors.Join.
func flat(err error, found []error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return append(found, err)
	}
	for _, e := range joined.Unwrap() {
		found = flat(e, found)
	}
	return found
}

// nearest is the alternative of the right kind, with the right keys and the fewest errors.
func nearest(at leaf, alternatives [][]leaf) []leaf {
	wrong := func(list []leaf) (kind, keys int) {
		for _, l := range list {
			if l.column == at.column { // a mapping has the position of its keys
				keys++
				if l.line == at.line && strings.HasPrefix(l.message, "expected ") {
					kind = 1
				}
			}
		}
		return kind, keys
	}
	return slices.MinFunc(alternatives, func(a, b []leaf) int {
		kindA, keysA := wrong(a)
		kindB, keysB := wrong(b)
		return cmp.Or(cmp.Compare(kindA, kindB), cmp.Compare(keysA, keysB), cmp.Compare(len(a), len(b)))
	})
}

var decoded = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("line (\\d+): cannot unmarshal \\S+ (`[^`]*`)? ?into (\\S+)")
})

// decodeError parses yaml's error about an invalid number or boolean.
func decodeError(message string) []leaf {
	m := decoded().FindStringSubmatch(message)
	if m == nil {
		return nil
	}
	line, _ := strconv.Atoi(m[1])
	kind := map[string]string{"float64": "a number", "bool": "true or false"}[m[3]]
	return []leaf{{line, 0, "expected " + cmp.Or(kind, "nothing") + ", got " + cmp.Or(strings.Trim(m[2], "`"), "something else")}}
}

// translate rewrites a message of the schema in our words.
func translate(message string) string {
	message = tidy(message)
	if what, ok := strings.CutPrefix(message, "Unknown Property "); ok {
		return "unknown key " + quote(what)
	}
	if what, ok := strings.CutPrefix(message, "Unknown Variable Access "); ok {
		return "the context " + quote(what) + " is not available here"
	}
	if what, ok := strings.CutPrefix(message, "Unknown Function Call "); ok {
		return "the function " + quote(what) + " is not available here"
	}
	if message == "" {
		return "the runner refuses this"
	}
	message = strings.ToLower(message[:1]) + strings.Replace(message[1:], " got ", ", got ", 1)
	for _, kind := range []string{"scalar", "mapping", "sequence"} {
		message = strings.Replace(message, "got "+kind, "got a "+kind, 1)
	}
	return message
}
