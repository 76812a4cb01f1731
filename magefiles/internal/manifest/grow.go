package manifest

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// growth is a set of pairs to add to an entry of a kustomization, below one that the entry has.
type growth struct {
	entry *yaml.Node
	after int // index in the entry's Content of the value that they come after
	pairs [][2]string
}

// growth returns the pairs that are missing in an entry; ok is false if none is.
func (n imageNodes) growth(to Image) (g growth, ok bool) {
	if n.entry == nil || n.tag != nil && n.digest != nil {
		return growth{}, false
	}
	g.entry = n.entry
	if n.tag == nil {
		g.pairs = append(g.pairs, [2]string{"newTag", to.Tag})
	}
	if n.digest == nil {
		g.pairs = append(g.pairs, [2]string{"digest", to.Digest})
	}
	for i := 0; i+1 < len(n.entry.Content); i += 2 {
		switch key := n.entry.Content[i].Value; {
		case n.tag == nil && (key == "name" || key == "newName"), key == "newTag":
			g.after = i + 1
		}
	}
	return g, true
}

// grow adds the missing pairs to the entries that lead to the image.
func (f File) grow(to Image) ([]byte, error) {
	documents, found, err := f.images(to.Name)
	if err != nil {
		return nil, err
	}
	byEntry, inserted := map[*yaml.Node]growth{}, map[int]int{}
	var changes []change
	for _, place := range found {
		g, ok := place.growth(to)
		if !ok || place.Template {
			continue
		}
		c, lines, problem := f.insertion(g)
		if problem != "" {
			return nil, f.errorAt(ErrForm, imagePlace(to.Name), "cannot be completed: "+problem, "add newTag and digest by hand, each in its own line", place.Line)
		}
		changes, byEntry[g.entry] = append(changes, c), g
		if lines > 0 {
			inserted[g.entry.Content[g.after].Line] += lines
		}
	}
	after := File{Path: f.Path, Text: apply(f.Text, changes)}
	now, err := after.parse()
	if err != nil {
		return nil, &Error{Kind: ErrForm, File: f.Path, Problem: "the change would break the file, so nothing was changed: " + err.Error(), Advice: "change it by hand"}
	}
	c := grownFile{byEntry, inserted}
	for i, document := range documents {
		if len(now) != len(documents) || !c.same(document, now[i]) {
			return nil, &Error{Kind: ErrForm, File: f.Path, Problem: "the change would alter more than the image, so nothing was changed", Advice: "change it by hand"}
		}
	}
	return after.Text, nil
}

// insertion says where pairs go and how they are written: as lines with the indentation of the entry's keys, or within the one line of the
// entry.
func (f File) insertion(g growth) (c change, lines int, problem string) {
	key, value := g.entry.Content[g.after-1], g.entry.Content[g.after]
	if value.Kind != yaml.ScalarNode {
		return change{}, 0, "its " + key.Value + " is not a string"
	}
	_, end, problem := locate(f.Text, value)
	if problem != "" {
		return change{}, 0, problem
	}
	if g.entry.Style&yaml.FlowStyle != 0 {
		var text strings.Builder
		for _, p := range g.pairs {
			name := p[0]
			if key.Style&yaml.DoubleQuotedStyle != 0 {
				name = `"` + name + `"`
			}
			text.WriteString(", " + name + ": " + render(value.Style, p[1]))
		}
		return change{end, end, text.String()}, 0, ""
	}
	at := end
	for at < len(f.Text) && lineBreak(f.Text[at:]) == 0 {
		at++
	}
	broken := string(f.Text[at : at+lineBreak(f.Text[at:])])
	start := strings.Repeat(" ", key.Column-1)
	var text strings.Builder
	for _, p := range g.pairs {
		text.WriteString(f.newline(broken) + start + p[0] + ": " + render(value.Style, p[1]))
	}
	return change{at, at, text.String()}, len(g.pairs), ""
}

// newline is the line break of a line, or that of the file if the line is the last one and has none.
func (f File) newline(of string) string {
	if of != "" {
		return of
	}
	if at := bytes.IndexByte(f.Text, '\n'); at > 0 && f.Text[at-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// grownFile compares documents before and after entries have grown. Comments are not compared: the parser assigns each to the node before it,
// which may be new; no byte of a comment was changed.
type grownFile struct {
	entries  map[*yaml.Node]growth
	inserted map[int]int // number of lines after a line
}

func (g grownFile) same(a, b *yaml.Node) bool {
	content := b.Content
	if grown, ok := g.entries[a]; ok {
		at, n := grown.after+1, 2*len(grown.pairs)
		if len(content) != len(a.Content)+n {
			return false
		}
		for i, pair := range grown.pairs {
			if key, value := content[at+2*i], content[at+2*i+1]; key.Value != pair[0] || !stands(value, pair[1]) {
				return false
			}
		}
		content = append(content[:at:at], content[at+n:]...)
	}
	line := a.Line
	for after, lines := range g.inserted {
		if a.Line > after {
			line += lines
		}
	}
	if a.Kind != b.Kind || a.Style != b.Style || a.Tag != b.Tag || a.Value != b.Value || a.Anchor != b.Anchor || line != b.Line || len(a.Content) != len(content) {
		return false
	}
	for i, child := range a.Content {
		if !g.same(child, content[i]) {
			return false
		}
	}
	return true
}
