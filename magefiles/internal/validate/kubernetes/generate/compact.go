package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// kept are the fields of a schema that validation uses.
var kept = []string{
	"type", "format", "required", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "nullable",
	"x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource",
}

// compact is a schema with only the kept fields.
func compact(s schema) schema {
	small := schema{}
	for _, key := range kept {
		if value, ok := s[key]; ok {
			small[key] = value
		}
	}
	if ref, ok := s["$ref"].(string); ok {
		small["$ref"] = strings.TrimPrefix(ref, "#/definitions/io.k8s.")
	}
	if properties, ok := s["properties"].(schema); ok {
		list := schema{}
		for name, property := range properties {
			list[name] = compact(property.(schema))
		}
		small["properties"] = list
	}
	for _, key := range []string{"items", "additionalProperties"} {
		switch value := s[key].(type) {
		case schema:
			small[key] = compact(value)
		case bool:
			if value {
				small["x-kubernetes-preserve-unknown-fields"] = true
			}
		}
	}
	return small
}

// share replaces each larger object below s by a reference to a type of its own. ApplicationSet repeats most of its schema forty times.
func (f *file) share(s schema) schema {
	for _, key := range []string{"items", "additionalProperties"} {
		if below, ok := s[key].(schema); ok {
			s[key] = f.named(f.share(below))
		}
	}
	if properties, ok := s["properties"].(schema); ok {
		for name, property := range properties {
			properties[name] = f.named(f.share(property.(schema)))
		}
	}
	return s
}

func (f *file) named(s schema) schema {
	if _, ok := s["properties"]; !ok {
		return s
	}
	raw, _ := json.Marshal(s) // the schema came from YAML
	sum := sha256.Sum256(raw)
	name := hex.EncodeToString(sum[:4])
	f.Types[name] = s
	return schema{"$ref": name}
}

// readEnums are the values of enumerations, by type and property, from Kubernetes' generated code.
func readEnums(path string) (map[string]map[string][]any, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	enums := map[string]map[string][]any{}
	for _, declaration := range parsed.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		// schema_k8sio_api_core_v1_Container is io.k8s.api.core.v1.Container.
		if name, ok := strings.CutPrefix(function.Name.Name, "schema_k8sio_api_"); ok {
			found := map[string][]any{}
			enumsBelow(function.Body, "", found)
			enums["io.k8s.api."+strings.ReplaceAll(name, "_", ".")] = found
		}
	}
	if len(enums) == 0 {
		return nil, fmt.Errorf("%s has no schemas", path)
	}
	return enums, nil
}

// enumsBelow collects the enumerations of properties; the enumeration of a list's items has the name of the list.
func enumsBelow(node ast.Node, property string, found map[string][]any) {
	ast.Inspect(node, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		switch key := pair.Key.(type) {
		case *ast.BasicLit: // the name of a property
			name, _ := strconv.Unquote(key.Value)
			enumsBelow(pair.Value, name, found)
			return false
		case *ast.Ident:
			if list, ok := pair.Value.(*ast.CompositeLit); ok && key.Name == "Enum" && property != "" {
				for _, value := range list.Elts {
					text, _ := strconv.Unquote(value.(*ast.BasicLit).Value)
					found[property] = append(found[property], text)
				}
			}
		}
		return true
	})
}

func setEnum(s schema, property string, values []any) {
	properties, _ := s["properties"].(schema)
	target, ok := properties[property].(schema)
	if !ok {
		return
	}
	if items, ok := target["items"].(schema); ok {
		target = items
	}
	target["enum"] = values
}
