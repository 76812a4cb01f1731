package target

import (
	"go/ast"
	"go/token"
	"iter"
	"regexp"
	"strconv"
	"strings"
)

// add adds the targets of a package and of its mage:imports. prefix is the import's alias.
func (r *reader) add(files []*ast.File, prefix string) error {
	spaces := namespaces(files)
	for _, file := range files {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() {
				continue
			}
			space, ok := receiver(f)
			if !ok || (space != "" && !spaces[space]) {
				continue
			}
			if t, ok := parameters(f.Type); ok {
				t.Name = name(prefix, space, f.Name.Name)
				r.set.targets[strings.ToLower(t.Name)] = t
			}
		}
	}
	return r.imports(files)
}

// imports follows the imports with mage:import.
func (r *reader) imports(files []*ast.File) error {
	for gen, spec := range declared(files, token.IMPORT) {
		if err := r.follow(gen, spec.(*ast.ImportSpec)); err != nil {
			return err
		}
	}
	return nil
}

// declared are the declarations of a kind, such as token.IMPORT.
func declared(files []*ast.File, kind token.Token) iter.Seq2[*ast.GenDecl, ast.Spec] {
	return func(yield func(*ast.GenDecl, ast.Spec) bool) {
		for _, file := range files {
			for _, decl := range file.Decls {
				gen, ok := decl.(*ast.GenDecl)
				if !ok || gen.Tok != kind {
					continue
				}
				for _, spec := range gen.Specs {
					if !yield(gen, spec) {
						return
					}
				}
			}
		}
	}
}

func (r *reader) follow(gen *ast.GenDecl, spec *ast.ImportSpec) error {
	doc := spec.Doc
	if doc == nil && !gen.Lparen.IsValid() {
		doc = gen.Doc
	}
	alias, ok := importTag(doc)
	if !ok {
		alias, ok = importTag(spec.Comment)
	}
	target, err := strconv.Unquote(spec.Path.Value)
	if !ok || err != nil || r.seen[target] {
		return nil
	}
	r.seen[target] = true
	dir, ok := strings.CutPrefix(target, r.module+"/")
	if !ok || r.module == "" {
		r.set.Open = true
		return nil
	}
	files, err := r.parse(dir, false)
	if err != nil {
		return err
	}
	return r.add(files, alias)
}

// importTag reads `mage:import ALIAS` in the last line of a comment.
func importTag(group *ast.CommentGroup) (alias string, ok bool) {
	if group == nil {
		return "", false
	}
	words := strings.Fields(strings.ToLower(strings.TrimLeft(group.List[len(group.List)-1].Text, "/*")))
	if len(words) == 0 || words[0] != "mage:import" || len(words) > 2 {
		return "", false
	}
	return strings.Join(words[1:], ""), true
}

// aliases reads var Aliases = map[string]interface{}{"alias": Target}.
func (r *reader) aliases(files []*ast.File) {
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || spec.Names[0].Name != "Aliases" || len(spec.Values) != 1 {
				return true
			}
			if list, ok := spec.Values[0].(*ast.CompositeLit); ok {
				for _, e := range list.Elts {
					r.alias(e)
				}
			}
			return false
		})
	}
}

func (r *reader) alias(e ast.Expr) {
	pair, ok := e.(*ast.KeyValueExpr)
	if !ok {
		return
	}
	key, ok := pair.Key.(*ast.BasicLit)
	if !ok {
		return
	}
	alias, err := strconv.Unquote(key.Value)
	if err != nil {
		return
	}
	t, ok := r.set.targets[strings.ToLower(strings.Join(selectors(pair.Value), ":"))]
	if !ok {
		r.set.Open = true // of an import: it exists, its parameters are not known
		return
	}
	r.set.targets[strings.ToLower(alias)] = t
}

// selectors are the parts of a.B.C.
func selectors(e ast.Expr) []string {
	switch e := e.(type) {
	case *ast.Ident:
		return []string{e.Name}
	case *ast.SelectorExpr:
		return append(selectors(e.X), e.Sel.Name)
	}
	return nil
}

// namespaces are the types declared as mg.Namespace.
func namespaces(files []*ast.File) map[string]bool {
	found := map[string]bool{}
	for _, s := range declared(files, token.TYPE) {
		spec := s.(*ast.TypeSpec)
		if strings.Join(selectors(spec.Type), ".") == "mg.Namespace" && spec.Name.IsExported() {
			found[spec.Name.Name] = true
		}
	}
	return found
}

// receiver is the type of the method f, "" for a function.
func receiver(f *ast.FuncDecl) (name string, ok bool) {
	if f.Recv == nil {
		return "", f.Type.TypeParams == nil
	}
	if len(f.Recv.List) != 1 {
		return "", false
	}
	ident, ok := f.Recv.List[0].Type.(*ast.Ident)
	if !ok {
		return "", false
	}
	return ident.Name, true
}

// parameters reads the parameters of a target. ok is false for functions that mage skips: parameters of other types, or results other than
// an error.
func parameters(f *ast.FuncType) (t Target, ok bool) {
	if n := f.Results.NumFields(); n > 1 || n == 1 && typeName(f.Results.List[0].Type) != "error" {
		return t, false
	}
	for i, p := range f.Params.List {
		typ := p.Type
		star, flag := typ.(*ast.StarExpr)
		if flag {
			typ = star.X
		}
		switch name := typeName(typ); {
		case i == 0 && name == "context.Context" && len(p.Names) <= 1:
			continue
		case name != "string" && name != "int" && name != "float64" && name != "bool" && name != "time.Duration":
			return t, false
		default:
			for _, n := range p.Names {
				if flag {
					t.Flags = append(t.Flags, Param{n.Name, name})
				} else {
					t.Positional = append(t.Positional, Param{n.Name, name})
				}
			}
		}
	}
	return t, true
}

func typeName(e ast.Expr) string { return strings.Join(selectors(e), ".") }

// The expressions by which mage finds the first word of a name: a capital with the small letters after it, or capitals up to the one that
// begins the next word. Source: firstWordRx and firstAbbrevRx of magefile/mage/mage/main.go.
var (
	firstWord         = regexp.MustCompile(`^([[:upper:]][^[:upper:]]+)([[:upper:]].*)$`)
	firstAbbreviation = regexp.MustCompile(`^([[:upper:]]+)([[:upper:]][^[:upper:]].*)$`)
)

// lowerFirst is a name with its first word in lower case, as in `mage -l`: CI is ci, BuildAll buildAll, DNSZone dnsZone.
func lowerFirst(name string) string {
	for _, first := range []*regexp.Regexp{firstWord, firstAbbreviation} {
		if m := first.FindStringSubmatch(name); m != nil {
			return strings.ToLower(m[1]) + m[2]
		}
	}
	return strings.ToLower(name)
}

// name joins the parts that are not empty as `mage -l` does.
func name(parts ...string) string {
	var words []string
	for _, p := range parts {
		if p != "" {
			words = append(words, lowerFirst(p))
		}
	}
	return strings.Join(words, ":")
}
