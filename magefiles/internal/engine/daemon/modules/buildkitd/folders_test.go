package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestFoldersThatAreLeft(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"buildkit-mount1", "buildkit-mount2/file", "buildkit-mount3", "other"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	changed := map[string]time.Duration{"buildkit-mount1": 2 * unusedTime, "buildkit-mount2": 2 * unusedTime, "buildkit-mount3": unusedTime / 2, "other": 2 * unusedTime}
	for name, ago := range changed {
		if err := os.Chtimes(filepath.Join(dir, name), now, now.Add(-ago)); err != nil {
			t.Fatal(err)
		}
	}
	m := mountFolders{dir: dir}
	want := func(names ...string) {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if !slices.Equal(got, names) {
			t.Errorf("got %q, want %q", got, names)
		}
	}
	m.sweep(now)
	want("buildkit-mount2", "buildkit-mount3", "other")
	m.sweep(now.Add(unusedTime * 3 / 4)) // too early for another sweep
	want("buildkit-mount2", "buildkit-mount3", "other")
	m.sweep(now.Add(unusedTime))
	want("buildkit-mount2", "other")
}
