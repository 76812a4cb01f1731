package validate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"
)

// tree makes a tree of files with their texts.
func tree(texts map[string]string) *Tree {
	fsys, names := fstest.MapFS{}, []string{}
	for name, text := range texts {
		fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: fs.FileMode(0o644)}
		names = append(names, name)
	}
	return NewTree(fsys, names)
}

// reporting is a check that reports findings.
func reporting(name string, list ...Finding) Check {
	return Check{Name: name, Rules: []Rule{{ID: "r", What: "Wrong.", Do: "Mend it."}}, Run: func(_ context.Context, in *Input) error {
		for _, f := range list {
			in.Report(f)
		}
		return nil
	}}
}

func failing(name string, run func(context.Context) error) Check {
	return Check{Name: name, Run: func(ctx context.Context, _ *Input) error { return run(ctx) }}
}

func TestNoCheckStopsAnother(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	var done atomic.Int32
	last := failing("last", func(context.Context) error {
		done.Add(1)
		stop(errors.New("enough")) // the blocked check waits for this
		return nil
	})
	report, err := Run(ctx, tree(map[string]string{"a": "", "b": ""}), []Check{
		failing("panics", func(context.Context) error { panic("oh") }),
		failing("nil", func(context.Context) error { var none *Finding; _ = none.Path; return nil }),
		failing("fails", func(context.Context) error { return errors.New("no schema") }),
		failing("blocks", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }),
		reporting("finds", Finding{Path: "a", Rule: "r", Message: "bad"}),
		last,
	}, Options{})
	if err == nil || err.Error() != "enough" || done.Load() != 1 {
		t.Errorf("error %v, want the cause; the last ran %d times", err, done.Load())
	}
	want := []Finding{{Path: "a", Message: "bad", Check: "finds", Rule: "r", Do: "Mend it."}}
	if !slices.Equal(report.Findings, want) {
		t.Errorf("got %+v, want %+v", report.Findings, want)
	}
	said := map[string]string{"panics": "panic: oh", "nil": "panic: runtime error: invalid memory address", "fails": "no schema", "blocks": "context canceled"}
	for _, f := range report.Failures {
		if !strings.HasPrefix(f.Error, said[f.Check]) || said[f.Check] == "" || strings.HasPrefix(f.Error, "panic") != (f.Stack != "") {
			t.Errorf("%s: %q, want %q; stack of %d bytes", f.Check, f.Error, said[f.Check], len(f.Stack))
		}
		delete(said, f.Check)
	}
	if len(said) != 0 || report.Files != 2 || len(report.Checks) != 6 || report.Took <= 0 {
		t.Errorf("no failure of %v; report %+v", said, report)
	}
}

// TestBlocked runs a check that blocks and that reads its context only through Each.
func TestBlocked(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	items := make([]int, 10_000)
	report, err := Run(ctx, tree(nil), []Check{failing("slow", func(ctx context.Context) error {
		return Each(ctx, items, func(int) error { time.Sleep(time.Millisecond); return nil })
	})}, Options{})
	if !errors.Is(err, context.DeadlineExceeded) || len(report.Failures) != 1 {
		t.Errorf("got %v, %+v", err, report.Failures)
	}
}

func TestFindingsInOrder(t *testing.T) {
	t.Parallel()
	at := func(path string, line, column int, message string) Finding {
		return Finding{Path: path, Line: line, Column: column, Rule: "r", Message: message}
	}
	report, err := Run(t.Context(), tree(nil), []Check{
		reporting("z", at("b", 1, 1, "1"), at("a", 10, 1, "2"), at("a", 9, 2, "3"), at("a", 9, 2, "3")),
		reporting("y", at("a", 9, 1, "4"), at("a", 9, 2, "3"), at("a", 0, 0, "5"), Finding{About: "host", Rule: "r", Message: "6"}, Finding{Path: "a", Rule: "other", Do: "Say so.", Message: "7"}),
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range report.Findings {
		got = append(got, f.String()+" "+f.Do)
	}
	want := []string{
		"host: 6 [y/r] Mend it.", "a: 7 [y/other] Say so.", "a: 5 [y/r] Mend it.", "a:9:1: 4 [y/r] Mend it.", "a:9:2: 3 [y/r] Mend it.",
		"a:9:2: 3 [z/r] Mend it.", "a:10:1: 2 [z/r] Mend it.", "b:1:1: 1 [z/r] Mend it.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestNothingFound checks that an empty report has empty lists, not null, in JSON.
func TestNothingFound(t *testing.T) {
	t.Parallel()
	report, err := Run(t.Context(), tree(nil), []Check{reporting("c")}, Options{})
	text, failed := json.Marshal(report)
	if err != nil || failed != nil || string(text) != `{"findings":[],"failures":[],"checks":["c"],"files":0}` {
		t.Errorf("got %s, %v, %v", text, err, failed)
	}
}

func TestNarrowed(t *testing.T) {
	t.Parallel()
	type key struct{}
	whole := tree(map[string]string{"docs/a.md": "A", "docs/b.md": "B", "c": "C"})
	look := func(name string, narrow bool) Check {
		return Check{Name: name, Narrow: narrow, Run: func(_ context.Context, in *Input) error {
			shared := Shared(in.Tree, key{}, func(t *Tree) []string { return t.Files(".") })
			text, ok := in.Text("c")
			in.Report(Finding{Message: fmt.Sprint(in.Files("."), in.Files("docs", ".md"), shared, in.Has("c"), " ", text, " ", ok)})
			return nil
		}}
	}
	for want, changed := range map[string][]string{
		"[docs/b.md] [docs/b.md] [c docs/a.md docs/b.md] true C true":                       {"docs/b.md", "gone"},
		"[] [] [c docs/a.md docs/b.md] true C true":                                         {},
		"[c docs/a.md docs/b.md] [docs/a.md docs/b.md] [c docs/a.md docs/b.md] true C true": nil,
	} {
		report, err := Run(t.Context(), whole, []Check{look("narrow", true)}, Options{Changed: changed})
		if err != nil || len(report.Findings) != 1 || report.Findings[0].Message != want || report.Files != 3 {
			t.Errorf("changed %v: %+v, %v; want %s", changed, report.Findings, err, want)
		}
	}
	report, err := Run(t.Context(), whole, []Check{look("all", false)}, Options{Changed: []string{"c"}})
	if err != nil || !strings.HasPrefix(report.Findings[0].Message, "[c docs/a.md docs/b.md]") {
		t.Errorf("a check that cannot be narrowed saw %+v, %v", report.Findings, err)
	}
}

func TestEach(t *testing.T) {
	t.Parallel()
	var done atomic.Int32
	err := Each(t.Context(), []string{"b", "a", "c", "d"}, func(item string) error {
		done.Add(1)
		switch item {
		case "a":
			panic("oh")
		case "b":
			return errors.New("b: bad")
		}
		return nil
	})
	if done.Load() != 4 || err == nil || !strings.HasPrefix(err.Error(), "a: panic: oh\n") || !strings.HasSuffix(err.Error(), "\nb: bad") {
		t.Errorf("%d items, error %v", done.Load(), err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := Each(ctx, []int{1}, func(int) error { return errors.New("ran") }); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "ran") {
		t.Errorf("after the end of its context: %v", err)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	all := []Check{{Name: "files"}, {Name: "links"}, {Name: "pins"}}
	for list, want := range map[string]string{
		"": "files links pins", " ": "files links pins", "pins": "pins", "pins, files": "files pins", "pins,pins": "pins",
	} {
		got, err := Choose(all, list)
		var names []string
		for _, c := range got {
			names = append(names, c.Name)
		}
		if err != nil || strings.Join(names, " ") != want {
			t.Errorf("%q: %v, %v; want %s", list, names, err, want)
		}
	}
	for _, list := range []string{"link", "links,", ",", "Links", "links pins"} {
		if got, err := Choose(all, list); err == nil || got != nil || !strings.Contains(err.Error(), "files, links, pins") {
			t.Errorf("%q: %v, %v; want the names that there are", list, got, err)
		}
	}
	if all[0].Name != "files" || all[1].Name != "links" {
		t.Errorf("the list was changed: %v", all)
	}
}
