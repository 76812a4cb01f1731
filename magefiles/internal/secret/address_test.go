package secret

import (
	"net/url"
	"strings"
	"testing"
)

func TestInAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]struct {
		secret string
		ok     bool
	}{
		"u:canary@registry.example":                 {"canary", true},
		"u:canary@127.0.0.1:5000/hub":               {"canary", true},
		"https://u:canary@forge.example/x?y#z":      {"canary", true},
		"https://canary@forge.example":              {"canary", true},
		"https://u:can@ry@forge.example/":           {"can@ry", true},
		"https://u:can/ary@forge.example/":          {"can/ary", true},
		"tcp://u:canary@host:1234":                  {"canary", true},
		"https://:canary@forge.example":             {"canary", true},
		"https://u:@forge.example":                  {"", true},
		"https://u:u@u.example":                     {"u", true},
		"u:a:b@[::1]:5000":                          {"a:b", true},
		"registry.example":                          {},
		"registry.example:5000/a@sha256:0123":       {},
		"https://npm.example/@own/package":          {},
		"https://npm.example:8443/@own":             {},
		"[::1]:5000/a@b":                            {},
		"http://[fe80::1]/a@b":                      {},
		"unix:///run/buildkit/a@b/buildkitd.sock":   {},
		"docker.io/library/debian:12@sha256:abcdef": {},
	} {
		secret, ok := InAddress(address)
		if secret != want.secret || ok != want.ok {
			t.Errorf("%s: %q, %v", address, secret, ok)
		}
	}
}

// FuzzInAddress: any password that Go's own parser finds is found.
func FuzzInAddress(f *testing.F) {
	for _, seed := range []string{"https://u:p@h/x", "https://u:p@h@i/x", "tcp://:p@h:1", "https://[::1]/@a", "http://a:b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		found, ok := InAddress(address)
		if !strings.Contains(address, found) {
			t.Errorf("%q is not in %q", found, address)
		}
		u, err := url.Parse(address)
		if err == nil && u.Scheme != "" && strings.HasPrefix(address[len(u.Scheme):], "://") && u.User != nil && !ok {
			t.Errorf("%q: nothing is found", address)
		}
	})
}
