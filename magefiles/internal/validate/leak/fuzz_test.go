package leak

import (
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/kubernetes"
)

// FuzzScan scans any text twice: the matches are the same, within the text, and in order.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		"API_TOKEN=" + token("", 32), token("ghp_", 36), "-----BEGIN RSA " + "PRIVATE KEY-----\n" + token("", 80) + "\n-----END RSA PRIVATE KEY-----",
		"data: " + strings.Repeat("aHVudGVyMg", 8), "curl -u a:b curl -H", "key: |\n  x # gitleaks:allow", "kind: Secret\ndata:\n  a: aHVudGVyMg==", "\xff\xc3", "İKey=",
	} {
		f.Add("a.yaml", seed)
	}
	s := scanner(f, "", "")
	f.Fuzz(func(t *testing.T, name, text string) {
		matches, at := s.Scan(name, text), 0
		for _, m := range matches {
			if m.Offset < at || m.Offset > len(text) || m.Rule == "" {
				t.Errorf("%v of %d bytes", matches, len(text))
			}
			at = m.Offset
		}
	})
}

// FuzzNew reads settings; no settings are fatal.
func FuzzNew(f *testing.F) {
	f.Add("[extend]\nuseDefault = true\n[[allowlists]]\npaths=['a']", "a:b:1\n# c\na:b:2")
	f.Add("[[rules]]\nid='a'\nregex='b'\nkeywords=['c']\n[[rules.allowlists]]\nregexes=['x']", "a")
	f.Add("[[rules]]\n[allowlist]", "\x00:::")
	f.Fuzz(func(t *testing.T, settings, ignored string) {
		if strings.Contains(settings, "Default") && len(settings) > 200 {
			return // many fuzzed settings on top of gitleaks' own are slow
		}
		s, _, err := New(settings, ignored)
		if s == nil || err != nil {
			t.Fatal(err)
		}
		s.Scan("a.txt", "some=text cbx 1234567890")
	})
}

// FuzzValues searches any text for Secrets.
func FuzzValues(f *testing.F) {
	f.Add("kind: Secret\nmetadata: {name: a}\ndata:\n  a: aHVudGVyMg==\nstringData: {b: c}")
	f.Add("kind: List\nitems: [{kind: Secret, data: {a: b}}]")
	f.Add("a: &a [*a]\nkind: Secret\ndata: *a")
	f.Fuzz(func(t *testing.T, text string) {
		values, _ := Values(text)
		for _, v := range values {
			if documents, _ := kubernetes.Parse(text); v.Line < 1 || v.Column < 1 || len(documents) == 0 {
				t.Errorf("%+v", v)
			}
		}
	})
}
