package secret

import (
	"net/url"
	"strings"
	"testing"
)

func TestInAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"u:canary@registry.example":                 {"canary", "***@registry.example"},
		"u:canary@127.0.0.1:5000/hub":               {"canary", "***@127.0.0.1:5000/hub"},
		"https://u:canary@forge.example/x?y#z":      {"canary", "https://***@forge.example/x?y#z"},
		"https://canary@forge.example":              {"canary", "https://***@forge.example"},
		"https://u:can@ry@forge.example/":           {"can@ry", "https://***@forge.example/"},
		"https://u:can/ary@forge.example/":          {"can/ary", "https://***@forge.example/"},
		"tcp://u:canary@host:1234":                  {"canary", "tcp://***@host:1234"},
		"https://:canary@forge.example":             {"canary", "https://***@forge.example"},
		"https://u:@forge.example":                  {"", "https://***@forge.example"},
		"https://u:u@u.example":                     {"u", "https://***@u.example"},
		"u:a:b@[::1]:5000":                          {"a:b", "***@[::1]:5000"},
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
		if secret != want[0] || ok != (want[1] != "") {
			t.Errorf("%s: %q, %v", address, secret, ok)
		}
		shown := WithoutCredentials(address)
		if ok && shown != want[1] || !ok && shown != address {
			t.Errorf("%s is shown as %s", address, shown)
		}
	}
}

// Whatever Go's own parser takes for a password is found.
func FuzzInAddress(f *testing.F) {
	for _, seed := range []string{"https://u:p@h/x", "https://u:p@h@i/x", "tcp://:p@h:1", "https://[::1]/@a", "http://a:b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		found, ok := InAddress(address)
		shown := WithoutCredentials(address)
		if ok && len(found) > 3 && strings.Count(address, found) == 1 && strings.Contains(shown, found) {
			t.Errorf("%q is shown as %q", address, shown)
		}
		u, err := url.Parse(address)
		if err == nil && u.Scheme != "" && strings.HasPrefix(address[len(u.Scheme):], "://") && u.User != nil && !ok {
			t.Errorf("%q: nothing is found", address)
		}
	})
}
