package leak

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

func scanner(t testing.TB, settings, ignored string) *Scanner {
	t.Helper()
	s, problems, err := New(settings, ignored)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	return s
}

// token is a token that only the rule of its prefix matches. It is put together here, so that this file contains none.
func token(prefix string, length int) string {
	const letters = "k3V9q2M7x1P4zR8tB6wN5yD0cH"
	return prefix + strings.Repeat(letters, 1+length/len(letters))[:length]
}

func rules(matches []Match) string {
	var list []string
	for _, m := range matches {
		list = append(list, fmt.Sprintf("%d: %s", m.Offset, m.Rule))
	}
	return strings.Join(list, " ")
}

func TestScan(t *testing.T) {
	t.Parallel()
	s := scanner(t, "", "")
	github := token("ghp_", 36)
	for _, c := range []struct{ name, text, want string }{
		{"a.txt", github, "0: github-pat"},
		{"a.txt", "é " + github + "\n" + github, "3: github-pat 44: github-pat"},
		{"a.txt", "x" + github[:39], ""},
		{"a.txt", strings.ToUpper(github), ""},
		{"a.env", "API_TOKEN=" + token("", 32), "10: generic-api-key"},
		{"a.env", "API_TOKEN=" + github, "10: github-pat"}, // once, by the more specific rule
		{"a.env", "api:\n  token:\n    " + token("", 32), "18: generic-api-key"},
		{"go.sum", "API_TOKEN=" + token("", 32), ""},
		{"b/c.p12", "", "0: pkcs12-file"},
		{"a.env", "PASSWORD=hunter2", ""}, // too short for gitleaks
		{"", "", ""}, {"a", "k", ""}, {"a", "\xff\xfe", ""},
		{"key", "-----BEGIN RSA " + "PRIVATE KEY-----\n" + strings.Repeat(token("", 64)+"\n", 400) + "-----END RSA PRIVATE KEY-----\n", "0: private-key"},
		// A keyword far from the token: the rule is tried everywhere.
		{"a.txt", "airtable\n" + strings.Repeat("word ", 2000) + "\n" + token("pat", 14) + "." + strings.Repeat("0a1b2c3d", 8), "10010: airtable-personnal-access-token"},
	} {
		if got := rules(s.Scan(c.name, c.text)); got != c.want {
			t.Errorf("%s %.60q: %q, want %q", c.name, c.text, got, c.want)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := scanner(t, "", "")
	text := strings.Repeat("some words\n", 50) + "API_TOKEN=" + token("", 32) + "\n" + token("glpat-", 20)
	want := s.Scan("a", text)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got := s.Scan("a", text); !slices.Equal(got, want) || len(got) != 2 {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	group.Wait()
}

func TestAllowance(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"a # gitleaks:allow the lab's": "the lab's", "<!-- gitleaks:allow: an example -->": "an example", "/* gitleaks:allow of RFC 1 */ x": "of RFC 1",
		"# gitleaks:allow": "", "# gitleaks:allow -": "", "<!-- gitleaks:allow -->": "", "gitleaks:allow\nnext line": "", "{{/* gitleaks:allow */}}": "",
	} {
		if got, found := Allowance(line); !found || got != want {
			t.Errorf("%q: %q, %v", line, got, found)
		}
	}
	if _, found := Allowance("gitleaks"); found {
		t.Error("found in a line without")
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	const extend = "[extend]\nuseDefault = true\n"
	for settings, want := range map[string]string{
		"":                                      "",
		extend:                                  "",
		"[extend]\npath='x'":                    ".gitleaks.toml 0 false extends another file, which is not supported",
		"# none":                                ".gitleaks.toml 0 false has no rules, and does not extend the rules of gitleaks",
		"[a\n":                                  ".gitleaks.toml 2 false cannot be read: expected ']' to close table name",
		"title = 1":                             ".gitleaks.toml 8 false cannot be read",
		extend + "[allowlist]\npaths=['a']":     ".gitleaks.toml 28 true an allowlist has no description",
		extend + "[allowlist]\ndescription='d'": ".gitleaks.toml 0 false [[allowlists]] must contain at least one check",
		extend + "[allowlist]\ndescription='d'\npaths=['(']":                       ".gitleaks.toml 0 false error parsing regexp",
		extend + "[[allowlists]]\ndescription='d'\ntargetRules=['x']\npaths=['a']": `.gitleaks.toml 0 false an allowlist names the unknown rule "x"`,
		extend + "[[rules]]\nid='x'":                                               `.gitleaks.toml 0 false rule "x": `,
		extend + "[[rules]]\nid='x'\nregex='('":                                    `.gitleaks.toml 0 false rule "x": error parsing regexp`,
		extend + "[[rules]]\nregex='a'":                                            `.gitleaks.toml 0 false rule "": `,
		"allowlists = 3\n" + extend:                                                ".gitleaks.toml",
		"allowlists = [{paths=['a']}]\n" + extend:                                  ".gitleaks.toml 0 true an allowlist has no description",
	} {
		s, problems, err := New(settings, "")
		got := ""
		for _, p := range problems {
			got += fmt.Sprintln(p.File, p.Offset, p.Reason, p.Message)
		}
		if s == nil || err != nil || !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q: %q, want %q; %v", settings, got, want, err)
		}
	}
}

// TestExtends checks that settings that do not extend gitleaks' own rules have only their own rules.
func TestExtends(t *testing.T) {
	t.Parallel()
	own := scanner(t, "[[rules]]\nid='house'\nregex='H[0-9]{5}'\n[[rules]]\nid='short'\nregex='Z[0-9]{5}'\nkeywords=['z']", "")
	if got := rules(own.Scan("a", token("ghp_", 36)+" H12345 Z12345")); got != "41: house 48: short" {
		t.Errorf("own rules: %s", got)
	}
	changed := scanner(t, "[extend]\nuseDefault=true\ndisabledRules=['gitlab-pat']\n[[rules]]\nid='github-pat'\nregex='ghp_[0-9]{9}'", "")
	if got := rules(changed.Scan("a", "ghp_123456789 "+token("glpat-", 20))); got != "0: github-pat" {
		t.Errorf("changed rules: %s", got)
	}
}
