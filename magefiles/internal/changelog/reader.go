package changelog

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// reader reads a table of a TOML file, and collects its mistakes.
type reader struct {
	file, path string
	values     map[string]any
	errs       []error
}

// settings are the keys of [tool.towncrier] that towncrier knows.
var settings = []string{
	"all_bullets", "create_add_extension", "create_eof_newline", "directory", "filename", "fragment", "ignore", "issue_format", "issue_pattern",
	"name", "orphan_prefix", "package", "package_dir", "section", "single_file", "start_string", "template", "title_format", "type",
	"underlines", "version", "wrap",
}

func (r *reader) fail(key, reason string, args ...any) {
	r.errs = append(r.errs, &ConfigError{File: r.file, Key: r.path + "." + key, Reason: fmt.Sprintf(reason, args...)})
}

func (r *reader) has(key string) bool {
	_, ok := r.values[key]
	return ok
}

// known fails for keys that are not in the list.
func (r *reader) known(keys []string) {
	for _, key := range slices.Sorted(maps.Keys(r.values)) {
		if slices.Contains(keys, key) {
			continue
		}
		reason := "is unknown"
		if near := nearest(key, keys); near != "" {
			reason += "; did you mean " + near + "?"
		}
		r.fail(key, "%s (known: %s)", reason, strings.Join(keys, ", "))
	}
}

// refuse fails for settings that change the text in unsupported ways, and for settings of the wrong type that have no effect here.
func (r *reader) refuse() {
	for key, only := range map[string]bool{"wrap": false, "all_bullets": true, "single_file": true} {
		if r.flag(key, only) != only {
			r.fail(key, "is %t, which is not supported; remove it", !only)
		}
	}
	r.flag("create_eof_newline", true)
	r.flag("create_add_extension", true)
	r.text("version", "") // the version is always an argument
	if template := r.text("template", ""); template != "" && template != "towncrier:default" && template != "towncrier:default.md" {
		r.fail("template", "is %q: only towncrier's own template for Markdown is supported; remove it", template)
	}
	if r.has("section") {
		r.fail("section", "is set: sections within a release are not supported; use types")
	}
	if show, ok := r.values["title_format"].(bool); ok && !show {
		delete(r.values, "title_format")
		r.fail("title_format", "is false: a section without a heading could not be found again; remove it, or set a format such as \"## [{version}] - {project_date}\"")
	}
}

func (r *reader) text(key, fallback string) string {
	switch v := r.values[key].(type) {
	case nil:
		return fallback
	case string:
		return v
	default:
		r.wrong(key, "a string")
		return fallback
	}
}

func (r *reader) flag(key string, fallback bool) bool {
	switch v := r.values[key].(type) {
	case nil:
		return fallback
	case bool:
		return v
	default:
		r.wrong(key, "true or false")
		return fallback
	}
}

// texts reads a list of strings. One string is a list of its characters, as in Python.
func (r *reader) texts(key string) []string {
	switch v := r.values[key].(type) {
	case nil:
		return nil
	case string:
		return strings.Split(v, "")
	case []any:
		texts := make([]string, 0, len(v))
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				r.wrong(key, "a list of strings")
				return nil
			}
			texts = append(texts, text)
		}
		return texts
	default:
		r.wrong(key, "a list of strings")
		return nil
	}
}

// wrong reports the wrong type of a value once, however often it is read.
func (r *reader) wrong(key, expected string) {
	r.fail(key, "is %s, expected %s", describe(r.values[key]), expected)
	delete(r.values, key)
}

func describe(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the string %q", v)
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	default:
		return fmt.Sprint(v)
	}
}

// inside cleans a path, which must be in the repository.
func (r *reader) inside(key, name string) string {
	clean := path.Clean(name)
	if !fs.ValidPath(clean) || clean == "." {
		r.fail(key, "is %q, expected a path below the repository's root", name)
	}
	return clean
}

func (r *reader) format(key, text string, names ...string) *format {
	f, err := parseFormat(text, names)
	if err != nil {
		r.fail(key, "is %q: %s", text, err)
		return nil
	}
	return f
}

func (r *reader) pattern(key string) *regexp.Regexp {
	text := r.text(key, "")
	if text == "" {
		return nil
	}
	pattern, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if err != nil {
		r.fail(key, "is %q, expected a regular expression of Go's syntax, without look-around and back-references", text)
	}
	return pattern
}
