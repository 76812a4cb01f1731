package image

import (
	"strings"
	"testing"
)

func TestNewReference(t *testing.T) {
	v, _ := ParseVersion("v0.1.0")
	for _, c := range []struct{ registry, namespace, want string }{
		{"registry.ops.eblu.me", "blumeops", "registry.ops.eblu.me/blumeops/nettest:v0.1.0"},
		{"127.0.0.1:5000", "blumeops/tools", "127.0.0.1:5000/blumeops/tools/nettest:v0.1.0"},
		{"localhost", "", "localhost/nettest:v0.1.0"},
		{"[::1]:5000", "blumeops", "[::1]:5000/blumeops/nettest:v0.1.0"},
	} {
		got, err := NewReference(c.registry, c.namespace, "nettest", v)
		if err != nil || got.String() != c.want {
			t.Errorf("NewReference(%q, %q) = %q, %v; want %q", c.registry, c.namespace, got, err, c.want)
		}
	}
	for input, reason := range map[string]string{
		"":                         "is empty",
		"https://registry.example": "must not have a scheme",
		"registry.example/path":    "has a path",
		"registry":                 "expected a host with a dot or a port",
	} {
		_, err := NewReference(input, "blumeops", "nettest", v)
		wantInvalid(t, err, input, reason)
	}
	for _, input := range []string{"ci:canary@registry.example", "ci:can/canary@registry.example", "https://ci:canary@registry.example"} {
		if _, err := NewReference(input, "blumeops", "nettest", v); err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "registry.example") {
			t.Errorf("%s: %v", input, err)
		}
	}
	if got, err := NewReference("registry.example", "Blume Ops", "nettest", v); err == nil {
		t.Errorf("a namespace with upper case and a space was accepted: %q", got)
	}
}

func TestParseReference(t *testing.T) {
	got, err := ParseReference("127.0.0.1:5000/blumeops/nettest:dev")
	want := Reference{"127.0.0.1:5000", "blumeops/nettest", "dev"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if got := want.WithDigest("sha256:ab"); got != "127.0.0.1:5000/blumeops/nettest:dev@sha256:ab" {
		t.Errorf("WithDigest = %q", got)
	}
	for input, reason := range map[string]string{
		"":                       "expected REGISTRY/REPOSITORY:TAG",
		"registry.example/a":     "has no tag",
		"nettest:v1":             "registry missing",
		"library/nettest:v1":     "registry missing",
		"http://a.b/c:d":         "must not have a scheme",
		"a.b/C:d":                "expected REGISTRY/REPOSITORY:TAG",
		"registry.example/a/b:-": "expected REGISTRY/REPOSITORY:TAG",
		"a.b/c:d@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": "has a digest",
	} {
		_, err := ParseReference(input)
		wantInvalid(t, err, input, reason)
	}
}

func FuzzParseReference(f *testing.F) {
	for _, seed := range []string{"127.0.0.1:5000/a/b:v1", "localhost/a:b", "[::1]:5000/a:b", "a.b/c:d@sha256:x", "A.b/c:d", "x/y:z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseReference(s)
		if err != nil {
			return
		}
		if r.String() != s || r.Name()+":"+r.Tag != s || !isHost(r.Registry) || r.Repository == "" || !tagForm.MatchString(r.Tag) {
			t.Errorf("ParseReference(%q) = %+v, which prints as %q", s, r, r)
		}
	})
}
