package repair

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/checks"
)

// settled runs the fixes of all checks, twice: the second run changes nothing.
func settled(t *testing.T, files map[string]string, o validate.Options) map[string]string {
	t.Helper()
	fsys, names := fstest.MapFS{}, []string{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o755}
		names = append(names, name)
	}
	changed, err := Run(t.Context(), fsys, names, checks.All(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	after := map[string]string{}
	for _, f := range changed {
		if string(f.Before) != files[f.Path] || f.Fixes == 0 {
			t.Errorf("%s: %d fixes of %q", f.Path, f.Fixes, f.Before)
		}
		after[f.Path] = string(f.After)
		fsys[f.Path] = &fstest.MapFile{Data: f.After}
	}
	if again, err := Run(t.Context(), fsys, names, checks.All(), o, nil); err != nil || len(again) > 0 {
		t.Errorf("the second run: %+v, %v", again, err)
	}
	return after
}

func TestRun(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		".markdownlint.yaml":         "default: true\nMD013: false\n",
		"README.md":                  "# Title \nText\n- item\n    - inner\n\n\n\nEnd",
		"docs/mark.md":               "\xef\xbb\xbf---\r\ntitle: Mark\r\ntags: []\r\nmodified: 2026/3/8 # so far\r\n---\r\n\r\nText.\r\n## Sub\r\n",
		"docs/quoted.md":             "---\ntitle: Quoted\nmodified: \"March 8th, 2026\"\ntags: [é]\n---\n",
		"docs/ambiguous.md":          "---\ntitle: Ambiguous\nmodified: 03/08/2026\ntags: []\n---\n",
		"docs/missing.md":            "---\ntitle: Missing\ntags: []\n---\n",
		"docs/new.md":                "---\ntitle: New\ntags: []\n---\n",
		"docs/flow.md":               "---\n{title: Flow, tags: []}\n---\n",
		"docs/testdata/x.md":         "# Title \n",
		".forgejo/workflows/a.yaml":  "on:\n  workflow_dispatch:\n    inputs:\n      x: {type: string}\njobs:\n  a:\n    runs-on: docker\n    steps:\n      - run: |\n          echo ${{ inputs.x }}\n",
		".forgejo/workflows/ok.yaml": "on: push\njobs:\n  a:\n    runs-on: docker\n    steps:\n      - run: echo\n",
	}
	site := validate.Site{Docs: "docs", Keys: []string{"title", "tags", "modified"}, Dates: func(context.Context) (map[string]string, error) {
		return map[string]string{"docs/missing.md": "2026-01-02", "docs/flow.md": "2026-01-02"}, nil
	}}
	got := settled(t, files, validate.Options{Site: site})
	want := map[string]string{
		"README.md":                 "# Title\n\nText\n\n- item\n  - inner\n\nEnd\n",
		"docs/mark.md":              "\xef\xbb\xbf---\r\ntitle: Mark\r\ntags: []\r\nmodified: 2026-03-08 # so far\r\n---\r\n\r\nText.\r\n\r\n## Sub\r\n",
		"docs/quoted.md":            "---\ntitle: Quoted\nmodified: 2026-03-08\ntags: [é]\n---\n",
		"docs/missing.md":           "---\ntitle: Missing\ntags: []\nmodified: 2026-01-02\n---\n",
		".forgejo/workflows/a.yaml": "on:\n  workflow_dispatch:\n    inputs:\n      x: {type: string}\njobs:\n  a:\n    runs-on: docker\n    steps:\n      - env:\n          X: ${{ inputs.x }}\n        run: |\n          echo \"$X\"\n",
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s: got\n%q, want\n%q", name, got[name], text)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s changed: %q", name, got[name])
		}
	}
	// Only some files.
	one := settled(t, files, validate.Options{Site: site, Changed: []string{"README.md"}})
	if len(one) != 1 || one["README.md"] != want["README.md"] {
		t.Errorf("%v", one)
	}
}

// TestWithoutSettings: fixes are only those of findings.
func TestWithoutSettings(t *testing.T) {
	t.Parallel()
	got := settled(t, map[string]string{"a.md": "# Title \ntext\n##Sub\n"}, validate.Options{})
	if got["a.md"] != "# Title \ntext\n## Sub\n" {
		t.Errorf("%q", got)
	}
}

// TestMany: a rule may have more findings in a file than a report shows.
func TestMany(t *testing.T) {
	t.Parallel()
	var before, after strings.Builder
	before.WriteString("# Title\n\n")
	after.WriteString("# Title\n\n")
	for i := range 3 * validate.MaxFindings {
		fmt.Fprintf(&before, "Line %d. \n", i)
		fmt.Fprintf(&after, "Line %d.\n", i)
	}
	if got := settled(t, map[string]string{".markdownlint.yaml": "default: true", "a.md": before.String()}, validate.Options{}); got["a.md"] != after.String() {
		t.Errorf("%.200q", got["a.md"])
	}
}

func TestMayEdit(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"a.md": {Data: []byte("##A\n")}, "b.md": {Data: []byte("##B\n")}}
	changed, err := Run(t.Context(), fsys, []string{"a.md", "b.md"}, checks.All(), validate.Options{}, func(name string) bool { return name == "b.md" })
	if err != nil || len(changed) != 1 || changed[0].Path != "b.md" || changed[0].Fixes != 1 {
		t.Errorf("%+v, %v", changed, err)
	}
}

func TestOverlay(t *testing.T) {
	t.Parallel()
	o := overlay{fstest.MapFS{"a": {Data: []byte("old")}, "b/c": {Data: []byte("c")}}, map[string][]byte{"a": []byte("newer")}}
	for name, want := range map[string]string{"a": "newer", "b/c": "c"} {
		text, err := fs.ReadFile(o, name)
		info, failed := fs.Stat(o, name)
		if err != nil || failed != nil || string(text) != want || info.Size() != int64(len(want)) {
			t.Errorf("%s: %q, %v, %v", name, text, err, failed)
		}
		opened, err := o.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := opened.Stat(); err != nil || info.Size() != int64(len(want)) {
			t.Errorf("%s: %v", name, err)
		}
		_ = opened.Close()
	}
	if _, err := o.Open("none"); err == nil {
		t.Error("a missing file opens")
	}
}

// TestCasesSettle fixes all cases of the checks: there are fewer findings afterwards, and none in other rules.
func TestCasesSettle(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob(filepath.Join("..", "checks", "testdata", "*", "err", "*.txtar"))
	if err != nil || len(cases) < 50 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	o := validate.Options{Site: validate.Site{Docs: "docs", Manifests: "argocd"}}
	count := func(files map[string]string) map[string]int {
		fsys, names := fstest.MapFS{}, []string{}
		for name, text := range files {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
			names = append(names, name)
		}
		report, err := validate.Run(t.Context(), validate.NewTree(fsys, names), checks.All(), o)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]int{}
		for _, f := range report.Findings {
			found[f.Path+" "+f.Check+"/"+f.Rule]++
		}
		return found
	}
	fixed := 0
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for _, file := range archive.Files {
			files[file.Name] = string(file.Data)
		}
		after := settled(t, files, o)
		if len(after) == 0 {
			continue
		}
		fixed++
		before := count(files)
		for name, text := range after {
			files[name] = text
		}
		for rule, n := range count(files) {
			if n > before[rule] {
				t.Errorf("%s: %s has %d findings, then %d", name, rule, before[rule], n)
			}
		}
	}
	if fixed < 10 {
		t.Errorf("only %d cases are fixed", fixed)
	}
}

// TestPins: versions are pinned to what a host says that they mean now.
func TestPins(t *testing.T) {
	t.Parallel()
	const commit, sum = "0123456789abcdef0123456789abcdef01234567", "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	var asked []string
	var lock sync.Mutex
	answer := func(what, value string) string {
		lock.Lock()
		defer lock.Unlock()
		if asked = append(asked, what); strings.Contains(what, "unknown") {
			return ""
		}
		return value
	}
	site := validate.Site{
		Commit: func(_ context.Context, url, ref string) string { return answer(url+" "+ref, commit) },
		Digest: func(_ context.Context, image string) string { return answer(image, sum) },
	}
	steps := "on: push\njobs:\n  a:\n    runs-on: docker\n    steps:\n      - uses: actions/checkout@v4\r\n      - uses: 'https://forge.example/a/b/sub@main' \n      - uses: \"actions/unknown@v1\"\n      - uses: a/b@v1 # kept\n      - {uses: a/b@v1}\n      - uses: a/b@0123456\n      - uses: a/b\n"
	dockerfile := "ARG CONTAINER_APP_VERSION=1\n# é\nARG NAME=debian\nFROM nginx AS one\nFROM ${NAME}\nCOPY --from=ghcr.io/astral-sh/uv:latest /uv /\nCOPY --from=typo /a /\nFROM unknown:latest\nFROM nginx:1\n"
	got := settled(t, map[string]string{".forgejo/workflows/a.yaml": steps, "containers/a/Dockerfile": dockerfile}, validate.Options{Site: site})
	want := map[string]string{
		".forgejo/workflows/a.yaml": strings.NewReplacer("actions/checkout@v4\r", "actions/checkout@"+commit+" # v4\r", "'https://forge.example/a/b/sub@main'", "'https://forge.example/a/b/sub@"+commit+"' # main").Replace(steps),
		"containers/a/Dockerfile":   strings.NewReplacer("nginx AS", "nginx:latest@"+sum+" AS", "uv:latest", "uv:latest@"+sum).Replace(dockerfile),
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got[name], want[name])
		}
	}
	for _, what := range []string{"https://data.forgejo.org/actions/checkout v4", "https://forge.example/a/b main", "docker.io/library/nginx:latest", "ghcr.io/astral-sh/uv:latest"} {
		if !slices.Contains(asked, what) {
			t.Errorf("%s was not asked for: %q", what, asked)
		}
	}
}
