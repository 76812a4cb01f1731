package staticshell

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func TestFolder(t *testing.T) {
	testenv.Program(t, "busybox", "apt-get install busybox-static")
	cache := t.TempDir()
	dir, err := Folder(t.Context(), cache)
	if err != nil {
		t.Fatal(err)
	}
	shell := exec.Command(filepath.Join(dir, "bin", "sh"), "-c", "ls -d /; vi --help 2>&1 | head -n1 | cut -c1-7")
	shell.Env = []string{"PATH=" + filepath.Join(dir, "bin")}
	if out, err := shell.CombinedOutput(); err != nil || string(out) != "/\nBusyBox\n" {
		t.Errorf("%q, %v", out, err)
	}
	if again, err := Folder(t.Context(), cache); err != nil || again != dir {
		t.Errorf("the second time: %s, %v", again, err)
	}
	if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestMachineWithoutShell(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	_, err := Folder(t.Context(), t.TempDir())
	testenv.WantError(t, err, "busybox is not installed")
	if err := os.WriteFile(filepath.Join(bin, "busybox"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = Folder(t.Context(), t.TempDir())
	testenv.WantError(t, err, "is not a program")
}
