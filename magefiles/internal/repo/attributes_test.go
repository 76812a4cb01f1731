package repo

import (
	"maps"
	"testing"
)

func TestLinguist(t *testing.T) {
	c := fixture(t)
	c.write(".gitattributes", "third/** linguist-vendored\n*.pb.md linguist-generated=true\nown/testdata/** -linguist-vendored\n/x.md linguist-vendored=false linguist-generated\n/y.md text\n")
	c.write("third/own/.gitattributes", "* !linguist-vendored\n")
	files := []string{"third/a ä.md", "third/own/a.md", "b.pb.md", "own/testdata/c.md", "x.md", "y.md", "*"}
	got, err := c.open().Linguist(t.Context(), files)
	want := map[string]bool{"third/a ä.md": true, "b.pb.md": true, "own/testdata/c.md": false, "x.md": true}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got, err := c.open().Linguist(t.Context(), nil); got != nil || err != nil {
		t.Error(got, err)
	}
}
