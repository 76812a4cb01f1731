package python

import (
	"fmt"
	"regexp"
)

// requirementEnd is the part of a requirement after the name.
var requirementEnd = regexp.MustCompile(`(?s)[^A-Za-z0-9._-].*$`)

// table is a table of a TOML file. The first value of another type than the expected one is kept as an error.
type table struct {
	name   string
	values map[string]any
	found  bool
	err    error
}

func (t *table) key(name string) string {
	if t.name == "" {
		return name
	}
	return t.name + "." + name
}

func (t *table) expect(name, want string) {
	if t.err == nil {
		t.err = fmt.Errorf("%s: expected %s", t.key(name), want)
	}
}

// table is a table below t. It is empty if there is none.
func (t *table) table(name string) *table {
	below := &table{name: t.key(name)}
	value, ok := t.values[name]
	if !ok {
		return below
	}
	if below.values, below.found = value.(map[string]any); !below.found {
		t.expect(name, "a table")
	}
	return below
}

// text is a string; "" if there is none.
func (t *table) text(name string) string {
	value, ok := t.values[name]
	text, isText := value.(string)
	if ok && !isText {
		t.expect(name, "a string")
	}
	return text
}

// texts is an array of strings.
func (t *table) texts(name string) (found []string) {
	value, ok := t.values[name]
	if !ok {
		return nil
	}
	items, isArray := value.([]any)
	for _, item := range items {
		text, isText := item.(string)
		isArray = isArray && isText
		found = append(found, text)
	}
	if !isArray {
		t.expect(name, "an array of strings")
		return nil
	}
	return found
}
