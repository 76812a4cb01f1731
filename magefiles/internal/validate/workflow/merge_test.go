package workflow

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"golang.org/x/tools/txtar"
	"gopkg.in/yaml.v3"
)

// TestRenderedPlaces runs actionlint on workflows without merges, as written and as rendered. The findings and their places must be the
// same.
func TestRenderedPlaces(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("../checks/testdata/workflows/*/*.txtar")
	if err != nil || len(archives) < 10 {
		t.Fatalf("%d archives: %v", len(archives), err)
	}
	seen := 0
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range archive.Files {
			f := &file{Options: Options{Forgejo: true}, text: string(a.Data), lines: strings.Split(string(a.Data), "\n")}
			if strings.Contains(a.Name, "/actions/") || !f.parse() || f.merges || len(f.problems) > 0 {
				continue
			}
			knowForgejo()
			want := findings(f.actionlint([]byte(f.text)))
			seen += len(want)
			if got := findings(f.lintMerged(f.actionlint([]byte(f.text)))); !slices.Equal(got, want) {
				t.Errorf("%s %s: got\n%s\nwant\n%s", name, a.Name, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
	if seen < 50 {
		t.Errorf("actionlint has found only %d", seen)
	}
}

// TestMergesLikeYAML compares with the library's own decoder, which resolves merges as Forgejo's does.
func TestMergesLikeYAML(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n",
		"a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc: {<<: [*a, *b]}\nd: {y: 1, <<: [*b, *a]}\n",
		"a: &a {x: {y: 1}}\nb: &b {<<: *a, z: 2}\nc: {<<: *b, x: 3}\nd: [{<<: *b}, *b]\n",
		"a: {<<: {x: 1}, <: 2, '<<': 3}\n",
		"<<: {x: &x {<<: {y: 1}}}\nz: *x\n",
		"a: {<<: []}\nb: {<<: {}}\n",
	} {
		var want, got any
		wantErr := yaml.Unmarshal([]byte(text), &want)
		f := &file{text: text, lines: strings.Split(text, "\n")}
		if !f.parse() {
			t.Errorf("%s: %v", text, f.problems)
			continue
		}
		if wantErr != nil { // it refuses a merge key next to a quoted one
			continue
		}
		if err := bare(f.root).Decode(&got); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		wantText, _ := yaml.Marshal(want)
		gotText, _ := yaml.Marshal(got)
		if string(gotText) != string(wantText) {
			t.Errorf("%s: got\n%s\nwant\n%s", text, gotText, wantText)
		}
	}
}

func findings(errs []*actionlint.Error) (lines []string) {
	for _, e := range errs {
		lines = append(lines, fmt.Sprintf("%d:%d %s", e.Line, e.Column, e.Message))
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}
