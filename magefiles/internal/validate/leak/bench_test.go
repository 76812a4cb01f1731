package leak

import (
	"fmt"
	"strings"
	"testing"
)

// page is 5 KB of typical text of a repository.
func page(i int) string {
	const lines = "The key of the map: an access token, or the secret's name. Authors monkey with the API.\n" +
		"\ttoken, err := s.Resolve(ctx, api.Key(name)) // they are kept by the desktop app\n" +
		"        image: registry.example/site/app:v1.2.3@sha256:0123456789abcdef\n"
	return fmt.Sprintf("# Page %d\n", i) + strings.Repeat(lines, 20)
}

// BenchmarkScan scans 1,500 files on one core.
func BenchmarkScan(b *testing.B) {
	s := scanner(b, "", "")
	for b.Loop() {
		for i := range 1500 {
			s.Scan("docs/page.md", page(i))
		}
	}
}

// BenchmarkNew measures the work of each run before the first file.
func BenchmarkNew(b *testing.B) {
	b.Run("own", func(b *testing.B) {
		for b.Loop() {
			_, _, _ = New("[extend]\nuseDefault=true\n[[allowlists]]\ndescription='a'\npaths=['x']", "")
		}
	})
}

// TestHostile scans texts on which a slow scanner hangs: the test's own timeout decides.
func TestHostile(t *testing.T) {
	t.Parallel()
	s := scanner(t, "", "")
	for name, unit := range map[string]string{
		"curl": "curl ", "token": "token=", "key": "-----BEGIN PRIVATE KEY-----\n", "jwt": "-eyAAAAAAAAAAAAAAAAAAA.eyA", "akia": "AK" + "IAK3V7Q2M7X2P4ZR26\n",
		"secret": "secret:\n", "base64": "QUtJQUszVjdRMk" + "03WDJQNFpSMjY= ", "one line": "AK" + "IAK3V7Q2M7X2P4ZR26 ", "dots": "s.", "operator": "a3ts.ey=>:key",
	} {
		text := strings.Repeat(unit, (128<<10)/len(unit))
		t.Run(name, func(t *testing.T) { t.Logf("%d found", len(s.Scan("a.yaml", text))) })
	}
}
