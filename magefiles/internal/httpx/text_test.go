package httpx

import (
	"encoding/base64"
	"net/url"
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
		out := Clean(s, "", token)
		if strings.Contains(out, token) || utf8.RuneCountInString(out) > MaxText+len("***") {
			t.Errorf("Clean(%q) = %q", s, out)
		}
		if strings.ContainsFunc(out, plain.Hidden) {
			t.Errorf("Clean(%q) = %q does not print", s, out)
		}
		if again := Clean(out, token); strings.Contains(again, token) {
			t.Errorf("again %q", again)
		}
	})
}

func TestCleanURLs(t *testing.T) {
	for s, want := range map[string]string{
		"at https://u:hunter2@forge.example:1/a%20b?token=hunter2#x, is": "at https://forge.example:1/a%20b is",
		"http://%zz is bad": "[URL] is bad",
		"  two \n lines ":   "two lines",
	} {
		if got := Clean(s); got != want {
			t.Errorf("Clean(%q) = %q, want %q", s, got, want)
		}
	}
}

// Characters that a server inserts into a secret do not hide it from the mask.
func TestCleanSeesThroughEscapes(t *testing.T) {
	const secret = "0123456789abcdef"
	for _, inserted := range []string{"\x1b[31m", "\x1b]0;t\x07", "\u009b0m", "\x00", "\u200b", "\u202e", "\x1b(B"} {
		if got := Clean("it is "+secret[:9]+inserted+secret[9:]+".", secret); got != "it is ***." {
			t.Errorf("%q: %q", inserted, got)
		}
	}
}

func TestRedactedForms(t *testing.T) {
	const secret = "pä/ss+w&rd=="
	text := strings.Join([]string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte(secret)),
	}, " ")
	if got := Redact(text, secret); got != "*** *** *** *** ***" {
		t.Errorf("%q", got)
	}
	if got := Redact("the end", "", "the"); got != "the end" {
		t.Errorf("%q: short texts are no secrets", got)
	}
}
