package secret

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// The attributes of fields and files are those of https://developer.1password.com/docs/cli/secret-reference-syntax.
func TestParseReference(t *testing.T) {
	for _, s := range []string{
		"op://homelab/zot/password", "op://homelab/zot/api keys/ci", "op://v/i/f?attribute=otp", "op://v/i/f?ssh-format=openssh",
		"op://v/i/s/f?attribute=otp", "op://v/i/cert.pem?attribute=content", "op://v/i/f?attribute=type", "op://v/i/f?attribute=value",
		"op://v/i/f?attribute=id", "op://v/i/f?attribute=purpose", "op://v/i/cert.pem?attribute=size", "op://v/i/cert.pem?attribute=name",
		"op://a1b2c3/d4e5f6/g.h-i_j", "env://REGISTRY_PASSWORD", "env://_x9", "file:///run/secrets/token", "file://secrets/token",
		"file://../token", "file:///tmp/a b=ü", "file://.env",
	} {
		ref, err := ParseReference(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
		}
		if ref.String() != s || ref.IsZero() {
			t.Errorf("%s: came back as %q", s, ref)
		}
	}
}

func TestParseReferenceRefuses(t *testing.T) {
	for s, want := range map[string]string{
		"":                           "write op://vault/item/field, env://NAME or file://PATH",
		"hunter2":                    "(7 characters)",
		"OP://v/i/f":                 "not a secret reference",
		"http://host/x":              "not a secret reference",
		"op://v/i":                   "has 2 parts",
		"op://v/i/s/f/g":             "has 5 parts",
		"op://v//f":                  "empty part",
		"op://v/ /f":                 "empty part",
		"op://v/zot (ci)/password":   "use the ID",
		"op://v/zöt/password":        "use the ID",
		"op://v/i/f?attribute=title": "unknown query \"attribute=title\": 1Password supports ?attribute=otp, ",
		"op://v/i/f?":                "unknown query",
		"op://v/i?attribute=content": "has 2 parts",
		"op://v/i/f?x":               "its op command and a Connect server also support ?attribute=type",
		"env://A?attribute=content":  "not a name of an environment variable",
		"op://v/i/f?attribute=content&attribute=id": "unknown query",
		"env://":               "not a name of an environment variable",
		"env://1X":             "not a name of an environment variable",
		"env://A-B":            "not a name of an environment variable",
		"file://":              "has no path",
		"file://~/token":       "write the absolute path",
		"file:///run/secrets/": "is a folder",
		"file://..":            "is a folder",
		"file:///a\x00b":       "control character",
		"file:///a\xff":        "not UTF-8",
	} {
		ref, err := ParseReference(s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", s, err, want)
		}
		if !ref.IsZero() {
			t.Errorf("%q: refused and yet %v", s, ref)
		}
	}
}

// If a password is given instead of a reference, the error must not repeat it.
func TestParseReferenceDoesNotRepeatAPassword(t *testing.T) {
	_, err := ParseReference("correct-horse-battery")
	if err == nil || strings.Contains(err.Error(), "horse") {
		t.Errorf("error %v", err)
	}
}

func FuzzParseReference(f *testing.F) {
	for _, s := range []string{"op://v/i/f", "op://v/i/s/f?attribute=otp", "env://A", "file:///x", "file://x", "op://", "env://é", "x", "://"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := ParseReference(s)
		if err != nil {
			if !ref.IsZero() {
				t.Fatalf("%q: error and a reference", s)
			}
			return
		}
		again, err := ParseReference(ref.String())
		if err != nil || again != ref || ref.String() != s {
			t.Fatalf("%q: reads back as %q, %v", s, again, err)
		}
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\n\x00") {
			t.Fatalf("%q: accepted", s)
		}
	})
}
