package plain

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain äöü 日本 👩‍🚒":                           "plain äöü 日本 👩‍🚒",
		"a\tb\nc":                                    "a\tb\nc",
		"\x1b[31mred\x1b[0m":                         "red",
		"\u009b31mred":                               "red",
		"\x1b]0;title\x07x\x1b]8;;http://a\x1b\\y":   "xy",
		"\x1b]0;no end\nnext":                        "\nnext",
		"hun\x1b[0mter\u202e2\u200b-\u2066horse\x07": "hunter2-horse",
		"\xff\x80":                                   "\uFFFD",
		"a\rb\x00c\x7f\u0085":                        "abc",
	} {
		if got := Text(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := Line(" a\r\n b\u2028c\td\x1b[0m "); got != "a b c d" {
		t.Errorf("%q", got)
	}
	if got := Short("äöüß", 3); got != "äöü…" {
		t.Errorf("%q", got)
	}
	if got := Name("a\n::add-mask::\u202ex"); got != `"a\n::add-mask::\u202ex"` || Name("käse") != "käse" {
		t.Errorf("%s", got)
	}
}

// FuzzPlain: nothing hidden is left, cleaning again changes nothing, and a JSON document keeps its value.
func FuzzPlain(f *testing.F) {
	for _, s := range []string{"a\x1b[31mb", "\x1b\x1b[0m[31m", "\u009b\u009b0mm", "x\u202ey", "##[error]", "\x1b]\x1b]\x07", "\r\n\t\xff", "\x1b \x1b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if i := strings.IndexFunc(got, func(r rune) bool {
			return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
		}); i >= 0 {
			t.Errorf("%q is left in %q", got[i:], got)
		}
		if again := Text(got); again != got {
			t.Errorf("cleaned again, %q becomes %q", got, again)
		}
		if line := Line(s); strings.ContainsAny(line, "\n\t\r") || Line(line) != line {
			t.Errorf("%q is not one line", line)
		}
		document, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want, back string
		if err := json.Unmarshal(document, &want); err != nil {
			t.Fatal(err)
		}
		escaped := JSON(document)
		if err := json.Unmarshal(escaped, &back); err != nil || back != want {
			t.Errorf("%s holds %q, want %q, %v", escaped, back, want, err)
		}
		if strings.Contains(string(escaped), "##[") || strings.ContainsFunc(string(escaped), Hidden) {
			t.Errorf("%q", escaped)
		}
	})
}
