package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseKeep(t *testing.T) {
	at := t.TempDir()
	for _, d := range []string{"empty", "full/content"} {
		if err := os.MkdirAll(filepath.Join(at, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("empty", filepath.Join(at, "link")); err != nil {
		t.Fatal(err)
	}
	for name, refused := range map[string]string{
		"new": "", "new/": "", "empty": "", "full": "not an empty folder", "link": "not an empty folder", "no/where": "create it first",
	} {
		dir, err := ParseKeep("dir:" + at + "/" + name)
		if refused == "" && (err != nil || dir != filepath.Join(at, name)) || refused != "" && (err == nil || !strings.Contains(err.Error(), refused)) {
			t.Errorf("%s: %q, %v, want %q", name, dir, err, refused)
		}
	}
	for _, s := range []string{"", "true", "state", "dir:", "dir:.", "dir:..", "dir:/", "oci:state"} {
		if dir, err := ParseKeep(s); err == nil || !strings.Contains(err.Error(), "expected dir:DIR") {
			t.Errorf("%q: %q, %v", s, dir, err)
		}
	}
}
