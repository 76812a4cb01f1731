package docsite

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/frontmatter"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Keys of frontmatter that hold dates, as in Quartz (quartz/plugins/transformers/frontmatter.ts). For a page with only the first
// one, it is also the second.
var (
	createdKeys  = []string{"created", "date"}
	modifiedKeys = []string{"modified", "lastmod", "updated", "last-modified"}
)

// WithDates is a Markdown page whose frontmatter states its dates. Dates in the page are kept; a page with unreadable
// frontmatter is unchanged.
//
// Quartz reads the frontmatter first, and then git and the file system. A container has no history, and each file in it has its own
// creation time.
func WithDates(page []byte, d vcs.Dates) []byte {
	at, stated, ok := keysOf(page)
	if !ok {
		return page
	}
	newline := "\n"
	if before, _, found := bytes.Cut(page, []byte("\n")); found && bytes.HasSuffix(before, []byte("\r")) {
		newline = "\r\n"
	}
	var lines strings.Builder
	added := 0
	add := func(key string, t time.Time, unless ...string) {
		if !t.IsZero() && !slices.ContainsFunc(stated, func(s string) bool { return slices.Contains(unless, s) }) {
			lines.WriteString(key + ": " + t.UTC().Format(time.RFC3339) + newline)
			added++
		}
	}
	add("created", d.Created, createdKeys...)
	add("modified", d.Modified, slices.Concat(modifiedKeys, createdKeys)...)
	text := lines.String()
	if text == "" {
		return page
	}
	if at == 0 {
		text = "---" + newline + text + "---" + newline
	}
	dated := slices.Concat(page[:at], []byte(text), page[at:])
	// This refuses YAML's less common ways to begin a block, such as a tag on a line of its own.
	if _, keys, ok := keysOf(dated); !ok || len(keys) != len(stated)+added {
		return page
	}
	return dated
}

// keysOf finds where lines can be added to a page's YAML frontmatter, 0 if it has none, and the keys that it states. It is not ok
// if the frontmatter is not a block of keys.
func keysOf(page []byte) (at int, keys []string, ok bool) {
	block := frontmatter.Find(string(page))
	switch {
	case block.Fence == "":
		return 0, nil, !bytes.HasPrefix(page, []byte("---")) && !bytes.HasPrefix(page, []byte("\ufeff"))
	case block.Fence != "---", !block.Closed:
		return 0, nil, false
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(page[block.From:block.To], &doc); err != nil {
		return 0, nil, false
	}
	if len(doc.Content) == 0 {
		return block.From, nil, true
	}
	m := doc.Content[0]
	if m.Kind != yaml.MappingNode || m.Style&yaml.FlowStyle != 0 || m.Column != 1 {
		return 0, nil, false
	}
	for i := 0; i < len(m.Content); i += 2 {
		if m.Content[i+1].Tag != "!!null" { // a key without a value has no date, but uses the name
			keys = append(keys, m.Content[i].Value)
			continue
		}
		if slices.Contains(createdKeys, m.Content[i].Value) || slices.Contains(modifiedKeys, m.Content[i].Value) {
			return 0, nil, false
		}
	}
	return block.From, keys, true
}
