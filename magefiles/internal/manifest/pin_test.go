package manifest

import (
	"errors"
	"os"
	"strings"
	"testing"
)

const (
	oldURL = "https://forge.example/api/packages/eblume/generic/docs/v1.0.0/docs-v1.0.0-0123456789abcdef.tar.gz"
	newURL = "http://forge.inside:3000/api/packages/eblume/generic/docs/v1.10.0/docs-v1.10.0-fedcba9876543210.tar.gz"
	oldSum = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	newSum = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
)

// docs is a manifest as people write it. The comments and the second document hold text that a pattern would take for the value.
const docs = `# DOCS_RELEASE_URL is written by docs:release
#   - name: DOCS_RELEASE_URL
#     value: https://forge.example/commented-out
apiVersion: v1
kind: ConfigMap
metadata: {name: docs}
data:
  DOCS_RELEASE_URL: https://forge.example/elsewhere
  script: |
    - name: DOCS_RELEASE_URL
      value: https://forge.example/in-a-text
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: docs
spec:
  template:
    spec:
      containers:
      - name: quartz   # odd   spacing
        image:   registry.example/blumeops/quartz
        env:
        - name: DOCS_RELEASE_URL
          value: ` + oldURL + `  # by docs:release
        - {name: DOCS_RELEASE_SHA256, value: "` + oldSum + `"}
        - name: TZ
          value: 'Europe/Berlin'
`

var (
	urlPlace = Env{Variable: "DOCS_RELEASE_URL"}
	sumPlace = Env{Variable: "DOCS_RELEASE_SHA256"}
)

func pin(t *testing.T, text string, edits ...Edit) string {
	t.Helper()
	out, err := File{"docs.yaml", []byte(text)}.Pin(edits...)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestPinChangesTheValuesAlone(t *testing.T) {
	edits := []Edit{{sumPlace, newSum}, {urlPlace, newURL}}
	want := strings.NewReplacer(oldURL, newURL, oldSum, newSum).Replace(docs)
	for name, form := range map[string]func(string) string{
		"as it is":           func(s string) string { return s },
		"CR LF":              func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"no final newline":   func(s string) string { return strings.TrimSuffix(s, "\n") },
		"byte order mark":    func(s string) string { return byteOrderMark + s },
		"other scripts":      func(s string) string { return strings.ReplaceAll(s, "odd ", "größer 𝔸 ") },
		"strange line break": func(s string) string { return strings.ReplaceAll(s, "# odd", "# a\u2028 # b\u0085 # odd") },
		"trailing space":     func(s string) string { return strings.ReplaceAll(s, "\n", " \t\n") },
		"explicit documents": func(s string) string { return "%YAML 1.1\n---\n" + s + "...\n---\n---\n# nothing\n" },
	} {
		t.Run(name, func(t *testing.T) {
			got := pin(t, form(docs), edits...)
			if got != form(want) {
				t.Errorf("got:\n%q\nwant:\n%q", got, form(want))
			}
			if again := pin(t, got, edits...); again != got {
				t.Errorf("the second time changes %q", again)
			}
		})
	}
}

func TestPinKeepsOrNeedsQuotes(t *testing.T) {
	zeros := strings.Repeat("0", 64)
	number := strings.Repeat("1", 60) + "e234"
	for _, c := range []struct{ was, value, want string }{
		{"plain", "text", "text"},
		{`"double"`, "text", `"text"`},
		{`'single'`, "text", `'text'`},
		{`'it''s'`, "it's new", `'it''s new'`},
		{`"a\"b"`, `c\d"`, `"c\\d\""`},
		{`'a"\'`, `c\d"`, `'c\d"'`},
		{"plain", newSum, newSum},
		{"plain", zeros, `"` + zeros + `"`},
		{"plain", number, `"` + number + `"`},
		{"plain", "", `""`},
		{"plain", "yes", `"yes"`},
		{"plain", "1:20", `"1:20"`},
		{"plain", "2026-11-22", `"2026-11-22"`},
		{"plain", "a # b", `"a # b"`},
		{"plain", "a: b", `"a: b"`},
		{"plain", "a:", `"a:"`},
		{"plain", "*a", `"*a"`},
		{"plain", "Grüße", `"Grüße"`},
		{"plain, as it was", "plain, as it was", "plain, as it was"},
		{"12", "12", `"12"`}, // it was a number, and Kubernetes refuses the manifest
		{"yes", "yes", `"yes"`},
		{`""`, "text", `"text"`},
	} {
		text := "kind: Pod\nspec:\n  containers:\n  - env:\n    - name: V\n      value: "
		if got := pin(t, text+c.was+"  # c\n", Edit{Env{Variable: "V"}, c.value}); got != text+c.want+"  # c\n" {
			t.Errorf("%s set to %s: %s", c.was, c.value, strings.TrimPrefix(got, text))
		}
	}
}

func TestPinFlowStyleAndJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{kind: Pod, spec: {containers: [{env: [{name: V, value: a}, {name: W, value: b}]}]}}`:                      `{kind: Pod, spec: {containers: [{env: [{name: V, value: http://x/1}, {name: W, value: "2"}]}]}}`,
		`{"kind":"Pod","spec":{"containers":[{"env":[{"name":"V","value":"a"},{"name":"W","value":"long old"}]}]}}`: `{"kind":"Pod","spec":{"containers":[{"env":[{"name":"V","value":"http://x/1"},{"name":"W","value":"2"}]}]}}`,
	} {
		if got := pin(t, text, Edit{Env{Variable: "W"}, "2"}, Edit{Env{Variable: "V"}, "http://x/1"}); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestPlacesInOtherResources(t *testing.T) {
	const containers = "containers: [{name: main, env: [{name: V, value: a}]}]"
	for _, text := range []string{
		"kind: Pod\nspec:\n  " + containers,
		"kind: StatefulSet\nspec: {template: {spec: {" + containers + "}}}",
		"kind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {" + containers + "}}}}}",
		"kind: List\nitems:\n- kind: Service\n- kind: Pod\n  spec:\n    " + containers,
		"kind: Pod\nspec: {initContainers: [{name: main, env: [{name: V, value: a}]}], containers: [{name: other}]}",
	} {
		if got := pin(t, text, Edit{Env{Variable: "V"}, "b"}); got != strings.Replace(text, "value: a", "value: b", 1) {
			t.Errorf("got %s", got)
		}
	}
}

func TestRead(t *testing.T) {
	found, err := File{"docs.yaml", []byte(docs)}.Read(urlPlace, sumPlace)
	if err != nil || found[0] != (Found{oldURL, 25}) || found[1] != (Found{oldSum, 26}) {
		t.Errorf("read %v, %v", found, err)
	}
}

// TestRefused lists changes that are always refused. A text here is the list of containers of a Pod, or a whole file
// with a kind.
func TestRefused(t *testing.T) {
	const one = "[{name: a, env: [{name: V, value: x}]}]"
	for name, c := range map[string]struct {
		text string
		kind error
		says []string
	}{
		"none":            {"[{name: a, env: [{name: W, value: x}]}]", ErrNone, []string{"m.yaml: variable V in the env of a container", "exactly 1"}},
		"no env":          {"[{name: a}]", ErrNone, nil},
		"several":         {"\n  - {name: a, env: [{name: V, value: x}]}\n  - {name: b, env: [{name: V, value: y}]}", ErrSeveral, []string{"m.yaml:4:", "2 times", "lines 4 and 5"}},
		"twice in one":    {"[{env: [{name: V, value: x}, {name: V, value: x}]}]", ErrSeveral, nil},
		"two documents":   {one + "\n---\nkind: Pod\nspec: {containers: " + one + "}", ErrSeveral, []string{"lines 3 and 6"}},
		"from a Secret":   {"[{env: [{name: V, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]", ErrForm, []string{"m.yaml:3:", "valueFrom"}},
		"no value":        {"[{env: [{name: V}]}]", ErrForm, nil},
		"empty value":     {"[{env: [{name: V, value: }]}]", ErrForm, []string{"cannot be changed: its value is empty", `""`}},
		"template":        {"[{env: [{name: V, value: '{{ .Values.url }}'}]}]", ErrForm, []string{"its value is a template"}},
		"list":            {"[{env: [{name: V, value: [x]}]}]", ErrForm, nil},
		"literal":         {"\n  - env:\n    - name: V\n      value: |\n        x", ErrForm, []string{"m.yaml:6:", "block scalar"}},
		"folded":          {"\n  - env:\n    - name: V\n      value: >-\n        x", ErrForm, []string{"block scalar"}},
		"plain lines":     {"\n  - env:\n    - name: V\n      value: a\n        b", ErrForm, []string{"several lines"}},
		"quoted lines":    {"\n  - env:\n    - name: V\n      value: \"a\n        b\"", ErrForm, []string{"several lines"}},
		"escaped break":   {"\n  - env:\n    - name: V\n      value: \"a\\\n        b\"", ErrForm, []string{"several lines"}},
		"single lines":    {"\n  - env:\n    - name: V\n      value: 'a\n        b'", ErrForm, []string{"several lines"}},
		"alias":           {"[{name: &x V, env: [{name: V, value: *x}]}]", ErrForm, []string{"alias *x"}},
		"anchor":          {"[{env: [{name: V, value: &x a}]}]", ErrForm, []string{"anchor &x"}},
		"tag":             {"[{env: [{name: V, value: !!str a}]}]", ErrForm, []string{"tag !!str"}},
		"shared list":     {"[{name: a, env: &e [{name: V, value: x}]}, {name: b, env: *e}]", ErrForm, []string{"alias"}},
		"shared item":     {"[{name: a, env: [&e {name: V, value: x}]}, {name: b, lifecycle: *e}]", ErrForm, []string{"an alias elsewhere"}},
		"merge key":       {"[&c {name: a, env: [{name: V, value: x}]}, {<<: *c, name: b}]", ErrForm, []string{"merge key"}},
		"alias of itself": {"&c [{name: a, env: [{name: V, value: x}]}, *c]", ErrForm, nil},
		"key twice":       {"[{name: a, env: [{name: V, value: x, value: y}]}]", ErrSyntax, []string{`"value" twice`, "line"}},
		"no YAML":         {"[{{ .Values.containers }}", ErrSyntax, []string{"not valid YAML"}},
		"not UTF-8":       {"[] # \xff", ErrSyntax, []string{"UTF-8"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := "kind: Pod\nspec:\n  containers: " + c.text
			out, err := File{"m.yaml", []byte(text)}.Pin(Edit{Env{Variable: "V"}, "new"})
			if out != nil || !errors.Is(err, c.kind) {
				t.Fatalf("%q, error %v, want %v", out, err, c.kind)
			}
			for _, says := range c.says {
				if !strings.Contains(err.Error()+" "+hint(err), says) {
					t.Errorf("error %q does not say %q", err, says)
				}
			}
		})
	}
}

func hint(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint()
	}
	return ""
}

func TestRefusedValues(t *testing.T) {
	for _, value := range []string{"a\nb", "a\tb", "a\x00", "\xff", "a\u2028b", "\u0085", "\uFEFF"} {
		if out, err := (File{"docs.yaml", []byte(docs)}).Pin(Edit{urlPlace, value}); out != nil || !errors.Is(err, ErrForm) {
			t.Errorf("%q: %v", value, err)
		}
	}
	if _, err := (File{"docs.yaml", []byte(docs)}).Pin(Edit{urlPlace, "a"}, Edit{urlPlace, "b"}); !errors.Is(err, ErrSeveral) {
		t.Errorf("two values for one place: %v", err)
	}
}

// TestDocsManifest checks that this repository's own manifest has the form that docs:release expects.
func TestDocsManifest(t *testing.T) {
	text, err := os.ReadFile("../../../argocd/manifests/docs/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f := File{"deployment.yaml", text}
	found, err := f.Read(urlPlace, sumPlace)
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.Pin(Edit{urlPlace, newURL}, Edit{sumPlace, newSum})
	if err != nil {
		t.Fatal(err)
	}
	was, is := strings.Split(string(text), "\n"), strings.Split(string(out), "\n")
	var changed []int
	for i := range was {
		if was[i] != is[i] {
			changed = append(changed, i+1)
		}
	}
	if len(was) != len(is) || len(changed) != 2 || changed[0] != found[0].Line || changed[1] != found[1].Line {
		t.Errorf("lines %v changed, want those of %v", changed, found)
	}
}
