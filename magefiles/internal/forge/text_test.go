package forge

import (
	"strings"
	"testing"
	"unicode/utf8"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

func FuzzClean(f *testing.F) {
	const token = "0123456789abcdef0123456789abcdef01234567"
	for _, s := range []string{
		"user should have a permission to write to a repo", "see https://u:hunter2@forge.example/a?token=hunter2#x for more",
		token, "https://forge.example/" + token, "a" + token + token, "\x1b[31mred\n\xff", strings.Repeat("ä", 1000), "://", "http://%zz", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := &Client{token: tokenOf(token)}
		out := c.clean(s)
		if strings.Contains(out, token) || utf8.RuneCountInString(out) > maxSaid+1+len("[token]") {
			t.Errorf("clean(%q) = %q", s, out)
		}
		if strings.ContainsFunc(out, plain.Hidden) {
			t.Errorf("clean(%q) = %q does not print", s, out)
		}
		if again := c.clean(out); strings.Contains(again, token) {
			t.Errorf("again %q", again)
		}
	})
}

func tokenOf(value string) token { return token{read: true, value: value} }

func TestCleanURLs(t *testing.T) {
	for s, want := range map[string]string{
		"at https://u:hunter2@forge.example:1/a%20b?token=hunter2#x, is": "at https://forge.example:1/a%20b is",
		"http://%zz is bad": "[URL] is bad",
		"  two \n lines ":   "two lines",
	} {
		if got := clean(s); got != want {
			t.Errorf("clean(%q) = %q, want %q", s, got, want)
		}
	}
}

// What a server puts into the middle of a secret that it repeats does not take it past the mask.
func TestCleanSeesThroughEscapes(t *testing.T) {
	const secret = "0123456789abcdef"
	clean := (&Client{token: tokenOf(secret)}).clean
	for _, inserted := range []string{"\x1b[31m", "\x1b]0;t\x07", "\u009b0m", "\x00", "\u200b", "\u202e", "\x1b(B"} {
		if got := clean("it is " + secret[:9] + inserted + secret[9:] + "."); got != "it is [token]." {
			t.Errorf("%q: %q", inserted, got)
		}
	}
}
