package reference

import (
	"fmt"
	"strings"
	"testing"
)

func find(name, text string) string {
	var list []string
	for _, r := range Find(name, text) {
		list = append(list, fmt.Sprint(r.Offset, " ", r.Text))
	}
	return strings.Join(list, "; ")
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"a.yaml", "key: op://a b/c/d # op://x", "5 op://a b/c/d"},
		{"a.yaml", "- op://a/b/c\r\n- 'op://d e/f'", "2 op://a/b/c; 17 op://d e/f"},
		{"a.yaml", "run: x op://a/b/c, op://d/e/f. And env://A; op://g", "7 op://a/b/c; 19 op://d/e/f; 35 env://A; 44 op://g"},
		{"a.yaml", "  # op://a/b\nkey: http://op://\nhop://a/b: shop://c", ""},
		{"a.yaml", "a: file:///x\nBLUMEOPS_FORGE_TOKEN: file:///y z\nBLUMEOPS_SOURCE: file:///w", "35 file:///y z"},
		{"a.yaml", "a: op://$V/i/f\nb: \"op://{{ v }}/i\"\nc: op://<vault>/i\nd: op://v/…\ne: 'op://'\nf: op://", ""},
		{"a.yaml", "a: \"op://not/closed\nb: 1", ""},
		{"a.tpl", "{{ op://a/b }}", ""},
		{"a.yaml.tpl", "x: \"{{ op://a b/c d }}\"", "7 op://a b/c d"},
		{".env.local", "export A=op://a/b\nB = env://C", "9 op://a/b; 22 env://C"},
		{"a.toml", "a = [\"op://a/b\", 'env://C']", "6 op://a/b; 18 env://C"},
		{"a.sh", "op read \"op://a/b\"; op read op://c/d", "9 op://a/b"},
		{"tasks/run", "#!/bin/sh\nop read 'op://a/b'", "19 op://a/b"},
		{"tasks/run", "op read 'op://a/b'", ""},
		{"README.md", "`op://a/b`", ""},
		{"magefiles/a.go", "package a\nvar b, c, d = \"op://a/b\", `env://C`, \"see op://a\" // \"op://e\"", "25 op://a/b; 37 env://C"},
		{"magefiles/a_test.go", "var b = \"op://a/b\"", ""}, {"magefiles/internal/a.go", "var b = \"op://a/b\"", ""},
		{"magefiles/a.go", "var b = \"op://a", ""}, {"a.yaml", strings.Repeat("a", 3000) + " op://a/b", "3001 op://a/b"},
	} {
		for _, r := range Find(c.name, c.text) {
			if want := strings.HasSuffix(c.name, ".go") || strings.HasPrefix(r.Text, "file:"); r.Ours != want {
				t.Errorf("%s: %s is of these targets: %v", c.name, r.Text, r.Ours)
			}
		}
		if got := find(c.name, c.text); got != c.want {
			t.Errorf("%s %.60q\ngot  %s\nwant %s", c.name, c.text, got, c.want)
		}
	}
}

// FuzzFind checks that each reference is at its stated offset.
func FuzzFind(f *testing.F) {
	for _, name := range []string{"a.yaml", "magefiles/a.go", "a.sh"} {
		f.Add(name, "key: op://a b/c/d # op://x\n- 'op://d e/f' env://A")
		f.Add(name, "package a\nvar b = \"op://a/b\" + `env://C` + \"\\u006fp://x\"")
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		end := 0
		for _, r := range Find(name, text) {
			if r.Offset < end || r.Offset > len(text) || r.Text == "" {
				t.Fatalf("%+v of %d bytes", r, len(text))
			}
			if !strings.HasSuffix(name, ".go") && !strings.HasPrefix(text[r.Offset:], r.Text) {
				t.Fatalf("%+v does not stand there", r)
			}
			end = r.Offset
		}
	})
}
