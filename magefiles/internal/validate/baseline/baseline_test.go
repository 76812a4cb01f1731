package baseline

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// words is a check with a finding for each line that contains the word of the check, and one for each file without such a line that is named
// missing-WORD.
func words(word string, narrow bool) validate.Check {
	return validate.Check{Name: word, Narrow: narrow, Rules: []validate.Rule{{ID: "word", Do: "Remove it."}}, Run: func(_ context.Context, in *validate.Input) error {
		for _, name := range in.Files(".") {
			text, _ := in.Text(name)
			if strings.Contains(name, "missing-"+word) {
				in.Report(validate.Finding{Path: name, Rule: "word", Message: fmt.Sprintf("%s is missing in %d lines", word, strings.Count(text, "\n"))})
			}
			for i, line := range strings.Split(text, "\n") {
				if strings.Contains(line, word) {
					in.Report(validate.Finding{Path: name, Line: i + 1, Column: strings.Index(line, word) + 1, Rule: "word", Message: "has " + word})
				}
			}
		}
		return nil
	}}
}

type options struct {
	only    string
	changed []string
}

// run compares files with a baseline; nil is none.
func run(t *testing.T, files map[string]string, b *Baseline, o options) (*validate.Report, Scope) {
	t.Helper()
	fsys, names := fstest.MapFS{}, []string{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
		names = append(names, name)
	}
	tree := validate.NewTree(fsys, names)
	all := []validate.Check{words("bad", true), words("odd", false)}
	chosen, err := validate.Choose(all, o.only)
	if err != nil {
		t.Fatal(err)
	}
	r, err := validate.Run(t.Context(), tree, chosen, validate.Options{Changed: o.changed, Limit: Limit})
	if err != nil {
		t.Fatal(err)
	}
	s := Scope{Checks: r.Checks, Changed: o.changed, Narrow: map[string]bool{"bad": o.changed != nil}, Exists: tree.Has, Text: tree.Text}
	if b != nil {
		b.Apply(Name, r, s)
	}
	return r, s
}

// accepted is the baseline of files, after it was written and read.
func accepted(t *testing.T, files map[string]string) *Baseline {
	t.Helper()
	r, s := run(t, files, nil, options{})
	text := Of(r, nil, s).Bytes()
	b, err := Parse(Name, text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if again := b.Bytes(); !bytes.Equal(again, text) {
		t.Fatalf("written again, it differs:\n%s\n%s", text, again)
	}
	return b
}

func describe(r *validate.Report) string {
	var parts []string
	for _, f := range r.New() {
		parts = append(parts, fmt.Sprintf("new %s:%d", f.Path, f.Line))
	}
	for _, f := range r.Fixed {
		parts = append(parts, fmt.Sprintf("fixed %s %d", f.Path, f.Count))
	}
	return strings.Join(parts, ", ")
}

func TestApply(t *testing.T) {
	t.Parallel()
	before := map[string]string{"a": "one\n  a bad line\ntwo\na bad line\n", "b": "x odd\n\n-bad\n\ny\n", "missing-bad": "1\n2\n"}
	for name, c := range map[string]struct {
		edit map[string]string // "gone" removes a file
		o    options
		want string
	}{
		"the same":           {nil, options{}, ""},
		"moved lines":        {map[string]string{"a": "one\n\n\na bad line\nnew text\n\n    a  bad line\n"}, options{}, ""},
		"one more":           {map[string]string{"a": "a bad line\na bad line\na bad line\n"}, options{}, "new a:3"},
		"one less":           {map[string]string{"a": "a bad line\n"}, options{}, "fixed a 1"},
		"a changed line":     {map[string]string{"a": "a bad line\na bad word\n"}, options{}, "new a:2, fixed a 1"},
		"a new file":         {map[string]string{"c": "a bad line\n"}, options{}, "new c:1"},
		"a renamed file":     {map[string]string{"a": "gone", "new/a": "a bad line\nanother bad\na bad line\n"}, options{}, "new new/a:2"},
		"into a known file":  {map[string]string{"a": "gone", "b": "x odd\n\n-bad\n\ny\na bad line\n"}, options{}, "new b:6, fixed a 2"},
		"a removed file":     {map[string]string{"a": "gone"}, options{}, "fixed a 2"},
		"numbers in a text":  {map[string]string{"missing-bad": "1\n"}, options{}, ""},
		"a short line":       {map[string]string{"b": "x odd\n\n\n-bad\ny\n"}, options{}, ""},
		"other neighbours":   {map[string]string{"b": "x odd\nz\n\n -d\n-bad\ny\n"}, options{}, ""}, // -bad has three letters
		"other checks":       {map[string]string{"a": "gone", "b": "odd!\n"}, options{only: "odd"}, "new b:1, fixed b 1"},
		"changed files":      {map[string]string{"a": "bad!\n", "b": "-bad\n"}, options{changed: []string{"a"}}, "new a:1, fixed a 2, fixed b 1"},
		"no changed file":    {map[string]string{"a": ""}, options{changed: []string{}}, ""},
		"a changed, renamed": {map[string]string{"a": "gone", "c": "a bad line\n"}, options{changed: []string{"a", "c"}}, "fixed a 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := map[string]string{}
			for name, text := range before {
				after[name] = text
			}
			for name, text := range c.edit {
				if after[name] = text; text == "gone" {
					delete(after, name)
				}
			}
			r, s := run(t, after, accepted(t, before), c.o)
			if got := describe(r); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			for _, f := range r.Findings {
				if f.Baseline == "" {
					t.Errorf("%s has no state", f)
				}
			}
			if c.o.changed != nil {
				return
			}
			// Once written, the findings are neither new nor fixed.
			all, _ := run(t, after, nil, c.o)
			r, _ = run(t, after, Of(all, accepted(t, before), s), c.o)
			if got := describe(r); got != "" {
				t.Errorf("after -baseline=write: %s", got)
			}
		})
	}
}

// TestShortLines: the neighbours of a line with little text tell it apart.
func TestShortLines(t *testing.T) {
	t.Parallel()
	lines := []string{"a word", "", "}", "", "another", "}", "", "a word", "", "}", "another"}
	r := &reader{name: "x", lines: lines}
	key := func(line int) key { return r.keyOf(validate.Finding{Path: "x", Line: line}) }
	if key(3) == key(6) || key(3) != key(10) || key(1) != key(8) {
		t.Error(key(3), key(6), key(10))
	}
}

// TestOnlyKeepsTheOthers: -only with -baseline=write leaves the entries of the other checks.
func TestOnlyKeepsTheOthers(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a": "bad\n", "b": "odd\n"}
	old := accepted(t, files)
	files["b"] = "fine\n"
	r, s := run(t, files, nil, options{only: "odd"})
	r, _ = run(t, map[string]string{"a": "bad\n", "b": "fine\n"}, Of(r, old, s), options{})
	if got := describe(r); got != "" {
		t.Error(got)
	}
}

// TestRemovedCheck: the entries of a check that no longer exists are reported, and -baseline=write removes them.
func TestRemovedCheck(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a": "bad\n", "b": "odd\n"}
	old := accepted(t, files)
	for i := range old.Findings {
		if e := &old.Findings[i]; strings.HasPrefix(e.Rule, "odd/") {
			e.Rule = "removed/rule"
		}
	}
	files["b"] = "fine\n"
	for name, c := range map[string]struct {
		o     options
		known bool
		want  string
	}{
		"all checks":          {options{}, true, "fixed b 1"},
		"some checks":         {options{only: "bad"}, false, ""},
		"this file changed":   {options{changed: []string{"b"}}, true, "fixed b 1"},
		"other files changed": {options{changed: []string{"a"}}, true, ""},
	} {
		r, s := run(t, files, nil, c.o)
		if c.known {
			s.Known = []string{"bad", "odd"}
		}
		r.Fixed = nil
		old.Apply(Name, r, s)
		if got := describe(r); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		kept := slices.ContainsFunc(Of(r, old, s).Findings, func(e Entry) bool { return e.Rule == "removed/rule" })
		if kept != (c.want == "") {
			t.Errorf("%s: written again, the entry is kept: %v", name, kept)
		}
	}
}

// TestMany: a rule may have more findings in one file than a run keeps.
func TestMany(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range Limit + 50 {
		fmt.Fprintf(&text, "bad %d\n", i)
	}
	files := map[string]string{"a": text.String()}
	b := accepted(t, files)
	if r, _ := run(t, files, b, options{}); describe(r) != "" || r.Known() != Limit+50 {
		t.Errorf("%d known, %.200s", r.Known(), describe(r))
	}
	files["a"] = strings.ReplaceAll(files["a"], "bad", "a bad")
	r, _ := run(t, files, b, options{})
	more := r.New()[len(r.New())-1]
	if n := len(r.New()); n != validate.MaxFindings+1 || more.More != Limit-validate.MaxFindings || len(r.Fixed) != Limit {
		t.Errorf("%d new, %+v, %d fixed", n, more, len(r.Fixed))
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	entry := `{"file": "a", "rule": "c/r", "line": "0123456789abcdef", "count": 1, "message": "m"}`
	for text, want := range map[string]string{
		``:                               "f: it is not JSON: unexpected end of JSON input",
		`{"version": 1,` + "\n" + `x`:    "f:2: it is not JSON: invalid character 'x' looking for beginning of object key string",
		`[]`:                             "f:1: it is not JSON: cannot unmarshal array into Go value",
		`{}`:                             `f: expected "version": 1`,
		`{"version": 2, "more": true}`:   `f: expected "version": 1`,
		`{"version": 1, "extra": true}`:  `f: unknown field "extra"`,
		`{"version": 1} x`:               "f:1: it is not JSON",
		"{\"version\": 1}\n<<<<<<< HEAD": "f:2: a conflict of git is not resolved",
		"\xff":                           "f: it is not UTF-8",
		`{"version": 1, "findings": [` + entry + `,` + entry + `]}`:                                    "f: entry 2: c/r of a occurs twice",
		`{"version": 1, "findings": [` + strings.Replace(entry, `1,`, `0,`, 1) + `]}`:                  "f: entry 1: the count is 0",
		`{"version": 1, "findings": [` + strings.Replace(entry, `c/r`, `cr`, 1) + `]}`:                 `f: entry 1: the rule is "cr"`,
		`{"version": 1, "findings": [` + strings.Replace(entry, `0123`, `XYZ0`, 1) + `]}`:              "f: entry 1: the line is",
		`{"version": 1, "findings": [` + strings.Replace(entry, `"count": 1`, `"count": ""`, 1) + `]}`: "f:1: ",
	} {
		_, err := Parse("f", []byte(text))
		var failed *Error
		if err == nil || !strings.HasPrefix(err.Error(), "invalid baseline "+want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		} else if failed, _ = err.(*Error); failed == nil || failed.Hint() == "" {
			t.Errorf("%s: %T", text, err)
		}
	}
	if b, err := Parse("f", []byte(`{"version": 1, "findings": [`+entry+`]}`)); err != nil || len(b.Findings) != 1 {
		t.Error(b, err)
	}
}

// TestBytes is the form of the file. Content of lines is not in it: a line may have a credential.
func TestBytes(t *testing.T) {
	t.Parallel()
	got := string(accepted(t, map[string]string{"b & c": "the bad <line>\n", "a": "bad canary\n\nbad canary\nodd\n"}).Bytes())
	want := `{
  "version": 1,
  "findings": [
    {"file":"a","rule":"bad/word","line":"513060703763c71c","count":2,"message":"has bad"},
    {"file":"a","rule":"odd/word","line":"90de51445808f2f0","count":1,"message":"has odd"},
    {"file":"b & c","rule":"bad/word","line":"045671d8da39fec5","count":1,"message":"has bad"}
  ]
}
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := string((&Baseline{}).Bytes()); got != "{\n  \"version\": 1,\n  \"findings\": []\n}\n" {
		t.Error(got)
	}
}

// FuzzParse: what Parse accepts, Bytes writes so that Parse reads the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"version": 1, "findings": [{"file": "a\u0000", "rule": "c/r", "line": "0123456789abcdef", "count": 7, "message": "<\"é\ud800>"}]}`))
	f.Add([]byte(`{"version": 1, "findings": null}`))
	f.Add([]byte(`{"version": 1, "findings": [{}], "x": 1}`))
	f.Add([]byte(`{"VERSION": 1, "version": null}`))
	f.Add([]byte(`{"version": 1e0}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := Parse("f", text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
			return
		}
		once := b.Bytes()
		again, err := Parse("f", once)
		if err != nil || !bytes.Equal(again.Bytes(), once) || len(again.Findings) != len(b.Findings) {
			t.Errorf("%v of\n%s", err, once)
		}
	})
}

// FuzzApply: any text has only findings of the baseline that was made of it.
func FuzzApply(f *testing.F) {
	f.Add("a bad line\n\nbad\r\n odd\n", 3)
	f.Add("\n\n\nbad", 0)
	f.Add("bad\xff\x00 odd", 1)
	f.Fuzz(func(t *testing.T, text string, blank int) {
		b := accepted(t, map[string]string{"a": text})
		moved := strings.Repeat("\n", max(0, min(blank, 50))) + text
		for _, file := range []map[string]string{{"a": text}, {"a": moved}, {"renamed": text}} {
			r, _ := run(t, file, b, options{})
			if describe(r) != "" {
				t.Errorf("%q: %s", file, describe(r))
			}
		}
	})
}
