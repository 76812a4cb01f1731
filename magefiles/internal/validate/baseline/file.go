package baseline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Name is the default file, from the root of the repository.
const Name = ".validate-baseline.json"

// Version is the version of the form that this package reads and writes.
const Version = 1

// MaxSize is the maximum size of the file in bytes: some 150,000 entries.
const MaxSize = 32 << 20

// Baseline is the content of the file.
type Baseline struct {
	Version  int     `json:"version"`
	Findings []Entry `json:"findings"`
}

// Entry is a number of findings of one rule, in lines with the same content of one file.
type Entry struct {
	File    string `json:"file"`
	Rule    string `json:"rule"`    // CHECK/RULE
	Line    string `json:"line"`    // a sum of the content; see keyOf
	Count   int    `json:"count"`   // at least 1
	Message string `json:"message"` // of the first finding, for readers: nothing compares it
}

// key is what must be equal.
type key struct{ file, rule, line string }

func (e Entry) key() key { return key{e.File, e.Rule, e.Line} }

// Error says that a file cannot be used as a baseline.
type Error struct {
	File   string
	Line   int // 0 if the whole file is meant
	Reason string
}

func (e *Error) Error() string {
	place := e.File
	if e.Line > 0 {
		place += fmt.Sprintf(":%d", e.Line)
	}
	return "invalid baseline " + place + ": " + e.Reason
}

// Hint says how to continue.
func (e *Error) Hint() string {
	return "correct the file, restore it from git, or write it again with `validate -baseline=write`"
}

var (
	lineForm = regexp.MustCompile(`^[0-9a-f]{16}$`)
	ruleForm = regexp.MustCompile(`^[^/\s]+/[^/\s]+$`)
)

// Parse reads a file. The errors are of type *Error.
func Parse(name string, text []byte) (*Baseline, error) {
	fail := func(offset int64, format string, args ...any) (*Baseline, error) {
		line := 0
		if offset >= 0 {
			line = 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n"))
		}
		return nil, &Error{File: name, Line: line, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case len(text) > MaxSize:
		return fail(-1, "it has more than %d MiB", MaxSize>>20)
	case !utf8.Valid(text):
		return fail(-1, "it is not UTF-8")
	case bytes.Contains(text, []byte("\n<<<<<<< ")):
		return fail(int64(bytes.Index(text, []byte("\n<<<<<<< ")))+1, "a conflict of git is not resolved")
	}
	var version struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return fail(offset(err), "it is not JSON: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if version.Version == nil || *version.Version != Version {
		return fail(-1, "expected \"version\": %d", Version)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var b Baseline
	if err := decoder.Decode(&b); err != nil {
		return fail(offset(err), "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fail(decoder.InputOffset(), "text follows the end of the JSON")
	}
	seen := map[key]bool{}
	for i, e := range b.Findings {
		switch {
		case !ruleForm.MatchString(e.Rule):
			return fail(-1, "entry %d: the rule is %q, expected CHECK/RULE", i+1, e.Rule)
		case !lineForm.MatchString(e.Line):
			return fail(-1, "entry %d: the line is %q, expected 16 hexadecimal digits", i+1, e.Line)
		case e.Count < 1 || e.Count > 1<<30:
			return fail(-1, "entry %d: the count is %d, expected at least 1", i+1, e.Count)
		case seen[e.key()]:
			return fail(-1, "entry %d: %s of %s occurs twice for the line %s", i+1, e.Rule, e.File, e.Line)
		}
		seen[e.key()] = true
	}
	return &b, nil
}

// offset is the place of an error of encoding/json, -1 if it has none.
func offset(err error) int64 {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return syntax.Offset - 1
	case errors.As(err, &kind):
		return kind.Offset - 1
	}
	return -1
}

// Bytes is the file: one line for each entry, sorted, so that a diff shows what was added and what was removed.
func (b *Baseline) Bytes() []byte {
	list := slices.Clone(b.Findings)
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message), cmp.Compare(a.Line, b.Line))
	})
	var out bytes.Buffer
	fmt.Fprintf(&out, "{\n  \"version\": %d,\n  \"findings\": [", Version)
	for i, e := range list {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n    ")
		out.Write(bytes.TrimSuffix(encode(e), []byte("\n")))
	}
	if len(list) > 0 {
		out.WriteString("\n  ")
	}
	out.WriteString("]\n}\n")
	return out.Bytes()
}

// encode is an entry in one line; < and > stay readable.
func encode(e Entry) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(e) // an Entry has only texts and numbers
	return out.Bytes()
}
