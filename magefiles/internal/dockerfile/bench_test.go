package dockerfile_test

import (
	"os"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
)

func BenchmarkParse(b *testing.B) {
	text := runner(b)
	for b.Loop() {
		if _, err := dockerfile.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLint(b *testing.B) {
	d, err := dockerfile.Parse(runner(b))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := d.Lint(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// runner is one of our Dockerfiles.
func runner(tb testing.TB) string {
	text, err := os.ReadFile("../../../containers/forgejo-runner/Dockerfile")
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}
