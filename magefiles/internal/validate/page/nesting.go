package page

import "bytes"

// maxNesting is how deep blocks may stand in each other. The parser takes a step into depth for each, on every line; what people write
// has fewer than ten.
const maxNesting = 100

// maxLabel is how long the mark of a footnote may be, to be counted.
const maxLabel = 100

// nesting is how many marks of quotes, lists and footnotes a line begins with at most.
func nesting(source []byte) int {
	most := 0
	for line := range bytes.Lines(source) {
		depth := 0
		for len(line) > 0 {
			n := markLength(line)
			if n == 0 && !isSpace(line[0]) && line[0] != ':' {
				break
			}
			if n > 0 {
				depth++
			}
			line = line[max(n, 1):]
		}
		most = max(most, depth)
	}
	return most
}

// markLength is that of the mark of a quote, a list item or a footnote that a line begins with, or 0.
func markLength(line []byte) int {
	if bytes.HasPrefix(line, []byte("[^")) {
		return bytes.Index(line[:min(len(line), maxLabel)], []byte("]:")) + 1 // the colon is no mark, and passed over
	}
	n := 0
	for n < len(line) && n < 9 && line[n] >= '0' && line[n] <= '9' {
		n++
	}
	switch {
	case line[0] == '>':
		return 1
	case n == len(line):
		return 0
	case n > 0 && line[n] != '.' && line[n] != ')', n == 0 && line[0] != '-' && line[0] != '*' && line[0] != '+':
		return 0
	case n+1 < len(line) && !isSpace(line[n+1]):
		return 0
	}
	return n + 1
}
