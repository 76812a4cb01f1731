package image

import (
	"regexp"
	"testing"
)

func TestParseVersion(t *testing.T) {
	for input, channel := range map[string]bool{"v0.1.0": false, "v10.20.30-rc.1": false, "dev": true, "test": true} {
		v, err := ParseVersion(input)
		if err != nil || v.String() != input || v.IsChannel() != channel {
			t.Errorf("ParseVersion(%q) = %q (channel %v), %v; want it accepted, channel %v", input, v, v.IsChannel(), err, channel)
		}
	}
	for input, reason := range map[string]string{
		"":             "is empty",
		"1.2.3":        "did you mean v1.2.3?",
		"1.0":          "did you mean v1.0.0?",
		"v1.2":         "did you mean v1.2.0?",
		"v1":           "did you mean v1.0.0?",
		"v1.2.3+meta":  "did you mean v1.2.3?",
		"v01.2.3":      "expected vX.Y.Z",
		"v1.2.3.4":     "expected vX.Y.Z",
		"latest":       "is not a channel",
		"tets":         "did you mean test?",
		"-dryrun":      "looks like a flag",
		"v1.2.3 ":      "expected vX.Y.Z",
		"v1.2.3-a/../": "expected vX.Y.Z",
	} {
		_, err := ParseVersion(input)
		wantInvalid(t, err, input, reason)
	}
}

// tagForm is the form in the OCI distribution specification.
var tagForm = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

func FuzzParseVersion(f *testing.F) {
	for _, seed := range []string{"v1.2.3", "dev", "v1.2.3-rc.1", "v1", "1.2.3", "v1.2.3+x", "latest", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVersion(s)
		if err != nil {
			return
		}
		if v.String() != s || !tagForm.MatchString(s) {
			t.Errorf("ParseVersion(%q) = %q; not a tag", s, v)
		}
	})
}
