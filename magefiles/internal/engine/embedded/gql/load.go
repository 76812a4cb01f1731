package gql

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// loadField answers the fields of Query that start from an id: node(id) and loadTYPEFromID(id).
func (x *execution) loadField(f *ast.Field, args Args) (n *node, handled bool, err error) {
	want := ""
	switch {
	case f.Name == "node":
	case strings.HasPrefix(f.Name, "load") && strings.HasSuffix(f.Name, "FromID"):
		want = strings.TrimSuffix(strings.TrimPrefix(f.Name, "load"), "FromID")
	default:
		return nil, false, nil
	}
	id := args.String("id")
	if id == "" {
		return nil, true, errInternal
	}
	if _, _, err := decodeID(id); err != nil {
		via := "dagql.AnyID"
		if want != "" {
			via = "dagql.Scalar[github.com/dagger/dagger/dagql.AnyID]"
		}
		return nil, true, args.bad(f.Definition.Arguments[0], via, err.Error())
	}
	n, err = x.load(id)
	if err != nil {
		return nil, true, err
	}
	if want != "" && n.typ != want {
		return nil, true, fmt.Errorf("load %s: expected %s, got %s", want, want, n.typ)
	}
	return n, true, nil
}
