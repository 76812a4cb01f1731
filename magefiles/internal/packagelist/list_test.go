package packagelist_test

import (
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/packagelist"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

func TestList(t *testing.T) {
	files := fstest.MapFS{
		"python/b/pyproject.toml": {Data: []byte("[project]\nname = \"B_b\"\nversion = \"1.0\"\n[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n")},
		"python/a/pyproject.toml": {Data: []byte("[project]\nname = \"a\"\ndynamic = [\"version\"]\n[tool.setuptools_scm]\n")},
		"python/c/pyproject.toml": {Data: []byte("[project]\n")},
	}
	listing, err := packagelist.List{Files: files, Places: python.Places{Folders: []string{"python"}}}.Run()
	want := `NAME  VERSION   BACKEND                           FOLDER
a     from tag  setuptools.build_meta:__legacy__  python/a
B_b   1.0       hatchling.build                   python/b`
	if listing.String() != want {
		t.Errorf("got\n%s\nwant\n%s", listing, want)
	}
	if err == nil {
		t.Error("a project without a name is no error")
	}
}
