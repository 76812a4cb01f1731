// Command gen writes the GraphQL schema that the Dagger Go SDK speaks, read from the SDK's own generated client.
//
// The client has everything that a server needs: a method's name in GraphQL (query.Select), its arguments (q.Arg, with the options struct for the
// optional ones) and its result type. Descriptions are left out: they belong to Dagger.
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

func main() {
	out := flag.String("o", "schema.graphqls", "the file to write")
	flag.Parse()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "dagger.io/dagger").Output()
	if err != nil {
		log.Fatalf("find the module dagger.io/dagger: %v", err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "dagger.gen.go"), nil, parser.ParseComments)
	if err != nil {
		log.Fatal(err)
	}
	g := newGenerator(file)
	if err := os.WriteFile(*out, []byte(g.schema()), 0o644); err != nil {
		log.Fatal(err)
	}
}

type field struct {
	name, returns string
	args          []string
}

type generator struct {
	structs map[string]*ast.StructType
	strings map[string]bool     // named string types: scalars and enums
	enums   map[string][]string // type -> value names
	ifaces  map[string]bool
	fields  map[string][]field // object type -> fields
}

func newGenerator(file *ast.File) *generator {
	g := &generator{structs: map[string]*ast.StructType{}, strings: map[string]bool{}, enums: map[string][]string{}, ifaces: map[string]bool{}, fields: map[string][]field{}}
	for _, d := range file.Decls {
		if gd, ok := d.(*ast.GenDecl); ok {
			g.types(gd)
		}
	}
	for _, d := range file.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv != nil && fd.Name.IsExported() {
			g.method(fd)
		}
	}
	return g
}

func (g *generator) types(gd *ast.GenDecl) {
	for _, s := range gd.Specs {
		ts, ok := s.(*ast.TypeSpec)
		if !ok || !ts.Name.IsExported() {
			continue
		}
		switch t := ts.Type.(type) {
		case *ast.StructType:
			g.structs[ts.Name.Name] = t
		case *ast.Ident:
			g.strings[ts.Name.Name] = t.Name == "string"
		case *ast.InterfaceType:
			g.ifaces[ts.Name.Name] = true
		}
	}
}

func (g *generator) method(fd *ast.FuncDecl) {
	recv := typeName(fd.Recv.List[0].Type)
	if g.strings[recv] {
		if fd.Name.Name == "Name" {
			g.enums[recv] = returnedStrings(fd)
		}
		return
	}
	name := selected(fd)
	if name == "" || g.ifaces[strings.TrimSuffix(recv, "Client")] {
		return
	}
	g.fields[recv] = append(g.fields[recv], field{name: name, returns: g.returns(fd), args: g.args(fd)})
}

// selected returns the GraphQL name of a method: the literal in its first statement, `q := r.query.Select("name")`.
func selected(fd *ast.FuncDecl) string {
	name := ""
	ast.Inspect(fd.Body, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok || name != "" {
			return name == ""
		}
		if s, ok := c.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Select" && len(c.Args) == 1 {
			if x, ok := s.X.(*ast.SelectorExpr); ok && x.Sel.Name == "query" {
				name = literal(c.Args[0])
			}
		}
		return true
	})
	return name
}

// returns returns the GraphQL type of a method's result. A method that returns its own object with an error (sync and similar methods) returns an
// id on the wire.
func (g *generator) returns(fd *ast.FuncDecl) string {
	res := fd.Type.Results.List
	t := res[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		if len(res) == 2 {
			return "ID!"
		}
		return typeName(star) + "!"
	}
	if len(res) == 1 && typeName(t) == "error" {
		return "Void"
	}
	switch s := g.gqlType(t); s {
	// A missing value is null (recorded: envVariable, label, description).
	case "String!":
		return "String"
	default:
		return s
	}
}

func (g *generator) args(fd *ast.FuncDecl) []string {
	var required, optional []string
	for _, p := range fd.Type.Params.List {
		if el, ok := p.Type.(*ast.Ellipsis); ok {
			for _, f := range g.structs[typeName(el.Elt)].Fields.List {
				optional = append(optional, argName(fd, f.Names[0].Name)+": "+strings.TrimSuffix(g.gqlType(f.Type), "!"))
			}
			continue
		}
		if typeName(p.Type) == "Context" {
			continue
		}
		for _, n := range p.Names {
			required = append(required, argName(fd, n.Name)+": "+g.gqlType(p.Type))
		}
	}
	sort.Strings(optional)
	return append(required, optional...)
}

// argName returns the GraphQL name of a parameter, from `q.Arg("name", param)` or `q.Arg("name", opts[i].Param)`.
func argName(fd *ast.FuncDecl, param string) string {
	name := param
	ast.Inspect(fd.Body, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok || len(c.Args) != 2 {
			return true
		}
		if s, ok := c.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Arg" && typeName(c.Args[1]) == param {
			name = literal(c.Args[0])
		}
		return true
	})
	return name
}

func (g *generator) gqlType(t ast.Expr) string {
	if a, ok := t.(*ast.ArrayType); ok {
		return "[" + g.elem(a.Elt) + "]!"
	}
	return g.elem(t)
}

func (g *generator) elem(t ast.Expr) string {
	n := typeName(t)
	switch n {
	case "string":
		return "String!"
	case "int":
		return "Int!"
	case "bool":
		return "Boolean!"
	case "float64":
		return "Float!"
	}
	if _, isPtr := t.(*ast.StarExpr); isPtr {
		return "ID!" // an object as an argument is sent as its id
	}
	if g.ifaces[n] && n != "Node" {
		return "ID!"
	}
	return n + "!"
}

// optional are the types of the fields of input objects that may be missing, as the introspection of Dagger v0.21.8 lists them. The SDK does not
// show this.
var optional = map[string]string{
	"PortForward.frontend": "Int",
	"PortForward.protocol": "NetworkProtocol = TCP",
}

func (g *generator) schema() string {
	var b strings.Builder
	b.WriteString("# Code generated by gen from the Dagger Go SDK; DO NOT EDIT.\n\nschema {\n  query: Query\n}\n\ninterface Node {\n  id: ID!\n}\n")
	for _, n := range sorted(g.strings) {
		switch {
		case len(g.enums[n]) > 0:
			fmt.Fprintf(&b, "\nenum %s {\n  %s\n}\n", n, strings.Join(g.enums[n], "\n  "))
		case n != "ID" && g.strings[n]:
			fmt.Fprintf(&b, "\nscalar %s\n", n)
		}
	}
	for _, n := range []string{"BuildArg", "PipelineLabel", "PortForward"} {
		if s := g.structs[n]; s != nil {
			fmt.Fprintf(&b, "\ninput %s {\n", n)
			for _, f := range s.Fields.List {
				name := lowerFirst(f.Names[0].Name)
				typ, known := optional[n+"."+name]
				if !known {
					typ = g.gqlType(f.Type)
				}
				fmt.Fprintf(&b, "  %s: %s\n", name, typ)
			}
			b.WriteString("}\n")
		}
	}
	for _, n := range sorted(g.fields) {
		g.object(&b, n)
	}
	return b.String()
}

func (g *generator) object(b *strings.Builder, n string) {
	fs := g.fields[n]
	sort.Slice(fs, func(i, j int) bool { return fs[i].name < fs[j].name })
	implements := ""
	for _, f := range fs {
		if f.name == "id" && n != "Query" {
			implements = " implements Node"
		}
	}
	fmt.Fprintf(b, "\ntype %s%s {\n", n, implements)
	seen := map[string]bool{}
	for _, f := range fs {
		if seen[f.name] {
			continue
		}
		seen[f.name] = true
		if f.name == "id" {
			f.returns = "ID!"
		}
		if n == "Query" && f.name == "node" {
			f.returns = "Node"
		}
		if len(f.args) > 0 {
			fmt.Fprintf(b, "  %s(%s): %s\n", f.name, strings.Join(f.args, ", "), f.returns)
		} else {
			fmt.Fprintf(b, "  %s: %s\n", f.name, f.returns)
		}
	}
	b.WriteString("}\n")
}

func returnedStrings(fd *ast.FuncDecl) []string {
	var out []string
	ast.Inspect(fd.Body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) == 1 {
			if s := literal(r.Results[0]); s != "" {
				out = append(out, s)
			}
		}
		return true
	})
	return out
}

func literal(e ast.Expr) string {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(l.Value)
	if err != nil {
		return ""
	}
	return s
}

func typeName(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.StarExpr:
		return typeName(t.X)
	case *ast.SelectorExpr:
		return t.Sel.Name
	}
	return ""
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

func sorted[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
