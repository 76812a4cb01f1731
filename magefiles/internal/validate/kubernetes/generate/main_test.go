package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

const lab = "../../../lab/modules/argocd"

// TestSchemas compares the embedded schemas with those of the lab's versions. It requires their modules, which the build of the lab
// downloads.
func TestSchemas(t *testing.T) {
	t.Parallel()
	for name := range outputs {
		if _, _, err := locate(lab, name); err != nil {
			testenv.Missing(t, fmt.Sprintf("%v: go tool mage lab:up downloads it", err))
		}
	}
	out := t.TempDir()
	if err := run(lab, out); err != nil {
		t.Fatal(err)
	}
	for _, name := range outputs {
		got, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("..", "schemas", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("schemas/%s is not what the lab's modules say (%v): run go generate in validate/kubernetes, and mend Version there", name, err)
		}
	}
}
