package checks

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/report"
)

// TestBounds checks pages of the maximum size with one repeated construct. Allocations and output must stay small. It counts memory, not
// time, which follows from memory.
func TestBounds(t *testing.T) {
	const (
		most   = 256 << 20 // bytes allocated in total by all checks
		output = 1 << 20
	)
	for name, unit := range map[string]string{
		"headings": "# a\n", "brackets": "[", "wiki": "[[", "links": "[a](", "anchors": "[x](#a)\n", "stars": "*a ", "lists": "- a\n", "nested lists": "- ", "plus lists": "+ ",
		"numbers": "1. ", "quotes": "> ", "html": "<b>\n", "feet": "[^a]", "tables": "|a|b\n|-|-\n", "spaces": "a  \n", "addresses": "http://a.b ", "entities": "&amp;",
		"escapes": `\[`, "tabs": "\ta\n", "words": "a ", "images": "![a](b", "maths": "$a$", "blocks": "a ^b\n", "comments": "%% a\n", "setext": "a\n=\n",
		"definitions": "[a]: b\n", "hard": "a\\\n", "colons": ":: ", "tasks": "- [ ] a\n", "equals": "==a== ", "letters": "a",
	} {
		text := front + strings.Repeat(unit, (validate.MaxSize-len(front))/len(unit))
		names, fsys := []string{"docs/a.md", "docs/b.md"}, fstest.MapFS{}
		for _, n := range names {
			fsys[n] = &fstest.MapFile{Data: []byte(text)}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		found := run(t, fsys, names)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > most {
			t.Errorf("%s: %d MiB are allocated", name, n>>20)
		}
		for _, format := range report.Formats {
			var b bytes.Buffer
			if err := (report.Writer{Checks: All()}).Write(&b, format, found); err != nil {
				t.Fatal(err)
			}
			if b.Len() > output {
				t.Errorf("%s: %d bytes as %s", name, b.Len(), format)
			}
		}
		if len(found.Findings) == 0 {
			t.Errorf("%s: nothing is found", name)
		}
	}
}
