package gql

import (
	"reflect"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// introspect answers a selection on one of gqlgen's introspection values: a GraphQL field is the method or the struct field of that name.
func (x *execution) introspect(v reflect.Value, set ast.SelectionSet) (any, error) {
	if v.Kind() == reflect.Ptr && v.IsNil() {
		return nil, nil
	}
	out := map[string]any{}
	for _, sel := range set {
		switch f := sel.(type) {
		case *ast.Field:
			r, err := x.introspectField(v, f)
			if err != nil {
				return nil, err
			}
			out[f.Alias] = r
		case *ast.InlineFragment:
			if err := x.introspectInto(out, v, f.SelectionSet); err != nil {
				return nil, err
			}
		case *ast.FragmentSpread:
			if err := x.introspectInto(out, v, f.Definition.SelectionSet); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (x *execution) introspectInto(out map[string]any, v reflect.Value, set ast.SelectionSet) error {
	part, err := x.introspect(v, set)
	if m, ok := part.(map[string]any); ok {
		for k, e := range m {
			out[k] = e
		}
	}
	return err
}

func (x *execution) introspectField(v reflect.Value, f *ast.Field) (any, error) {
	if f.Name == "__typename" {
		return f.ObjectDefinition.Name, nil
	}
	if v.Kind() != reflect.Ptr {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		v = p
	}
	name := strings.ToUpper(f.Name[:1]) + f.Name[1:]
	r := v.Elem().FieldByName(name)
	if m := v.MethodByName(strings.Replace(name, "Url", "URL", 1)); m.IsValid() {
		var in []reflect.Value
		if m.Type().NumIn() == 1 { // includeDeprecated
			in = append(in, reflect.ValueOf(f.ArgumentMap(x.vars)["includeDeprecated"] == true))
		}
		r = m.Call(in)[0]
	}
	return x.introspectValue(r, f.SelectionSet)
}

func (x *execution) introspectValue(r reflect.Value, set ast.SelectionSet) (any, error) {
	switch {
	case !r.IsValid():
		return nil, nil
	case r.Kind() == reflect.Slice:
		out := make([]any, 0, r.Len())
		for i := range r.Len() {
			e, err := x.introspectValue(r.Index(i), set)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		return out, nil
	case len(set) > 0:
		return x.introspect(r, set)
	}
	return r.Interface(), nil
}
