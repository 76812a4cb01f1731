package repo

import (
	"regexp"
	"strings"
)

// pattern is one line of an ignore file (https://git-scm.com/docs/gitignore). It matches bytes, as git does.
type pattern struct {
	negated  bool // «!»: what matches is not ignored after all
	dirOnly  bool // «/» at the end
	anchored bool // a «/» elsewhere: matched against the path from the file's folder, else against the name alone
	literal  string
	re       *regexp.Regexp // nil: literal is the whole pattern
}

// parsePatterns reads an ignore file. Lines that can match nothing are left out.
func parsePatterns(text string) []pattern {
	var list []pattern
	text = strings.TrimPrefix(text, "\ufeff")
	for line := range strings.SplitSeq(text, "\n") {
		if p, ok := parsePattern(strings.TrimSuffix(line, "\r")); ok {
			list = append(list, p)
		}
	}
	return list
}

func parsePattern(line string) (pattern, bool) {
	if strings.HasPrefix(line, "#") {
		return pattern{}, false
	}
	line = trimSpaces(line)
	var p pattern
	if rest, ok := strings.CutPrefix(line, "!"); ok {
		p.negated, line = true, rest
	}
	if rest, ok := strings.CutSuffix(line, "/"); ok {
		p.dirOnly, line = true, rest
	}
	p.anchored = strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if line == "" {
		return pattern{}, false
	}
	if !strings.ContainsAny(line, wildcards) {
		p.literal = line
		return p, true
	}
	expr, ok := translate(latin1(line), p.anchored)
	if !ok {
		return pattern{}, false
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return pattern{}, false
	}
	p.re = re
	return p, true
}

// trimSpaces takes spaces off the end, unless a backslash keeps one.
func trimSpaces(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			continue
		case '\\':
			i++
		}
		end = min(i+1, len(line))
	}
	return line[:end]
}

// match compares with a path relative to the ignore file's folder, slashes between.
func (p pattern) match(rel string, isDir bool) bool {
	if p.dirOnly && !isDir {
		return false
	}
	if !p.anchored {
		rel = rel[strings.LastIndexByte(rel, '/')+1:]
	}
	if p.re == nil {
		return rel == p.literal
	}
	return p.re.MatchString(latin1(rel))
}

// latin1 makes each byte a rune of its own.
func latin1(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}
