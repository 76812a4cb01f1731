//go:build unix

package docsite

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"
)

// TestStageWhateverTheUmask checks that the modes are the same on every machine: those that git stores.
func TestStageWhateverTheUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	tree := fstest.MapFS{
		"docs/package.json": {Data: []byte(`{"scripts":{"build":"x"}}`), Mode: 0o600}, "docs/package-lock.json": {Data: []byte("{}"), Mode: 0o664},
		"docs/run.sh": {Data: []byte("x"), Mode: 0o700}, "docs/deep/er/page.md": {Data: []byte("x"), Mode: 0o640},
	}
	plan, err := Detect(tree, "docs", Settings{Output: "build"})
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "staged")
	if _, err := Stage(tree, plan, Pages{Time: packed}, to); err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(to, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(name)
		want := fs.FileMode(0o644)
		switch {
		case e.IsDir():
			want = fs.ModeDir | 0o755
		case filepath.Base(name) == "run.sh":
			want = 0o755
		}
		if !e.IsDir() {
			files++
		}
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want)
		}
		return nil
	})
	if err != nil || files < 4 {
		t.Errorf("%d files, %v", files, err)
	}
}
