package changelog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
)

// BenchmarkBuild makes a section of 500 fragments for a changelog of 500 sections, on disk.
func BenchmarkBuild(b *testing.B) {
	dir := b.TempDir()
	write := func(name, text string) {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	write("towncrier.toml", read(b, "testdata/towncrier.toml"))
	old := "# Changelog\n\n<!-- towncrier release notes start -->\n"
	kinds := []string{"feature", "bugfix", "infra", "doc", "misc"}
	for i := range 500 {
		write(fmt.Sprintf("docs/changelog.d/change-%d.%s.md", i, kinds[i%len(kinds)]), fmt.Sprintf("Change number %d.\n\nMore about it.\n", i))
		old += fmt.Sprintf("\n## [v1.%d.0] - 2025-01-01\n\n### Features\n\n%s\n", 500-i, strings.Repeat("- Something was changed.\n", 10))
	}
	write("CHANGELOG.md", old)
	for b.Loop() {
		built, err := changelog.Build(os.DirFS(dir), changelog.Input{Version: "v2.0.0", Date: "2026-03-08"})
		if err != nil || len(built.Changes) != 501 {
			b.Fatal(err)
		}
	}
}
