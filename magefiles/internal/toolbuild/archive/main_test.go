package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The embedded archives must have the current content of the modules.
func TestArchivesAreCurrent(t *testing.T) {
	for _, owner := range []string{"engine/daemon", "lab"} {
		dir := filepath.Join("..", "..", filepath.FromSlash(owner))
		want, err := pack(os.DirFS(filepath.Join(dir, "modules")))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "modules.txtar"))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s/modules.txtar is not what its modules are: go generate ./magefiles/internal/%s (%v)", owner, owner, err)
		}
	}
}
