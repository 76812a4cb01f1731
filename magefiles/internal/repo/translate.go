package repo

import (
	"fmt"
	"regexp"
	"strings"
)

// wildcards are the runes that make a pattern more than a name.
const wildcards = `*?[\`

// translate turns a wildcard pattern into a regular expression, as git's wildmatch.c reads it (with WM_PATHNAME). The pattern holds a
// rune for each byte. ok is false for one that can match nothing.
func translate(glob string, anchored bool) (expr string, ok bool) {
	g := []rune(glob)
	var out strings.Builder
	out.WriteString(`(?s)^`)
	for i := 0; i < len(g); {
		switch g[i] {
		case '*':
			n := stars(&out, g, i, anchored)
			i += n
		case '?':
			out.WriteString(`[^/]`)
			i++
		case '\\':
			if i+1 == len(g) {
				return "", false
			}
			out.WriteString(regexp.QuoteMeta(string(g[i+1])))
			i += 2
		case '[':
			set, n, ok := class(g[i:])
			if !ok {
				return "", false
			}
			out.WriteString(set)
			i += n
		default:
			out.WriteString(regexp.QuoteMeta(string(g[i])))
			i++
		}
	}
	out.WriteString(`$`)
	return out.String(), true
}

// stars translates a run of stars at g[i:] and returns how many runes it took. Two between slashes (or at an end) span folders;
// other runs are as one.
func stars(out *strings.Builder, g []rune, i int, anchored bool) int {
	n := 0
	for i+n < len(g) && g[i+n] == '*' {
		n++
	}
	// Git compares what stands before the first wildcard by itself, so that the first run of stars is at a start wherever it stands.
	atStart := !strings.ContainsAny(string(g[:i]), wildcards) || g[i-1] == '/'
	end := i+n == len(g)
	slash := !end && g[i+n] == '/'
	escaped := i+n+1 < len(g) && g[i+n] == '\\' && g[i+n+1] == '/'
	switch {
	case !anchored || n < 2 || !atStart || !(end || slash || escaped):
		out.WriteString(`[^/]*`)
	case end:
		out.WriteString(`.*`)
	case slash:
		out.WriteString(`(?:.*/)?`)
		return n + 1
	default: // «**\/» needs its slash
		out.WriteString(`.*`)
	}
	return n
}

// posix are the character classes that wildmatch knows, for bytes below 128 (git's own ctype).
var posix = map[string]func(byte) bool{
	"alnum":  func(c byte) bool { return isAlpha(c) || isDigit(c) },
	"alpha":  isAlpha,
	"blank":  func(c byte) bool { return c == ' ' || c == '\t' },
	"cntrl":  func(c byte) bool { return c < 32 || c == 127 },
	"digit":  isDigit,
	"graph":  func(c byte) bool { return c > 32 && c < 127 },
	"lower":  func(c byte) bool { return c >= 'a' && c <= 'z' },
	"print":  func(c byte) bool { return c >= 32 && c < 127 },
	"punct":  func(c byte) bool { return c > 32 && c < 127 && !isAlpha(c) && !isDigit(c) },
	"space":  func(c byte) bool { return c == ' ' || (c >= 9 && c <= 13 && c != 11 && c != 12) },
	"upper":  func(c byte) bool { return c >= 'A' && c <= 'Z' },
	"xdigit": func(c byte) bool { return isDigit(c) || (c|32 >= 'a' && c|32 <= 'f') },
}

func isAlpha(c byte) bool { return c|32 >= 'a' && c|32 <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// class translates a bracket expression at the start of g and returns how many runes it took. It never matches a slash.
func class(g []rune) (expr string, n int, ok bool) {
	i := 1
	negated := i < len(g) && (g[i] == '!' || g[i] == '^')
	if negated {
		i++
	}
	var set [256]bool
	for first := true; ; first = false {
		if i >= len(g) {
			return "", 0, false
		}
		if g[i] == ']' && !first {
			i++
			break
		}
		n, ok := member(g[i:], &set)
		if !ok {
			return "", 0, false
		}
		i += n
	}
	var b strings.Builder
	b.WriteString("[")
	some := false
	for c := range set {
		if set[c] != negated && c != '/' {
			fmt.Fprintf(&b, `\x{%x}`, c)
			some = true
		}
	}
	if !some {
		return "", 0, false
	}
	b.WriteString("]")
	return b.String(), i, true
}

// member adds one member of a bracket expression to set: a byte, a range or a named class.
func member(g []rune, set *[256]bool) (n int, ok bool) {
	if g[0] == '[' && len(g) > 1 && g[1] == ':' {
		if n, known, is := named(g, set); is {
			return n, known
		}
	}
	low, n, ok := single(g)
	if !ok {
		return 0, false
	}
	if n+1 >= len(g) || g[n] != '-' || g[n+1] == ']' {
		set[low] = true
		return n, true
	}
	high, m, ok := single(g[n+1:])
	if !ok {
		return 0, false
	}
	set[low] = true // also if the range is empty
	for c := int(low); c <= int(high); c++ {
		set[c] = true
	}
	return n + 1 + m, true
}

// named adds a class like [:alpha:]; is tells whether g begins with one at all.
func named(g []rune, set *[256]bool) (n int, known, is bool) {
	end := 2
	for end < len(g) && g[end] != ']' {
		end++
	}
	if end == len(g) || end < 3 || g[end-1] != ':' {
		return 0, false, false
	}
	has, known := posix[string(g[2:end-1])]
	if known {
		for c := range 128 {
			if has(byte(c)) {
				set[c] = true
			}
		}
	}
	return end + 1, known, true
}

func single(g []rune) (c byte, n int, ok bool) {
	if g[0] != '\\' {
		return byte(g[0]), 1, true
	}
	if len(g) < 2 {
		return 0, 0, false
	}
	return byte(g[1]), 2, true
}
