package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

var update = flag.Bool("update", false, "write the golden files")

// known are the existing checks for odd.
var known = []validate.Check{
	{Name: "links", Covers: "Pages: links.", Rules: []validate.Rule{
		{ID: "missing", What: "A link `[[name]]` leads to [no](page) | or <b>.", Do: "Write the page, or correct the name."},
	}, Narrow: false},
	{Name: "drift", Covers: "Images, with `a|b` in *code*.", Rules: []validate.Rule{{ID: "gone", What: "No registry holds an image.", Do: "Publish it."}}, Narrow: true},
}

// odd is a report with every possible content.
func odd() *validate.Report {
	const do = "Write the page, or correct the name."
	link := func(path string, at, column int, message string) validate.Finding {
		return validate.Finding{Path: path, Line: at, Column: column, Message: message, Check: "links", Rule: "missing", Do: do}
	}
	return &validate.Report{
		Findings: []validate.Finding{
			{About: "registry.example", Message: `holds no image "a:v1"`, Check: "drift", Rule: "gone", Do: "Publish it."},
			{Message: "of nothing in particular", Check: "drift", Rule: "gone"},
			link("docs/a.md", 0, 0, "no column, no line"),
			link("docs/a.md", 3, 0, "no column"),
			link("docs/a.md", 3, 7, `[text](target) in ${{ braces }}, 100%`),
			{Path: "docs/a.md", Line: 9, Column: 2, Message: "does otherwise", Check: "links", Rule: "missing", Do: "Do something else."},
			link("docs/a.md", 10, 1, "the same twice"),
			link("docs/a.md", 11, 1, "the same twice"),
			link("docs/b c,d:e%.md", 1, 1, "a path with spaces and all that separates"),
			link("docs/évidence/日本 語.md", 2, 5, "Ünïcödé"),
			link("docs/z\n::error::x.md", 1, 1, "\n::stop-commands::x\r\x1b[31mred\u0085\xff"),
			{Path: "x", Line: 1, Message: "of an unknown rule", Check: "other", Rule: "new", Do: "::add-mask::x"},
		},
		Failures: []validate.Failure{
			{Check: "links", Error: "panic: index out of range", Stack: "goroutine 7 [running]:\nmain.f(0x1)\n\t/src/f.go:3 +0x1\n"},
			{Check: "manifests", Error: "no schemas of v9.99"},
			{Check: "markdown", Error: "docs/a.md: panic: boom\ngoroutine 8 [running]:\nmain.g()\n\t/src/g.go:4 +0x2\n\ndocs/b.md: cannot be looked at"},
			{Check: "empty", Error: ""},
		},
		Checks: []string{"drift", "links", "manifests", "markdown", "empty", "other"}, Files: 431, Took: 213 * time.Millisecond,
	}
}

// compared is a report that was compared with a baseline.
func compared() *validate.Report {
	finding := func(path string, at int, state string, more int) validate.Finding {
		return validate.Finding{Path: path, Line: at, Message: "m", Check: "links", Rule: "missing", Do: "Do it.", Baseline: state, More: more}
	}
	return &validate.Report{
		Findings: []validate.Finding{finding("a.md", 1, validate.Unchanged, 0), finding("a.md", 2, validate.New, 0), finding("a.md", 3, validate.Unchanged, 7)},
		Checks:   []string{"links"}, Files: 3, Took: time.Millisecond, Baseline: "baseline.json",
		Fixed: []validate.Fixed{{Path: "b.md", Check: "links", Rule: "missing", Message: "[was](wrong)", Count: 2}, {Path: "c.md", Check: "other", Rule: "gone", Message: "x", Count: 1}},
	}
}

// TestBaselineSummary has the lines for people about a baseline.
func TestBaselineSummary(t *testing.T) {
	t.Parallel()
	r := compared()
	got := Summary(r) + "\n" + strings.Join(Advice(r), "\n")
	want := `1 new finding in 1 file (links 1); 8 in the baseline baseline.json, and 3 fixed; 1 check over 3 files in 0.00 s
fixed: b.md: [was](wrong) [links/missing], 2 of them
fixed: c.md: x [other/gone]
The baseline still has the fixed findings; ` + "`validate -baseline=write` removes them."
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.Findings, r.Fixed = r.Findings[:1], nil
	if got, want := Summary(r), "no new findings; 1 in the baseline baseline.json; 1 check over 3 files in 0.00 s"; got != want || Advice(r) != nil {
		t.Errorf("got %s, want %s", got, want)
	}
	for i := range 30 {
		r.Fixed = append(r.Fixed, validate.Fixed{Path: fmt.Sprint(i), Count: 1})
	}
	if got := Advice(r); len(got) != maxFixed+2 || got[maxFixed] != "and 20 more" {
		t.Errorf("%q", got)
	}
}

// TestGolden compares every format with the file of its name.
func TestGolden(t *testing.T) {
	t.Parallel()
	o := Writer{Checks: known, Page: "https://docs.example/reference/checks"}
	loud := o
	loud.Verbose = true
	empty := &validate.Report{Checks: []string{"links"}, Files: 1}
	for name, tt := range map[string]struct {
		o      Writer
		format string
		r      *validate.Report
	}{
		"text": {o, "text", odd()}, "verbose": {loud, "text", odd()}, "json": {o, "json", odd()}, "sarif": {o, "sarif", odd()}, "github": {o, "github", odd()},
		"baseline-text": {o, "text", compared()}, "baseline-json": {o, "json", compared()}, "baseline-sarif": {o, "sarif", compared()}, "baseline-github": {o, "github", compared()},
		"empty-text": {o, "text", empty}, "empty-json": {o, "json", empty}, "empty-sarif": {Writer{}, "sarif", empty}, "empty-github": {o, "github", empty},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := tt.o.Write(&b, tt.format, tt.r); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || got != string(want) {
		t.Errorf("%s: %v; got\n%s\nwant\n%s", file, err, got, want)
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	r := &validate.Report{Advice: []string{"Do this."}}
	for i, rule := range []string{"a", "b", "c", "d", "a", "a", "b", "c", "c"} {
		r.Findings = append(r.Findings, validate.Finding{Path: "x", Line: i, Check: "links", Rule: rule})
	}
	if got := Advice(r); got != nil {
		t.Errorf("of nine findings: %q", got)
	}
	r.Findings = append(r.Findings, validate.Finding{Path: "x", Check: "links", Rule: "d", More: 7})
	if got, want := strings.Join(Advice(r), "\n"), "Rules with most findings: links/d 8, links/a 3, links/c 3.\nDo this."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	one := validate.Finding{Path: "a", Check: "links"}
	about := validate.Finding{About: "a host", Check: "drift"}
	failed := []validate.Failure{{Check: "manifests"}}
	for want, r := range map[string]*validate.Report{
		"no findings: 2 checks over 1 file in 0.21 s":                                                 {Files: 1},
		"1 finding in 1 file (links 1); 2 checks over 9 files in 0.21 s":                              {Files: 9, Findings: []validate.Finding{one}},
		"4 findings in 1 file (links 3, drift 1); 2 checks over 9 files in 0.21 s":                    {Files: 9, Findings: []validate.Finding{about, one, one, one}},
		"1 finding (drift 1); 1 check could not run (manifests); 2 checks over 0 files in 0.21 s":     {Findings: []validate.Finding{about}, Failures: failed},
		"no findings; 1 check could not run (manifests); 2 checks over 0 files in 0.21 s":             {Failures: failed},
		"2 findings in 1 file (drift 1, links 1); 2 checks over 0 files in 0.21 s":                    {Findings: []validate.Finding{one, about}},
		"no findings; 2 checks could not run (manifests, manifests); 2 checks over 0 files in 0.21 s": {Failures: append(failed, failed...)},
	} {
		r.Checks, r.Took = []string{"links", "drift"}, 213*time.Millisecond
		if got := Summary(r); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// No format shows a text differently from its bytes: characters that change its direction, split words invisibly or control a terminal are
// escaped or replaced.
func TestHiddenCharacters(t *testing.T) {
	t.Parallel()
	const hidden = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\u2028\u2029\u0085\u009b\ufeff\x1b\x7f"
	for i, r := range hidden {
		mark := fmt.Sprintf("a%cb##[x]", r)
		f := validate.Finding{Path: "docs/" + mark, Message: mark, Do: mark, Check: "c", Rule: "r"}
		about := validate.Finding{About: mark, Message: mark, Check: "c", Rule: "r"}
		whole := &validate.Report{Findings: []validate.Finding{f, about}, Failures: []validate.Failure{{Check: "c", Error: mark, Stack: mark}}}
		for _, format := range Formats {
			var b bytes.Buffer
			if err := (Writer{Verbose: true}).Write(&b, format, whole); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsRune(b.String(), r) {
				t.Errorf("%s: character %d, %U, survives in\n%s", format, i, r, b.String())
			}
			if (format == "json" || format == "sarif") && strings.Contains(b.String(), "##[") {
				t.Errorf("%s holds the beginning of a command:\n%s", format, b.String())
			}
		}
		var b bytes.Buffer
		var back struct{ Findings []validate.Finding }
		if err := (Writer{}).Write(&b, "json", whole); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || back.Findings[0].Message != mark {
			t.Errorf("JSON gives %q back, want %q, %v", back.Findings[0].Message, mark, err)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	err := Writer{Checks: known}.Write(&b, "xml", odd())
	if err == nil || err.Error() != "-format=xml: expected one of text, json, sarif, github" || b.Len() > 0 {
		t.Errorf("%v, %q", err, b.String())
	}
}

// full fails every write.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteError(t *testing.T) {
	t.Parallel()
	for _, format := range Formats {
		if err := (Writer{Checks: known}).Write(full{}, format, odd()); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// TestSarifSchema validates the output against the schema of SARIF 2.1.0.
func TestSarifSchema(t *testing.T) {
	t.Parallel()
	for _, r := range []*validate.Report{odd(), compared(), {}} {
		var b bytes.Buffer
		if err := (Writer{Checks: known}).Write(&b, "sarif", r); err != nil {
			t.Fatal(err)
		}
		// Strictly: null in the file is nil here.
		log, err := sarif.FromBytes(b.Bytes(), sarif.WithStrictValidation())
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// TestSarifMeans reads SARIF as a program would.
func TestSarifMeans(t *testing.T) {
	t.Parallel()
	prints := func(r *validate.Report) (list []string) {
		var b bytes.Buffer
		if err := (Writer{Checks: known}).Write(&b, "sarif", r); err != nil {
			t.Fatal(err)
		}
		log, err := sarif.FromBytes(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for i, result := range log.Runs[0].Results {
			if rules := log.Runs[0].Tool.Driver.Rules; result.RuleIndex >= 0 && *rules[result.RuleIndex].ID != *result.RuleID {
				t.Errorf("finding %d: rule %d is not %s", i, result.RuleIndex, *result.RuleID)
			}
			list = append(list, result.PartialFingerprints[fingerprint])
		}
		return list
	}
	r := odd()
	before := prints(r)
	for i := range r.Findings {
		r.Findings[i].Line += 10
	}
	if after := prints(r); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Error("fingerprints follow the line")
	}
	seen := map[string]bool{}
	for i, p := range before {
		if seen[p] {
			t.Errorf("finding %d has the fingerprint of another", i)
		}
		seen[p] = true
	}
}

// TestLeftOut checks that every format reports how many findings were left out, and that the summary counts them.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	r := &validate.Report{Findings: []validate.Finding{
		{Path: "a.md", Line: 3, Message: "m", Check: "links", Rule: "missing"},
		{Path: "a.md", Line: 3, Message: "and 1999898 more of this rule, which are not shown", More: 1999898, Check: "links", Rule: "missing"},
	}}
	for _, format := range Formats {
		var b bytes.Buffer
		if err := (Writer{Checks: known}).Write(&b, format, r); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "and 1999898 more of this rule") {
			t.Errorf("%s does not say it:\n%s", format, b.String())
		}
	}
	if got := Summary(r); !strings.HasPrefix(got, "1999899 findings in 1 file (links 1999899)") {
		t.Errorf("%s", got)
	}
}

// TestLong checks that the text of many findings has the correction once for each rule and file.
func TestLong(t *testing.T) {
	t.Parallel()
	r := &validate.Report{}
	for i := range 500 {
		r.Findings = append(r.Findings, validate.Finding{Path: fmt.Sprintf("docs/%03d.md", i/10), Line: i, Message: "m", Check: "links", Rule: "missing", Do: "Do it."})
	}
	if n := strings.Count(text(r, false), "Do it."); n != 50 {
		t.Errorf("what to do is said %d times", n)
	}
}

// FuzzGitHub checks that each finding is one line with exactly one command, and that the file and the message can be read back from it.
func FuzzGitHub(f *testing.F) {
	f.Add("docs/a.md", "no page", "Write it.")
	f.Add("a\n::error::b", "%0A::warning file=x::y", "\r\n::stop-commands::t")
	f.Add("a,line=9", "::", "##[error]x")
	f.Fuzz(func(t *testing.T, path, said, do string) {
		out := github(&validate.Report{
			Findings: []validate.Finding{{Path: path, Line: 1, Message: said, Do: do, Check: "c", Rule: "r"}},
			Failures: []validate.Failure{{Check: "c", Error: said, Stack: do}},
		})
		lines := strings.Split(out, "\n")
		if len(lines) != 3 || lines[2] != "" || strings.ContainsAny(out, "\r\x1b\x00") {
			t.Fatalf("%q", out)
		}
		properties, data, ok := strings.Cut(strings.TrimPrefix(lines[0], "::error "), "::")
		if !ok || !strings.HasPrefix(lines[1], "::error title=check c::could not run: ") {
			t.Fatalf("%q", out)
		}
		want := "line=1,title=c/r"
		if path != "" {
			want = "file=" + line(path) + "," + want
		}
		var got []string
		for p := range strings.SplitSeq(properties, ",") {
			got = append(got, unescape.Replace(p))
		}
		if path != "" && strings.Join(got, ",") != want || len(got) > 3 {
			t.Fatalf("%q, want %q", got, want)
		}
		if message, _, _ := strings.Cut(unescape.Replace(data), "\n"); said != "" && message != line(said) {
			t.Fatalf("%q, want %q", message, said)
		}
	})
}

// unescape decodes a command as a runner does, in the same order.
var unescape = strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",")

// FuzzURI checks that a path can be read back from its URI, which has no other part.
func FuzzURI(f *testing.F) {
	f.Add("docs/a b.md")
	f.Add("a:b/c?d#e%20")
	f.Add("日本\xff/..//")
	f.Fuzz(func(t *testing.T, path string) {
		if strings.HasPrefix(path, "/") { // no path in a repository does
			return
		}
		u, err := url.Parse(uri(path))
		if err != nil {
			t.Fatal(err)
		}
		if u.Path != path || u.Scheme+u.Host+u.RawQuery+u.Fragment != "" {
			t.Fatalf("%q became %q", path, u)
		}
	})
}

// FuzzJSON checks that the formats for programs are valid JSON for any finding.
func FuzzJSON(f *testing.F) {
	f.Add("docs/a.md", "no page", "goroutine 1 [running]:\n\n\nx")
	f.Fuzz(func(t *testing.T, path, said, failed string) {
		r := &validate.Report{Findings: []validate.Finding{{Path: path, About: said, Message: said}}, Failures: []validate.Failure{{Error: failed, Stack: said}}}
		for _, format := range []string{"json", "sarif"} {
			var b bytes.Buffer
			if err := (Writer{}).Write(&b, format, r); err != nil || !json.Valid(b.Bytes()) {
				t.Fatalf("%s: %v\n%s", format, err, b.Bytes())
			}
		}
		if out := text(r, true); strings.ContainsAny(out, "\r\x1b\x00") {
			t.Fatalf("%q", out)
		}
	})
}
