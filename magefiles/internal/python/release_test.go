package python_test

import (
	"errors"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

func TestRelease(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3": "1.2.3", "v0.0.0": "0.0.0",
		"v1.2.3-a.1": "1.2.3a1", "v1.2.3-alpha.1": "1.2.3a1", "v1.2.3-alpha": "1.2.3a0", "v1.2.3-b2": "1.2.3b2", "v1.2.3-beta.2": "1.2.3b2",
		"v1.2.3-rc.1": "1.2.3rc1", "v1.2.3-rc1": "1.2.3rc1", "v1.2.3-rc.1.dev.2": "1.2.3rc1.dev2", "v1.2.3-dev.4": "1.2.3.dev4", "v1.2.3-dev": "1.2.3.dev0",
	} {
		got, err := python.Release(version)
		if err != nil || got.String() != want {
			t.Errorf("%s is %s, %v; want %s", version, got, err, want)
		}
	}
	for version, says := range map[string]string{
		"1.2.3": "did you mean v1.2.3?", "v1.2": "did you mean v1.2.0?", "v1.2.3-preview.1": "no preview -preview.1: expected -a.N, -b.N, -rc.N or -dev.N",
		"v1.2.3-rc.1.2": "no preview", "v1.2.3-rcdev": "no preview", "v1.2.3-post.1": "no preview", "v1.2.3-1": "no preview", "v1.2.3+local": "build metadata", "latest": "does not name a version",
	} {
		var invalid *image.InvalidError
		if got, err := python.Release(version); !errors.As(err, &invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %s, %v; want %q", version, got, err, says)
		}
	}
}

func TestTag(t *testing.T) {
	for version, want := range map[string]string{
		"1": "v1.0.0", "1.2": "v1.2.0", "1.2.3": "v1.2.3", "1.2.3c4": "v1.2.3-rc.4", "1.2.3a1.dev2": "v1.2.3-a.1.dev.2", "1.2.dev3": "v1.2.0-dev.3",
		"1!1.2.3": "epoch", "1.2.3.4": "more than three numbers", "1.2.3.post1": "post release", "1.2.3+x": "local part",
	} {
		v, err := python.ParseVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Tag()
		if got != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v; want %q", version, got, err, want)
		}
	}
}

// FuzzVersion: the normal form of a version is a version with the same normal form and order, and a tag leads back to its version.
func FuzzVersion(f *testing.F) {
	for _, seed := range []string{"1.0", "v1!2.3.4-rc_05.post6.dev7+Ab-c.08", "1.2.3-1", " 1.dev\n", "v1.2.3-rc.1.dev.2", "v1.2.3-b", "1.0ſ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if v, err := python.ParseVersion(text); err == nil {
			again, err := python.ParseVersion(v.String())
			if err != nil || again.String() != v.String() || v.Compare(again) != 0 {
				t.Errorf("%q: %s, %s, %v", text, v, again, err)
			}
			if tag, err := v.Tag(); err == nil {
				if back, err := python.Release(tag); err != nil || back.Compare(v) != 0 {
					t.Errorf("%q: %s is %s, %v", text, tag, back, err)
				}
			}
		}
		if v, err := python.Release(text); err == nil {
			tag, err := v.Tag()
			back, backErr := python.Release(tag)
			if err != nil || backErr != nil || back.String() != v.String() {
				t.Errorf("%q: %s, %s, %s, %v, %v", text, v, tag, back, err, backErr)
			}
		}
		if n, err := python.ParseName(text); err == nil {
			if again, err := python.ParseName(n.Normalized()); err != nil || again.Normalized() != n.Normalized() {
				t.Errorf("%q: %q, %v", text, again, err)
			}
		}
	})
}
