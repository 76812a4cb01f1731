// Package schema holds the GraphQL schema of the Dagger API that the embedded engine speaks.
//
// schema.graphqls is complete: it names every type, field and argument that the Go SDK of the pinned Dagger version can query, so that a query is
// either valid, invalid, or valid but not offered here. It is generated from the SDK.
package schema

import (
	_ "embed"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

//go:generate go run ./gen -o schema.graphqls

//go:embed schema.graphqls
var source string

// Version is the version of the Dagger engine whose answers the embedded engine gives. It is the version of the SDK in go.mod; a test compares
// the two.
const Version = "v0.21.8"

// Load parses the schema. It panics if the generated file does not parse, which a test detects.
func Load() *ast.Schema {
	return gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphqls", Input: source})
}
