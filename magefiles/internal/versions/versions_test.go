package versions

import (
	"strings"
	"testing"

	"golang.org/x/mod/semver"
)

func TestParseBump(t *testing.T) {
	for text, want := range map[string]Bump{
		"patch": Patch, "PATCH": Patch, "Minor": Minor, "major": Major,
		"BUMP_PATCH": Patch, "bump-minor": Minor, "bump:major": Major, "Bump Patch": Patch, "BumpMinor": Minor,
	} {
		if got, version, err := ParseBump(text); err != nil || got != want || version != "" {
			t.Errorf("%q: %q, %q, %v", text, got, version, err)
		}
	}
	for _, text := range []string{"v0.0.1", "v1.2.3-rc.1", "v10.20.30"} {
		if got, version, err := ParseBump(text); err != nil || got != "" || version != text {
			t.Errorf("%q: %q, %q, %v", text, got, version, err)
		}
	}
}

func FuzzParseBump(f *testing.F) {
	for _, seed := range []string{"patch", "BUMP_MAJOR", "bump: minor", "v1.2.3", "v1.2.3-rc.1", "v1", "1.2.3", "-dryrun", "", "dev", "bump", "v1.2.3+x", "K"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, version, err := ParseBump(text)
		switch {
		case err != nil:
			if got != "" || version != "" || !strings.Contains(err.Error(), "version") {
				t.Errorf("%q: %q, %q, %v", text, got, version, err)
			}
		case (got == "") == (version == ""):
			t.Errorf("%q: %q and %q", text, got, version)
		case version != "" && (version != text || !semver.IsValid(version)):
			t.Errorf("%q: %q", text, version)
		case got != "" && !strings.HasSuffix(strings.ToLower(text), string(got)):
			t.Errorf("%q: %q", text, got)
		}
	})
}

// FuzzNext checks that the version after any others is higher than all except previews.
func FuzzNext(f *testing.F) {
	f.Add("v1.9.0 v1.10.0", 0)
	f.Add("v0.1.0-rc.1", 1)
	f.Add("nettest-v1.0.0 v2 v3.0.0+b", 2)
	f.Fuzz(func(t *testing.T, list string, which int) {
		tags := map[string]string{}
		for tag := range strings.FieldsSeq(list) {
			tags[tag] = "commit"
		}
		b := []Bump{Patch, Minor, Major}[(which%3+3)%3]
		next, err := b.Next(tags)
		if err != nil {
			return
		}
		if !IsRelease(next) || semver.Prerelease(next) != "" || tags[next] != "" {
			t.Errorf("%s after %q: %s", b, list, next)
		}
		if newest := Newest(tags, false); newest != "" && semver.Compare(next, newest) <= 0 {
			t.Errorf("%s after %q: %s is not higher than %s", b, list, next, newest)
		}
	})
}
