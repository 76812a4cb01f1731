// Package gql executes GraphQL queries in the dialect of the Dagger SDKs: one chain of fields that ends in one leaf. Every object has an id that
// any later query may start from.
//
// It knows the schema and the ids. A Resolver, registered by type and name, implements a field. A field of the schema without a resolver is
// refused by name.
package gql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// Resolver answers one field of an object. For a field whose type is an object it returns the value of that object (for a list, a []any of them),
// otherwise a string, *string, bool, int or []string.
type Resolver func(ctx context.Context, self any, args Args) (any, error)

// Resolvers are the fields that a server offers: type name, field name, resolver.
type Resolvers map[string]map[string]Resolver

// Fresh wraps an object that must not be remembered: the same query runs its resolver again the next time.
type Fresh struct{ Value any }

// Request is the body of a GraphQL request.
type Request struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName"`
	Variables     map[string]any `json:"variables"`
}

// Server executes requests. It is safe for concurrent use.
type Server struct {
	// OnPanic, if set, gets the text and the stack of a panic in a resolver.
	OnPanic func(string)

	schema    *ast.Schema
	resolvers Resolvers
	root      any
	rules     *rules.Rules

	mu    sync.Mutex
	nodes []*node          // by number - 1
	byKey map[string]*node // by key: the field that made it
}

// node is an object that a query made: its type, the field that made it, and its value.
type node struct {
	number int
	typ    string
	key    string
	value  any
}

// New makes a server whose Query object is root.
func New(schema *ast.Schema, resolvers Resolvers, root any) *Server {
	r := rules.NewDefaultRules()
	// Dagger checks the values of arguments when it runs a field, and returns the field's error.
	r.RemoveRule(rules.ValuesOfCorrectTypeRule.Name)
	s := &Server{schema: schema, resolvers: resolvers, root: root, rules: r, byKey: map[string]*node{}}
	return s
}

// errInternal is Dagger's answer to its own internal errors.
var errInternal = errors.New("internal system error")

// Do executes a request. An invalid query returns rejected errors (HTTP 422); all other errors are those of fields.
func (s *Server) Do(ctx context.Context, req Request) (data map[string]any, errs gqlerror.List, rejected bool) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: req.Query}, maxTokens)
	if err != nil {
		return nil, coded(err, "GRAPHQL_PARSE_FAILED"), true
	}
	if err := check(doc); err != nil {
		return nil, coded(err, "GRAPHQL_VALIDATION_FAILED"), true
	}
	if list := validator.ValidateWithRules(s.schema, doc, s.rules); len(list) > 0 {
		for _, e := range list {
			coded(e, "GRAPHQL_VALIDATION_FAILED")
		}
		return nil, list, true
	}
	op := doc.Operations.ForName(req.OperationName)
	if op == nil {
		return nil, coded(fmt.Errorf("operation %q is not in the query", req.OperationName), "GRAPHQL_VALIDATION_FAILED"), true
	}
	vars, err := validator.VariableValues(s.schema, op, req.Variables)
	if err != nil {
		return nil, coded(err, "GRAPHQL_VALIDATION_FAILED"), true
	}
	x := &execution{Server: s, query: req.Query, vars: vars}
	data, err = x.selection(ctx, &node{typ: "Query", value: s.root}, op.SelectionSet, nil)
	if errors.Is(err, errInternal) {
		return nil, gqlerror.List{{Message: errInternal.Error()}}, true
	}
	if err != nil {
		var list gqlerror.List
		if !errors.As(err, &list) {
			list = gqlerror.List{gqlerror.Wrap(err)}
		}
		return nil, list, false
	}
	return data, nil, false
}

func coded(err error, code string) gqlerror.List {
	var list gqlerror.List
	if errors.As(err, &list) {
		return list
	}
	var one *gqlerror.Error
	if !errors.As(err, &one) {
		one = gqlerror.Wrap(err)
	}
	one.Extensions = map[string]any{"code": code}
	one.Rule = ""
	return gqlerror.List{one}
}

// remember gives a new object its number; the same field with the same arguments returns the same object.
func (s *Server) remember(typ, key string, value any) *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.byKey[key]; n != nil {
		return n
	}
	n := &node{number: len(s.nodes) + 1, typ: typ, key: key, value: value}
	s.nodes = append(s.nodes, n)
	s.byKey[key] = n
	return n
}

func (s *Server) known(key string) *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byKey[key]
}

// load returns the object that an id names.
func (s *Server) load(id string) (*node, error) {
	number, typ, err := decodeID(id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if number < 1 || number > len(s.nodes) || s.nodes[number-1].typ != typ {
		return nil, fmt.Errorf("the id %s is from another session: request the object again", id)
	}
	return s.nodes[number-1], nil
}

// key identifies objects by the parent, the field and its arguments.
func key(parent *node, field string, args map[string]any) string {
	b, err := json.Marshal(args)
	if err != nil {
		b = fmt.Append(nil, args)
	}
	sum := sha256.Sum256([]byte(parent.key + "\x00" + field + "\x00" + string(b)))
	return hex.EncodeToString(sum[:])
}
