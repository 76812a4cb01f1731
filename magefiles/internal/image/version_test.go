package image

import (
	"strings"
	"testing"
)

var channels = Channels{"dev", "test"}

func TestParseVersion(t *testing.T) {
	for input, channel := range map[string]bool{"v0.1.0": false, "v10.20.30-rc.1": false, "dev": true, "test": true} {
		v, err := channels.Parse(input)
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
		"latest":       "is not a channel of this site",
		"tets":         "did you mean test?",
		"-dryrun":      "looks like a flag",
		"v1.2.3 ":      "expected vX.Y.Z",
		"v1.2.3-a/../": "expected vX.Y.Z",
	} {
		_, err := channels.Parse(input)
		wantInvalid(t, err, input, reason)
	}
}

func TestParseChannels(t *testing.T) {
	for _, names := range [][]string{nil, {"dev", "test"}, {"1h", "edge", "latest", "v1", "v1.2", "Stable_2"}} {
		channels, err := ParseChannels(names)
		if err != nil {
			t.Errorf("%q: %v", names, err)
		}
		for _, name := range names {
			if v, err := channels.Parse(name); err != nil || !v.IsChannel() || v.String() != name {
				t.Errorf("%q = %q, %v; want a channel", name, v, err)
			}
		}
	}
	for input, reason := range map[string]string{
		"":                       "is not a tag",
		"a b":                    "is not a tag",
		"-x":                     "is not a tag",
		strings.Repeat("a", 129): "is not a tag",
		"v1.2.3":                 "versions never move",
		"v1.2.3-rc.1":            "versions never move",
		"auto":                   "has another meaning",
		"newest":                 "has another meaning",
		"dev":                    "is there twice",
	} {
		_, err := ParseChannels([]string{"dev", input})
		wantInvalid(t, err, input, reason)
	}
	_, err := Channels(nil).Parse("dev")
	wantInvalid(t, err, "dev", "expected vX.Y.Z or vX.Y.Z-PRE")
}

func FuzzParseVersion(f *testing.F) {
	for _, seed := range []string{"v1.2.3", "dev", "v1.2.3-rc.1", "v1", "1.2.3", "v1.2.3+x", "latest", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := channels.Parse(s)
		if numbered, err := ParseVersion(s); (err == nil) != (v.tag != "" && !v.channel) || err == nil && numbered != v {
			t.Errorf("ParseVersion(%q) = %q, %v; with channels %q", s, numbered, err, v)
		}
		if err != nil {
			return
		}
		if v.String() != s || !tagForm.MatchString(s) {
			t.Errorf("ParseVersion(%q) = %q; not a tag", s, v)
		}
	})
}
