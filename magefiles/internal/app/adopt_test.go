package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/adopt"
)

// TestWritePlan runs it on folders in which some of the files are there.
func TestWritePlan(t *testing.T) {
	t.Parallel()
	plan := []adopt.File{{Path: "magefiles/magefile.go", Text: "a\n"}, {Path: "magefiles/site.go", Text: "b\n"}}
	write := func(t *testing.T, dir, name, content string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string)
		want    []string
		err     string
	}{
		"new":           {func(*testing.T, string) {}, []string{"magefiles/magefile.go", "magefiles/site.go"}, ""},
		"half":          {func(t *testing.T, dir string) { write(t, dir, "magefiles/magefile.go", "a\n") }, []string{"magefiles/site.go"}, ""},
		"other content": {func(t *testing.T, dir string) { write(t, dir, "magefiles/site.go", "c\n") }, nil, "magefiles/site.go exists with other content"},
		"no folder":     {func(t *testing.T, dir string) { write(t, dir, "magefiles", "x") }, nil, "magefiles is not a folder"},
		"linked folder": {func(t *testing.T, dir string) { link(t, t.TempDir(), filepath.Join(dir, "magefiles")) }, nil, "magefiles is not a folder"},
		"linked file": {func(t *testing.T, dir string) {
			write(t, dir, "magefiles/magefile.go", "a\n")
			link(t, "none.go", filepath.Join(dir, "magefiles/site.go"))
		}, nil, "magefiles/site.go is a symbolic link to a missing file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c.prepare(t, dir)
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = root.Close() }() // of a folder that the test removes
			got, err := writePlan(root, plan)
			if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("got %q, %v; want %q, %q", got, err, c.want, c.err)
			}
			if again, err := writePlan(root, plan); c.err == "" && (err != nil || len(again) > 0) {
				t.Errorf("again: %q, %v", again, err)
			}
		})
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}
