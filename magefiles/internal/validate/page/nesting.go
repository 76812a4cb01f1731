package page

import "bytes"

// maxNesting is the maximum nesting of blocks. The parser recurses once for each level, on every line. Pages that people write have fewer
// than ten.
const maxNesting = 100

// maxLabel is the maximum length of a footnote's mark that is counted.
const maxLabel = 100

// nesting is the maximum number of marks of quotes, lists and footnotes at the beginning of a line.
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

// markLength is the length of the mark of a quote, list item or footnote at the beginning of a line, or 0.
func markLength(line []byte) int {
	if bytes.HasPrefix(line, []byte("[^")) {
		return bytes.Index(line[:min(len(line), maxLabel)], []byte("]:")) + 1 // the colon is not a mark; it is skipped
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
