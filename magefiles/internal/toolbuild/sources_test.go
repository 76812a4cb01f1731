package toolbuild

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"
)

// A program from an archive must have the same key as one from the folder of the archive, so that both share one kept executable.
func TestArchive(t *testing.T) {
	b, _ := newBuilder(t)
	archive := &txtar.Archive{}
	err := filepath.WalkDir(b.Sources, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(b.Sources, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		archive.Files = append(archive.Files, txtar.File{Name: filepath.ToSlash(name), Data: text})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := look(t, b, hello()).Key
	packed := Builder{Archive: string(txtar.Format(archive)), Bin: filepath.Join(t.TempDir(), "bin")}
	for range 2 {
		path := build(t, packed, hello())
		if got := look(t, packed, hello()); got.Key != want || got.Path != path || !got.Kept {
			t.Errorf("got %+v, want the key %s", got, want)
		}
	}
	if left := files(t, packed.Bin); len(left) != 2 {
		t.Errorf("the folder has %v, want the executable and the sources", left)
	}
}
