// Package reference finds the references to secrets (op://…, env://…, file://…) in a repository's settings and code.
//
// It skips prose, where references are mostly examples: Markdown, comments, tests. It also skips references with a part that is filled in
// later: {{ vault }}, $ITEM, <item>.
package reference

import (
	"go/scanner"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Reference is a reference to a secret in a text.
type Reference struct {
	Offset int // in bytes
	Text   string
	Ours   bool // a setting of these targets; other programs read the other references
}

// Find returns the references in a file, in order. name is its path, which tells its kind. Go files directly in magefiles have references
// as string literals; YAML, TOML, JSON and .env files as values, and wherever op:// or env:// occurs; scripts in quotes.
func Find(name, text string) []Reference {
	if !strings.Contains(text, "://") {
		return nil
	}
	switch kind(name, text) {
	case goFile:
		return inGo(text)
	case settings:
		return inLines(text, false)
	case script:
		return inLines(text, true)
	}
	return nil
}

type kindOf int

const (
	other kindOf = iota
	goFile
	settings
	script
)

func kind(name, text string) kindOf {
	dir, base := path.Split(name)
	switch ext := path.Ext(strings.TrimSuffix(base, ".tpl")); {
	case ext == ".go":
		if dir == "magefiles/" && !strings.HasSuffix(base, "_test.go") {
			return goFile
		}
		return other
	case slices.Contains([]string{".yaml", ".yml", ".toml", ".json", ".env"}, ext), strings.HasPrefix(base, ".env"):
		return settings
	case ext == ".sh", ext == ".py", ext == "" && strings.HasPrefix(text, "#!"):
		return script
	}
	return other
}

// inGo finds string literals that are entirely a reference.
func inGo(text string) (found []Reference) {
	var s scanner.Scanner
	files := token.NewFileSet()
	file := files.AddFile("", files.Base(), len(text))
	s.Init(file, []byte(text), func(token.Position, string) {}, 0) // the compiler reports syntax errors
	for {
		pos, kind, literal := s.Scan()
		switch kind {
		case token.EOF:
			return found
		case token.STRING:
			value, err := strconv.Unquote(literal)
			if err == nil && strings.Contains(value, "://") && isScheme(value) && !isTemplate(value) {
				found = append(found, Reference{file.Offset(pos) + 1, value, true})
			}
		}
	}
}

func isScheme(s string) bool { return strings.HasPrefix(s, "op://") || strings.HasPrefix(s, "env://") }

// isTemplate says that a part is filled in later, or that the reference is only a scheme.
func isTemplate(s string) bool {
	return strings.ContainsAny(s, "${}<>*%…") || strings.Contains(s, "...") || strings.HasSuffix(s, "://")
}

// key matches the text before a value in YAML, TOML and .env files; its group is the name. secretName matches names whose value may be
// file://.
var (
	key = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\s*(?:- +)*(?:(?:export +)?["']?([\w.-]+)["']? *[:=])? *$`)
	})
	secretName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^BLUMEOPS_\w*(?:PASSWORD|TOKEN|SECRET|KEY)$`) })
)

// longest is the maximum length of a reference, and of the relevant text before one.
const longest = 1000

// inLines finds text that begins with a scheme.
func inLines(text string, quotedOnly bool) (found []Reference) {
	offset := 0
	for line := range strings.Lines(text) {
		for at := 0; ; {
			next := strings.Index(line[at:], "://")
			if next < 0 {
				break
			}
			start := at + next
			at = start + len("://")
			for start > 0 && at-start < 8 && line[start-1] >= 'a' && line[start-1] <= 'z' {
				start--
			}
			if r, ok := inLine(line[max(0, start-longest):], min(start, longest), quotedOnly); ok {
				r.Offset = offset + start
				found = append(found, r)
				at = start + len(r.Text)
			}
		}
		offset += len(line)
	}
	return found
}

// inLine is the reference that begins at start.
func inLine(line string, start int, quotedOnly bool) (r Reference, ok bool) {
	before, scheme := line[:start], line[start:min(len(line), start+longest)]
	isFile := strings.HasPrefix(scheme, "file://")
	if !isScheme(scheme) && !isFile || start > 0 && isWord(line[start-1]) {
		return r, false
	}
	if strings.HasPrefix(strings.TrimSpace(before), "#") || strings.Contains(before, " #") {
		return r, false // a comment
	}
	quote := ""
	if start > 0 && strings.Contains(`"'`, before[start-1:]) {
		quote = before[start-1:]
	} else if quotedOnly {
		return r, false
	}
	name := key().FindStringSubmatch(strings.TrimSuffix(before, quote))
	if isFile && (name == nil || !secretName().MatchString(name[1])) {
		return r, false // the scheme has other uses
	}
	r.Text = cut(scheme, quote, strings.HasSuffix(strings.TrimRight(before, " "), "{{"), name != nil)
	r.Ours = name != nil && strings.HasPrefix(name[1], "BLUMEOPS_")
	return r, r.Text != "" && !isTemplate(r.Text)
}

// cut ends a value: at its quote, at the end of its template, at the end of the line if the value is the whole line, otherwise at a
// character that no reference contains.
func cut(s, quote string, template, whole bool) string {
	s = strings.TrimRight(s, "\r\n")
	switch {
	case quote != "":
		value, _, closed := strings.Cut(s, quote)
		if !closed {
			return ""
		}
		return value
	case template:
		value, _, _ := strings.Cut(s, "}}")
		return strings.TrimSpace(value)
	case whole:
		value, _, _ := strings.Cut(s, " #")
		return strings.TrimSpace(value)
	}
	if end := strings.IndexAny(s, " \t\"'`|<>;,)]}\\"); end >= 0 {
		s = s[:end]
	}
	return strings.TrimRight(s, ".:!?")
}

func isWord(c byte) bool {
	return c == '_' || c == '-' || c == '+' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
