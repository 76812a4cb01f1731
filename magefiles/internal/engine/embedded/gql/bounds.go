package gql

import (
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
)

// The limits of a query. Validation compares the fields of a selection with each other, and fragments multiply their fields, so a small query can
// cost hours. An SDK's query is one chain of fields; the longest recorded ones are a hundredth of these limits.
const (
	maxTokens     = 500_000 // a string counts as one, however long
	maxDepth      = 2_000   // levels of nested fields
	maxFields     = 10_000  // fields nested in each other
	maxSelections = 1_000   // of one selection
	maxArguments  = 100     // of one field, and as many directives
	maxFragments  = 200     // also of operations, and of the variables of each
)

// measure counts the cost of a query.
type measure struct {
	doc       *ast.QueryDocument
	fragments map[string]*cost // nil while one is measured: it contains itself, which validation refuses
}

type cost struct{ fields, depth int }

// check refuses a query that is larger than any SDK's.
func check(doc *ast.QueryDocument) error {
	if err := checkLimit("fragments", len(doc.Fragments), maxFragments); err != nil {
		return err
	}
	if err := checkLimit("operations", len(doc.Operations), maxFragments); err != nil {
		return err
	}
	m := measure{doc: doc, fragments: map[string]*cost{}}
	for _, op := range doc.Operations {
		if err := checkLimit("variables", len(op.VariableDefinitions), maxFragments); err != nil {
			return err
		}
		if _, err := m.selection(op.SelectionSet, 1); err != nil {
			return err
		}
	}
	for _, f := range doc.Fragments { // also unused ones, since they are validated
		if _, err := m.fragment(f.Name); err != nil {
			return err
		}
	}
	return nil
}

func checkLimit(what string, n, limit int) error {
	if n > limit {
		return fmt.Errorf("the query has %d %s (at most %d): split it into smaller queries", n, what, limit)
	}
	return nil
}

// selection measures a set of fields that is nested depth levels deep.
func (m measure) selection(set ast.SelectionSet, depth int) (cost, error) {
	var total cost
	if err := checkLimit("fields in one selection", len(set), maxSelections); err != nil || len(set) == 0 {
		return total, err
	}
	if err := checkLimit("levels of nested fields", depth, maxDepth); err != nil {
		return total, err
	}
	for _, s := range set {
		c, err := m.one(s, depth)
		if err != nil {
			return total, err
		}
		total.fields, total.depth = total.fields+c.fields, max(total.depth, c.depth)
		if err := checkLimit("fields", total.fields, maxFields); err != nil {
			return total, err
		}
		if err := checkLimit("levels of nested fields", depth+total.depth-1, maxDepth); err != nil {
			return total, err
		}
	}
	return total, nil
}

func (m measure) one(s ast.Selection, depth int) (c cost, err error) {
	switch s := s.(type) {
	case *ast.Field:
		if err := checkLimit("arguments of one field", max(len(s.Arguments), len(s.Directives)), maxArguments); err != nil {
			return c, err
		}
		c, err = m.selection(s.SelectionSet, depth+1)
		return cost{c.fields + 1, c.depth + 1}, err
	case *ast.InlineFragment:
		c, err = m.selection(s.SelectionSet, depth+1) // they may be nested, too
		return cost{c.fields + 1, c.depth + 1}, err
	case *ast.FragmentSpread:
		return m.fragment(s.Name)
	}
	return c, nil
}

// fragment measures a fragment once.
func (m measure) fragment(name string) (cost, error) {
	if known, seen := m.fragments[name]; seen {
		if known == nil {
			return cost{}, nil
		}
		return *known, nil
	}
	m.fragments[name] = nil
	f := m.doc.Fragments.ForName(name)
	if f == nil {
		return cost{}, nil
	}
	c, err := m.selection(f.SelectionSet, 1)
	m.fragments[name] = &c
	return c, err
}
