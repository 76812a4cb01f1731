package image

import (
	"errors"
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	for _, ok := range []string{"nettest", "a", "7zip", "forgejo-runner", strings.Repeat("a", 63)} {
		if n, err := ParseName(ok); err != nil || string(n) != ok {
			t.Errorf("ParseName(%q) = %q, %v; want it accepted", ok, n, err)
		}
	}
	for input, reason := range map[string]string{
		"":                      "is empty",
		"-dryrun":               "flags come after the positional arguments",
		"..":                    "is a path",
		"a..b":                  "is a path",
		"../nettest":            "is a path",
		"containers/nettest":    "is a path",
		"Nettest":               "upper case",
		"nettest-":              "lower case letters, digits and inner hyphens",
		"net test":              "lower case letters, digits and inner hyphens",
		"nettest\n":             "lower case letters, digits and inner hyphens",
		"né":                    "lower case letters, digits and inner hyphens",
		strings.Repeat("a", 64): "longer than 63",
	} {
		_, err := ParseName(input)
		wantInvalid(t, err, input, reason)
	}
}

// wantInvalid checks that the error names the input and gives the reason.
func wantInvalid(t *testing.T, err error, input, reason string) {
	t.Helper()
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Errorf("%q: error %v; want an *InvalidError", input, err)
		return
	}
	if invalid.Input != input || !strings.Contains(err.Error(), reason) {
		t.Errorf("%q: error %q; want it to name the input and say %q", input, err, reason)
	}
}

func FuzzParseName(f *testing.F) {
	for _, seed := range []string{"nettest", "-x", "..", "a/b", "Ä", "\x00", strings.Repeat("a", 64)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			return
		}
		if string(n) != s || strings.ContainsAny(s, "/.\\ \n") || strings.HasPrefix(s, "-") || len(s) > 63 {
			t.Errorf("ParseName(%q) = %q; no such name is safe as a folder or a repository", s, n)
		}
	})
}

func TestNearest(t *testing.T) {
	known := []string{"devpi", "nettest", "quartz"}
	for typed, want := range map[string]string{"netest": "nettest", "quarz": "quartz", "net": "nettest", "zot": "", "x": ""} {
		if got := nearest(typed, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", typed, got, want)
		}
	}
}
