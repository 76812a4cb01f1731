package changelog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// defaultTypes are the types of a configuration without any.
var defaultTypes = []Type{
	{"feature", "Features", true},
	{"bugfix", "Bugfixes", true},
	{"doc", "Improved Documentation", true},
	{"removal", "Deprecations and Removals", true},
	{"misc", "Misc", false},
}

// types reads [[tool.towncrier.type]], whose order is kept, or [tool.towncrier.fragment.TYPE], which are sorted by name.
func (r *reader) types() []Type {
	list, tables := r.tables("type"), r.values["fragment"]
	fragments, ok := tables.(map[string]any)
	switch {
	case tables != nil && !ok:
		r.wrong("fragment", "tables such as [tool.towncrier.fragment.feature]")
	case len(list) > 0 && len(fragments) > 0:
		r.fail("type", "and fragment are both set; keep one of them")
	case len(fragments) > 0:
		return r.fragmentTypes(fragments)
	case len(list) > 0:
		return r.listedTypes(list)
	}
	return defaultTypes
}

// tables reads an array of tables.
func (r *reader) tables(key string) []map[string]any {
	items, ok := r.values[key].([]any)
	if r.has(key) && !ok {
		r.wrong(key, "an array of tables such as [[tool.towncrier.type]]")
		return nil
	}
	tables := make([]map[string]any, 0, len(items))
	for _, item := range items {
		table, ok := item.(map[string]any)
		if !ok {
			r.wrong(key, "an array of tables such as [[tool.towncrier.type]]")
			return nil
		}
		tables = append(tables, table)
	}
	return tables
}

func (r *reader) listedTypes(list []map[string]any) []Type {
	var types []Type
	for i, table := range list {
		sub := &reader{file: r.file, path: fmt.Sprintf("%s.type[%d]", r.path, i+1), values: table}
		sub.known([]string{"check", "directory", "name", "showcontent"})
		key := sub.text("directory", "")
		switch {
		case len(sub.errs) > 0:
		case key == "":
			sub.fail("directory", "is missing; expected the type in file names")
		case slices.ContainsFunc(types, func(t Type) bool { return t.Key == key }):
			sub.fail("directory", "is %q, which an earlier type has too", key)
		}
		types = append(types, sub.oneType(key))
		r.errs = append(r.errs, sub.errs...)
	}
	return types
}

func (r *reader) fragmentTypes(fragments map[string]any) []Type {
	var types []Type
	for _, key := range slices.Sorted(maps.Keys(fragments)) {
		table, ok := fragments[key].(map[string]any)
		sub := &reader{file: r.file, path: r.path + ".fragment." + key, values: table}
		if !ok {
			r.fail("fragment."+key, "is %s, expected a table", describe(fragments[key]))
		}
		sub.known([]string{"check", "name", "showcontent"})
		types = append(types, sub.oneType(key))
		r.errs = append(r.errs, sub.errs...)
	}
	return types
}

// oneType reads the settings that both forms have.
func (r *reader) oneType(key string) Type {
	if strings.ContainsAny(key, "./") {
		r.errs = append(r.errs, &ConfigError{File: r.file, Key: r.path, Reason: fmt.Sprintf("is the type %q, expected a name without dot and slash", key)})
	}
	r.flag("check", true) // for `towncrier check`
	return Type{Key: key, Name: r.text("name", capitalized(key)), ShowContent: r.flag("showcontent", true)}
}

func capitalized(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return ""
	}
	return string(unicode.ToTitle(first)) + strings.ToLower(s[size:])
}
