package gql

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Args are the arguments of a field. A reading method returns the zero value for a missing one.
type Args struct {
	field  *ast.Field
	values map[string]any
	x      *execution
}

// Has reports whether the argument was given.
func (a Args) Has(name string) bool { return a.values[name] != nil }

// String returns a string, an enum's name or a scalar's text.
func (a Args) String(name string) string {
	s, _ := a.values[name].(string)
	return s
}

// Bool returns a boolean.
func (a Args) Bool(name string) bool {
	b, _ := a.values[name].(bool)
	return b
}

// Int returns an integer.
func (a Args) Int(name string) int {
	switch n := a.values[name].(type) {
	case int64:
		return int(n)
	case int:
		return n
	case float64:
		return int(n)
	}
	return 0
}

// Strings returns a list of strings, never nil if the argument was given.
func (a Args) Strings(name string) []string {
	list, ok := a.values[name].([]any)
	if !ok {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, v := range list {
		s, _ := v.(string)
		out = append(out, s)
	}
	return out
}

// Inputs returns a list of input objects as maps.
func (a Args) Inputs(name string) []map[string]string {
	list, _ := a.values[name].([]any)
	var out []map[string]string
	for _, v := range list {
		m, _ := v.(map[string]any)
		in := map[string]string{}
		for k, e := range m {
			in[k], _ = e.(string)
		}
		out = append(out, in)
	}
	return out
}

// Maps returns a list of input objects with their values: strings, and integers as int.
func (a Args) Maps(name string) []map[string]any {
	list, _ := a.values[name].([]any)
	var out []map[string]any
	for _, v := range list {
		m, _ := v.(map[string]any)
		in := map[string]any{}
		for k, e := range m {
			in[k] = e
			switch n := e.(type) {
			case int64:
				in[k] = int(n)
			case float64:
				in[k] = int(n)
			case json.Number:
				i, _ := n.Int64()
				in[k] = int(i)
			}
		}
		out = append(out, in)
	}
	return out
}

// Object returns the object whose id is the argument; ok is false if it is missing.
func Object[T any](a Args, name string) (obj T, ok bool, err error) {
	id := a.String(name)
	if id == "" {
		return obj, false, nil
	}
	obj, err = object[T](a, id)
	return obj, err == nil, err
}

// Objects returns the objects whose ids are the argument.
func Objects[T any](a Args, name string) ([]T, error) {
	var out []T
	for _, id := range a.Strings(name) {
		o, err := object[T](a, id)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func object[T any](a Args, id string) (T, error) {
	var zero T
	n, err := a.x.load(id)
	if err != nil {
		return zero, err
	}
	o, ok := n.value.(T)
	if !ok {
		want := strings.TrimPrefix(fmt.Sprintf("%T", zero), "*objects.")
		return zero, fmt.Errorf("load %s: expected %s, got %s", want, want, n.typ)
	}
	return o, nil
}

// check finds values of the wrong type, which Dagger reports as the error of their field.
func (a Args) check() error {
	for _, def := range a.field.Definition.Arguments {
		v, given := a.values[def.Name]
		if !given || v == nil {
			continue
		}
		if err := a.checkValue(def, v); err != nil {
			return err
		}
	}
	return nil
}

func (a Args) checkValue(def *ast.ArgumentDefinition, v any) error {
	kind := def.Type.Name()
	if list, ok := v.([]any); ok && def.Type.Elem != nil {
		for _, e := range list {
			if in, ok := e.(map[string]any); ok {
				if missing := a.missingInput(kind, in); missing != "" {
					return a.bad(def, "dagql.DynamicOptional", fmt.Sprintf("missing required input field %q", missing))
				}
			}
		}
		return nil
	}
	if kind == "ID" && def.Type.NonNull && v == "" {
		return a.bad(def, "dagql.ID", "cannot decode empty string as ID")
	}
	if _, isString := v.(string); kind == "String" && def.Type.Elem == nil && !isString {
		return a.bad(def, "dagql.String", fmt.Sprintf("cannot create String from %T", v))
	}
	return nil
}

// missingInput names the first required field of an input object that is missing in v.
func (a Args) missingInput(kind string, v map[string]any) string {
	t := a.x.schema.Types[kind]
	if t == nil || t.Kind != ast.InputObject {
		return ""
	}
	for _, f := range t.Fields {
		if _, ok := v[f.Name]; !ok && f.Type.NonNull {
			return f.Name
		}
	}
	return ""
}

// bad returns an argument's error in Dagger's words, with the query.
func (a Args) bad(def *ast.ArgumentDefinition, via, why string) error {
	typ := def.Type.String()
	if def.Type.Elem != nil && !def.Type.NonNull {
		typ = strings.TrimSuffix(typ, "!")
	}
	return fmt.Errorf("query:\n%s\n\nerror: parse selections: parse field %q: init arg %q value as %s (%s) using %s: %s",
		a.x.query, a.field.Name, def.Name, via, typ, via, why)
}
