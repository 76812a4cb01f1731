// Package frontmatter finds the metadata at the beginning of a Markdown page: YAML between two lines ---, or TOML between two lines +++.
package frontmatter

import "strings"

// Block is where the frontmatter of a page is, in bytes from the page's beginning.
type Block struct {
	Fence  string // "---" or "+++"; "" if the page has none
	From   int    // where the line after the first fence begins
	To     int    // where the second fence begins; the page's end if there is none
	Body   int    // where the line after the second fence begins
	Closed bool   // there is a second fence
}

// Find finds the frontmatter of a page. White space may follow a fence.
func Find(page string) Block {
	line, rest, found := strings.Cut(page, "\n")
	b := Block{Fence: fence(line), Body: len(page), From: len(page), To: len(page)}
	if b.Fence == "" {
		return Block{}
	}
	if !found {
		return b
	}
	b.From = len(line) + 1
	at := b.From
	for line := range strings.Lines(rest) {
		if fence(line) == b.Fence {
			b.To, b.Body, b.Closed = at, at+len(line), true
			break
		}
		at += len(line)
	}
	return b
}

func fence(line string) string {
	if line = strings.TrimRight(line, " \t\r\n"); line == "---" || line == "+++" {
		return line
	}
	return ""
}
