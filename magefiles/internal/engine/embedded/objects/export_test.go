package objects

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An export to a link writes the target of the link, as a program that opens the link would, and the link stays.
func TestCreateFileFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "a/b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"link": "file", "twice": "link", "folder": "a/b", "a/b/up": "../../made", "absolute": filepath.Join(dir, "folder/other"), "nowhere": "no/such", "loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		path, written string
		mode          fs.FileMode
		failed        string
	}{
		{path: "link", written: "file", mode: 0o400},
		{path: "twice", written: "file", mode: 0o400},
		{path: "folder/up", written: "made", mode: 0o750},
		{path: "absolute", written: "a/b/other", mode: 0o750},
		{path: "new/deep/file", written: "new/deep/file", mode: 0o750},
		{path: "nowhere", failed: "no such file or directory"},
		{path: "loop", failed: "too many levels of symbolic links"},
	} {
		err := createFile(filepath.Join(dir, c.path), 0o750, func(f *os.File) error {
			_, err := f.WriteString("new " + c.path)
			return err
		})
		if c.failed != "" {
			if err == nil || !strings.Contains(err.Error(), c.failed) {
				t.Errorf("%s: got %v, want an error with %q", c.path, err, c.failed)
			}
			continue
		}
		b, readErr := os.ReadFile(filepath.Join(dir, c.written))
		info, statErr := os.Lstat(filepath.Join(dir, c.written))
		if err := errors.Join(err, readErr, statErr); err != nil {
			t.Fatalf("%s: %v", c.path, err)
		}
		if string(b) != "new "+c.path || info.Mode() != c.mode {
			t.Errorf("%s: %s is %q with mode %v, want mode %v", c.path, c.written, b, info.Mode(), c.mode)
		}
	}
	if target, err := os.Readlink(filepath.Join(dir, "link")); target != "file" {
		t.Errorf("the link is %q, %v", target, err)
	}
}
