// Package manifest changes single values in Kubernetes manifests, and nothing else.
//
// A parser says where a value is; the change is made in the text. So comments, order, indentation, quotes and line ends
// stay as people wrote them, and a diff shows one line per value. The parsed result is compared with the file parsed
// before: a change that would touch anything but the value is refused.
//
// Values are found by what they are (the variable DOCS_RELEASE_URL of the Deployment docs), not by a pattern in the text:
// comments and other documents of the file that look alike do not match. Exactly one place must match.
package manifest

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// File is a manifest: a YAML file of one or more documents, in UTF-8.
type File struct {
	Path string // for messages
	Text []byte
}

// Edit is a value to write at a place.
type Edit struct {
	Place Place
	Value string // one line of printable text; it becomes a YAML string, quoted if it would be read as something else
}

// Found is a value that a file has now.
type Found struct {
	Value string
	Line  int // counted from 1
}

// Pin returns the text with the edits made, and nil with the first error. It changes no byte if the file has all values already.
// Errors are of type *Error.
func (f File) Pin(edits ...Edit) ([]byte, error) {
	before, err := f.parse()
	if err != nil {
		return nil, err
	}
	edited := map[*yaml.Node]string{}
	var changes []change
	for _, e := range edits {
		n, err := f.find(before, e.Place)
		if err != nil {
			return nil, err
		}
		if _, twice := edited[n]; twice {
			return nil, f.errorAt(ErrSeveral, e.Place, "changed twice in one call", "", n.Line)
		}
		edited[n] = e.Value
		c, err := f.change(n, e)
		if err != nil {
			return nil, err
		}
		if c.text != string(f.Text[c.start:c.end]) {
			changes = append(changes, c)
		}
	}
	after := File{Path: f.Path, Text: apply(f.Text, changes)}
	if err := after.confirm(before, edited); err != nil {
		return nil, err
	}
	return after.Text, nil
}

// Read returns the value at each of the places. Errors are of type *Error.
func (f File) Read(places ...Place) ([]Found, error) {
	documents, err := f.parse()
	if err != nil {
		return nil, err
	}
	found := make([]Found, len(places))
	for i, p := range places {
		n, err := f.find(documents, p)
		if err != nil {
			return nil, err
		}
		found[i] = Found{Value: n.Value, Line: n.Line}
	}
	return found, nil
}

// change is a span of the text and its new content.
type change struct {
	start, end int
	text       string
}

// change returns the change that an edit makes of a scalar; an edit to the same text changes nothing.
func (f File) change(n *yaml.Node, e Edit) (change, error) {
	if problem := unwritable(e.Value); problem != "" {
		return change{}, f.errorAt(ErrForm, e.Place, "cannot be set: the new value "+problem+", expected one line of printable text", "", n.Line)
	}
	start, end, problem := locate(f.Text, n)
	if problem != "" {
		return change{}, f.errorAt(ErrForm, e.Place, "cannot be changed: "+problem, "write it in one line, such as value: \"…\"", n.Line)
	}
	c := change{start: start, end: end, text: string(f.Text[start:end])}
	if !hasValue(n, e.Value) {
		c.text = render(n.Style, e.Value)
	}
	return c, nil
}

// apply makes changes that do not overlap.
func apply(text []byte, changes []change) []byte {
	slices.SortFunc(changes, func(a, b change) int { return a.start - b.start })
	var out []byte
	done := 0
	for _, c := range changes {
		out = append(append(out, text[done:c.start]...), c.text...)
		done = c.end
	}
	return append(out, text[done:]...)
}

// confirm compares the parsed file with the file as parsed before the change.
func (f File) confirm(before []*yaml.Node, edited map[*yaml.Node]string) error {
	after, err := f.parse()
	if err != nil {
		return &Error{Kind: ErrForm, File: f.Path, Problem: "the change would break the file, so nothing was changed: " + err.Error(), Advice: "change it by hand"}
	}
	if line := differ(before, after, edited); line != 0 {
		return &Error{Kind: ErrForm, File: f.Path, Lines: []int{line}, Problem: "the change would alter more than the value, so nothing was changed", Advice: "change it by hand"}
	}
	return nil
}

// joinLines is "line 3" or "lines 3 and 7".
func joinLines(lines []int) string {
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = fmt.Sprint(l)
	}
	if len(texts) == 1 {
		return "line " + texts[0]
	}
	return "lines " + strings.Join(texts[:len(texts)-1], ", ") + " and " + texts[len(texts)-1]
}
