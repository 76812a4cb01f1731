package gql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"strconv"

	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// execution is one request that is being answered.
type execution struct {
	*Server
	query string
	vars  map[string]any
}

func (x *execution) selection(ctx context.Context, n *node, set ast.SelectionSet, path ast.Path) (map[string]any, error) {
	out := map[string]any{}
	for _, sel := range set {
		switch f := sel.(type) {
		case *ast.Field:
			p := append(path[:len(path):len(path)], ast.PathName(f.Alias))
			v, err := x.field(ctx, n, f, p)
			if err != nil {
				return nil, located(err, p)
			}
			out[f.Alias] = v
		case *ast.InlineFragment:
			if err := x.fragment(ctx, n, f.TypeCondition, f.SelectionSet, path, out); err != nil {
				return nil, err
			}
		case *ast.FragmentSpread:
			if err := x.fragment(ctx, n, f.Definition.TypeCondition, f.Definition.SelectionSet, path, out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (x *execution) fragment(ctx context.Context, n *node, cond string, set ast.SelectionSet, path ast.Path, out map[string]any) error {
	if cond != "" && cond != n.typ && cond != "Node" {
		return nil
	}
	part, err := x.selection(ctx, n, set, path)
	for k, v := range part {
		out[k] = v
	}
	return err
}

func located(err error, path ast.Path) error {
	var list gqlerror.List
	if errors.As(err, &list) || errors.Is(err, errInternal) {
		return err
	}
	e := &gqlerror.Error{Err: err, Message: err.Error(), Path: path}
	var ext interface{ Extensions() map[string]any }
	if errors.As(err, &ext) {
		e.Extensions = ext.Extensions()
	}
	return gqlerror.List{e}
}

func (x *execution) field(ctx context.Context, n *node, f *ast.Field, path ast.Path) (any, error) {
	switch f.Name {
	case "__typename":
		return n.typ, nil
	case "id":
		if n.typ != "Query" {
			return encodeID(n.number, n.typ), nil
		}
	case "__schema":
		return x.introspect(reflect.ValueOf(introspection.WrapSchema(x.schema)), f.SelectionSet)
	case "__type":
		name, _ := f.ArgumentMap(x.vars)["name"].(string)
		return x.introspect(reflect.ValueOf(introspection.WrapTypeFromDef(x.schema, x.schema.Types[name])), f.SelectionSet)
	}
	raw := f.ArgumentMap(x.vars)
	args := Args{field: f, values: raw, x: x}
	if n.typ == "Query" {
		if loaded, ok, err := x.loadField(f, args); ok || err != nil {
			if err != nil {
				return nil, err
			}
			if loaded == nil {
				return nil, nil
			}
			return x.selection(ctx, loaded, f.SelectionSet, path)
		}
	}
	if err := args.check(); err != nil {
		return nil, err
	}
	k := key(n, f.Name, raw)
	typ := f.Definition.Type.Name()
	isObject := x.schema.Types[typ].Kind == ast.Object
	if isObject && f.Definition.Type.Elem == nil {
		if made := x.known(k); made != nil {
			return x.selection(ctx, made, f.SelectionSet, path)
		}
	}
	resolve := x.resolvers[n.typ][f.Name]
	if resolve == nil {
		return nil, Unsupported{Type: n.typ, Field: f.Name}
	}
	v, err := x.call(ctx, n, f.Name, args, resolve)
	if err != nil {
		return nil, err
	}
	switch {
	case !isObject && typ == "ID" && v == nil: // sync, start, stop: the object itself
		return encodeID(n.number, n.typ), nil
	case !isObject:
		return v, nil
	case f.Definition.Type.Elem != nil:
		return x.list(ctx, typ, k, v.([]any), f.SelectionSet, path)
	}
	if v == nil {
		return nil, nil
	}
	if fresh, ok := v.(Fresh); ok {
		k, v = key(n, f.Name+"#"+strconv.Itoa(x.count()), raw), fresh.Value
	}
	return x.selection(ctx, x.remember(typ, k, v), f.SelectionSet, path)
}

// call runs a resolver. A panic in it becomes the error of that field; the other fields are still answered.
func (x *execution) call(ctx context.Context, n *node, field string, args Args, resolve Resolver) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			if x.OnPanic != nil {
				x.OnPanic(fmt.Sprintf("panic in %s.%s: %v\n%s", n.typ, field, r, debug.Stack()))
			}
			v, err = nil, fmt.Errorf("%s.%s failed because of a bug in the embedded engine (panic: %v): the log has the stack", n.typ, field, r)
		}
	}()
	return resolve(ctx, n.value, args)
}

func (x *execution) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.nodes)
}

func (x *execution) list(ctx context.Context, typ, k string, items []any, set ast.SelectionSet, path ast.Path) (any, error) {
	out := make([]any, 0, len(items))
	for i, it := range items {
		n := x.remember(typ, k+"/"+strconv.Itoa(i), it)
		v, err := x.selection(ctx, n, set, append(path[:len(path):len(path)], ast.PathIndex(i)))
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Unsupported is the error for a field that Dagger has and this engine does not have.
type Unsupported struct{ Type, Field string }

func (e Unsupported) Error() string {
	return fmt.Sprintf("%s.%s is not supported by the embedded engine: use Dagger (BLUMEOPS_ENGINE=dagger; requires Docker or a Dagger runner)", e.Type, e.Field)
}

// marshal encodes data and errors as they are sent.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		b, _ = json.Marshal(map[string]any{"data": nil, "errors": gqlerror.List{gqlerror.Wrap(err)}}) //nolint:errchkjson // strings only
	}
	return b
}
