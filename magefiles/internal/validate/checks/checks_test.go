package checks

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

var update = flag.Bool("update", false, "write the .out files of testdata")

// site is the site of all cases.
var site = validate.Site{
	Docs: "docs", Keys: []string{"title", "tags", "modified"}, Manifests: "argocd", Images: "registry.example/site", ForgeURLs: []string{"https://forge.example/owner/site"},
	Branches: func() (map[string]bool, bool, error) {
		return map[string]bool{"main": true, "release/1": true}, true, nil
	},
	Tags: func() (map[string]bool, error) { return map[string]bool{"stable": true}, nil },
	// Commits that begin with 0 are on the default branch; those that begin with f are not known here.
	OnDefaultBranch: func(_ context.Context, commit string) (on, known bool, err error) {
		return strings.HasPrefix(commit, "0"), !strings.HasPrefix(commit, "f"), nil
	},
	ParseSecret: func(reference string, _ bool) error {
		if strings.HasPrefix(reference, "op://") && strings.Count(reference, "/") < 4 {
			return errors.New("want op://VAULT/ITEM/FIELD")
		}
		return nil
	},
}

// TestCases runs each check on its own cases.
func TestCases(t *testing.T) {
	t.Parallel()
	for _, check := range All() {
		t.Run(check.Name, func(t *testing.T) {
			t.Parallel()
			missed := map[string]bool{}
			for _, rule := range check.Rules {
				missed[rule.ID] = true
			}
			for _, name := range cases(t, check.Name, "ok") {
				t.Run("ok/"+path.Base(name), func(t *testing.T) {
					if got := findings(t, check, name, nil); got != "" {
						t.Errorf("want silence, got\n%s", got)
					}
				})
			}
			for _, name := range cases(t, check.Name, "err") {
				t.Run("err/"+path.Base(name), func(t *testing.T) {
					got, out := findings(t, check, name, missed), strings.TrimSuffix(name, ".txtar")+".out"
					if *update {
						if err := os.WriteFile(out, []byte(got), 0o644); err != nil {
							t.Fatal(err)
						}
					}
					if want, err := os.ReadFile(out); err != nil || got != string(want) || got == "" {
						t.Errorf("got\n%s\nwant\n%s, %v", got, want, err)
					}
				})
			}
			for rule := range missed {
				if !inCode[check.Name+"/"+rule] {
					t.Errorf("rule %s: no case in testdata/%s/err finds it", rule, check.Name)
				}
			}
		})
	}
}

// inCode are rules with tests in Go, because a txtar archive cannot hold their cases.
var inCode = map[string]bool{"files/unreadable": true, "files/large": true, "markdown/MD047": true}

func cases(t *testing.T, check, kind string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("testdata", check, kind, "*.txtar"))
	if err != nil || len(found) == 0 {
		t.Fatalf("testdata/%s/%s has no case (*.txtar): %v", check, kind, err)
	}
	return found
}

// suggestion matches the written name in a message, and the suggested one.
var suggestion = regexp.MustCompile(`"([^"]*)"[^"]*did you mean "([^"]*)"`)

// findings runs a check on an archive. It removes the rules of the findings from missed.
func findings(t *testing.T, check validate.Check, name string, missed map[string]bool) string {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	fsys, list := fstest.MapFS{}, []string{}
	for _, file := range archive.Files {
		fsys[file.Name] = &fstest.MapFile{Data: file.Data, Mode: fs.FileMode(0o644)}
		list = append(list, file.Name)
	}
	report, err := validate.Run(t.Context(), validate.NewTree(fsys, list), []validate.Check{check}, validate.Options{Site: site})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Failures {
		t.Errorf("%s: %s\n%s", f.Check, f.Error, f.Stack)
	}
	var lines strings.Builder
	for _, f := range report.Findings {
		lines.WriteString(f.String() + "\n")
		delete(missed, f.Rule)
		if m := suggestion.FindStringSubmatch(f.Message); m != nil && m[1] == m[2] {
			t.Errorf("%s: what is suggested is what was written", f)
		}
		if f.Do == "" || f.Message == "" || strings.ContainsAny(f.Do+f.Message, "\n") {
			t.Errorf("%s: what to do is %q", f, f.Do)
		}
	}
	return lines.String()
}
