package repo

import (
	"io/fs"
	"os"
	"slices"
	"testing"
)

// A folder is checked out as the commit records it, with the files that its links lead to; "." is everything.
func TestCheckOutFolder(t *testing.T) {
	c := fixture(t)
	c.submodule()
	c.symlink("../a.txt", "dir/linked")
	c.git("add", "dir/linked")
	c.commit("more")
	commit := c.git("rev-parse", "HEAD")
	c.write("dir/untracked", "x")
	c.write("dir/b.txt", "edited")
	for dir, want := range map[string][]string{
		"dir": {"a.txt", "dir/b.txt", "dir/deep/c.txt", "dir/linked"},
		"sub": {"sub/f"},
		".":   {".gitignore", ".gitmodules", "a.txt", "build/kept", "dir/b.txt", "dir/deep/c.txt", "dir/linked", "lines", "link", "sub/f"},
	} {
		tree, err := c.open().CheckOutFolder(t.Context(), commit, t.TempDir(), dir)
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		defer tree.Release()
		var got []string
		err = fs.WalkDir(os.DirFS(tree.Root), ".", func(name string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				got = append(got, name)
			}
			return err
		})
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", dir, got, err, want)
		}
		if text, err := fs.ReadFile(os.DirFS(tree.Root), want[0]); err != nil || string(text) == "edited" {
			t.Errorf("%s: %q, %v", want[0], text, err)
		}
	}
}
