package image

import (
	"slices"
	"testing"

	"github.com/containerd/platforms"
)

func TestParsePlatform(t *testing.T) {
	for input, want := range map[string]Platform{
		"linux/amd64":    {"linux", "amd64", ""},
		"linux/arm64":    {"linux", "arm64", ""},
		"linux/arm64/v8": {"linux", "arm64", ""},
		"linux/arm":      {"linux", "arm", "v7"},
		"linux/arm/v6":   {"linux", "arm", "v6"},
		"linux/x86_64":   {"linux", "amd64", ""},
	} {
		if got, err := ParsePlatform(input); err != nil || got != want {
			t.Errorf("ParsePlatform(%q) = %v, %v; want %v", input, got, err, want)
		}
	}
	for input, reason := range map[string]string{
		"":              "is empty",
		"arm":           "did you mean linux/arm64, or linux/arm/v7 for 32 bits?",
		"amd64":         "did you mean linux/amd64?",
		"x86_64":        "did you mean linux/amd64?",
		"Linux/AMD64":   "did you mean linux/amd64?",
		"linux/amd46":   "did you mean linux/amd64?",
		"windows/amd64": "known: linux/amd64, linux/arm64, linux/arm/v7",
		"linux":         "is unknown",
		"linux/amd64/":  "is unknown",
		"../../etc":     "is unknown",
	} {
		_, err := ParsePlatform(input)
		wantInvalid(t, err, input, reason)
	}
}

func TestParsePlatforms(t *testing.T) {
	got, err := ParsePlatforms("linux/arm64, linux/amd64")
	if want := []Platform{{"linux", "arm64", ""}, {"linux", "amd64", ""}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v in the order given", got, err, want)
	}
	for _, bad := range []string{"", "linux/amd64,", "linux/amd64,linux/amd64", "linux/arm,linux/arm/v7", "linux/amd64 linux/arm64"} {
		if got, err := ParsePlatforms(bad); err == nil {
			t.Errorf("ParsePlatforms(%q) = %v; want an error", bad, got)
		}
	}
}

func TestSamePlatforms(t *testing.T) {
	amd, arm := Platform{"linux", "amd64", ""}, Platform{"linux", "arm64", ""}
	if !SamePlatforms([]Platform{amd, arm}, []Platform{arm, amd}) {
		t.Error("the order must not matter")
	}
	if SamePlatforms([]Platform{amd}, []Platform{amd, arm}) || SamePlatforms([]Platform{amd}, []Platform{arm}) {
		t.Error("different lists are said to be the same")
	}
}

// A platform that is accepted here must be read in the same way by containerd, and so by every engine.
func FuzzParsePlatform(f *testing.F) {
	for _, seed := range []string{"linux/amd64", "arm", "linux/arm/v7", "linux/arm64/v8", "linux/arm", "//", "a/b/c/d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePlatform(s)
		if err != nil {
			return
		}
		theirs, err := platforms.Parse(s)
		if err != nil {
			t.Fatalf("containerd refuses %q: %v", s, err)
		}
		if got := platforms.Format(platforms.Normalize(theirs)); got != p.String() {
			t.Errorf("ParsePlatform(%q) = %q, containerd says %q", s, p, got)
		}
		if again, err := ParsePlatform(p.String()); err != nil || again != p {
			t.Errorf("%q does not survive a round trip: %q, %v", s, again, err)
		}
	})
}

func FuzzParsePlatforms(f *testing.F) {
	f.Add("linux/amd64,linux/arm64")
	f.Add(",")
	f.Fuzz(func(t *testing.T, s string) {
		list, err := ParsePlatforms(s)
		if err != nil {
			return
		}
		again, err := ParsePlatforms(JoinPlatforms(list))
		if err != nil || !slices.Equal(list, again) {
			t.Errorf("%q does not survive a round trip: %v, %v", s, again, err)
		}
	})
}
