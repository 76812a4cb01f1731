package engine_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dagger.io/dagger"
)

func TestSearchesAFolder(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	d := c.Directory().WithNewFile("a.txt", "needle\nother\n").WithNewFile("sub/b.go", "a needle, a needle").WithNewFile("sub/.hidden", "needle").
		WithNewFile("c.bin", "needle\x00").WithNewFile("out/d.txt", "needle").WithNewFile(".ignore", "out/\n").WithNewFile("z", "NEEDLE n.edle").
		WithSymlink("a.txt", "link")
	for name, step := range map[string]struct {
		pattern string
		opts    dagger.DirectorySearchOpts
		want    []string
	}{
		"all":          {"needle", dagger.DirectorySearchOpts{}, []string{"a.txt", "out/d.txt", "sub/.hidden", "sub/b.go"}},
		"visible":      {"needle", dagger.DirectorySearchOpts{SkipHidden: true}, []string{"a.txt", "out/d.txt", "sub/b.go"}},
		"not ignored":  {"needle", dagger.DirectorySearchOpts{SkipIgnored: true}, []string{"a.txt", "sub/.hidden", "sub/b.go"}},
		"a folder":     {"needle", dagger.DirectorySearchOpts{Paths: []string{"/sub"}}, []string{"sub/.hidden", "sub/b.go"}},
		"a file":       {"needle", dagger.DirectorySearchOpts{Paths: []string{"./a.txt"}}, []string{"a.txt"}},
		"a glob":       {"needle", dagger.DirectorySearchOpts{Globs: []string{"*.txt"}}, []string{"a.txt", "out/d.txt"}},
		"not a glob":   {"needle", dagger.DirectorySearchOpts{Globs: []string{"!*.txt", "!sub"}}, nil},
		"globs":        {"needle", dagger.DirectorySearchOpts{Globs: []string{"*.txt", "!out"}}, []string{"a.txt"}},
		"limited":      {"needle", dagger.DirectorySearchOpts{Limit: 2}, []string{"a.txt", "out/d.txt"}},
		"any case":     {"needle", dagger.DirectorySearchOpts{Insensitive: true, Globs: []string{"z"}}, []string{"z"}},
		"literal":      {"n.edle", dagger.DirectorySearchOpts{Literal: true}, []string{"z"}},
		"only files":   {"needle", dagger.DirectorySearchOpts{FilesOnly: true, Paths: []string{"sub/b.go"}}, []string{"sub/b.go"}},
		"without them": {"haystack", dagger.DirectorySearchOpts{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			results, err := d.Search(ctx, step.pattern, step.opts)
			must(t, err)
			var got []string
			for _, r := range results {
				path, err := r.FilePath(ctx)
				must(t, err)
				got = append(got, path)
			}
			if !slices.Equal(got, step.want) {
				t.Errorf("got %q, want %q", got, step.want)
			}
		})
	}
	results, err := d.File("sub/b.go").Search(ctx, "ne+dle")
	must(t, err)
	if len(results) != 1 {
		t.Fatalf("%d results", len(results))
	}
	lines, err := results[0].MatchedLines(ctx)
	must(t, err)
	parts, err := results[0].Submatches(ctx)
	must(t, err)
	if lines != "a needle, a needle" || len(parts) != 2 {
		t.Fatalf("%q, %d parts", lines, len(parts))
	}
	if start, err := parts[1].Start(ctx); err != nil || start != 12 {
		t.Errorf("the second part begins at %d, %v", start, err)
	}
	for want, opts := range map[string]dagger.DirectorySearchOpts{
		"path cannot escape directory: ../x": {Paths: []string{"../x"}}, "No such file or directory": {Paths: []string{"nowhere"}},
	} {
		if _, err := d.Search(ctx, "x", opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A link in the directory leads to no file of this machine.
func TestASearchStaysInTheDirectory(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	host := t.TempDir()
	must(t, os.WriteFile(filepath.Join(host, "secret"), []byte("needle"), 0o600))
	d := c.Directory().WithSymlink(host, "link").WithNewFile("sub/f", "needle").WithSymlink("sub", "inside")
	for _, p := range []string{"link/secret", "link"} {
		if found, err := d.Search(ctx, "needle", dagger.DirectorySearchOpts{Paths: []string{p}}); err == nil && len(found) > 0 {
			t.Errorf("%s: a file of this machine is found", p)
		}
	}
	if found, err := d.Search(ctx, "needle", dagger.DirectorySearchOpts{Paths: []string{"inside/f"}}); err != nil || len(found) != 1 {
		t.Errorf("through a link inside: %v, %v", found, err)
	}
}
