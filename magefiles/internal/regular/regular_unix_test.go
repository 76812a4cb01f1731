//go:build unix

package regular

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// A pipe, a socket and a link to a device are refused immediately, by every way to read a file.
func TestSpecialFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "special") // short, as the path of a socket must be
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	listener, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600), os.Symlink("/dev/zero", filepath.Join(dir, "zero")),
		os.Symlink("pipe", filepath.Join(dir, "link")), os.Mkdir(filepath.Join(dir, "folder"), 0o700)); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	tree := FS(root)
	for _, name := range []string{"pipe", "socket", "link"} {
		if _, err := fs.ReadFile(tree, name); !errors.Is(err, ErrSpecial) {
			t.Errorf("%s: ReadFile: %v", name, err)
		}
		if _, err := tree.Open(name); !errors.Is(err, ErrSpecial) {
			t.Errorf("%s: Open: %v", name, err)
		}
		if _, err := fs.ReadDir(tree, name); !errors.Is(err, ErrSpecial) {
			t.Errorf("%s: ReadDir: %v", name, err)
		}
		if _, err := ReadFile(filepath.Join(dir, name)); !errors.Is(err, ErrSpecial) {
			t.Errorf("%s: by path: %v", name, err)
		}
	}
	if _, err := ReadFile(filepath.Join(dir, "zero")); !errors.Is(err, ErrSpecial) {
		t.Errorf("zero, by path: %v", err)
	}
	if _, err := fs.ReadFile(tree, "zero"); err == nil {
		t.Error("a link out of the tree was followed")
	}
	if _, err := fs.ReadDir(tree, "folder"); err != nil {
		t.Error(err)
	}
	// Another process puts a pipe there between the check and the opening.
	unseen := func(string) (fs.FileInfo, error) { return nil, fs.ErrNotExist }
	if _, err := open(filepath.Join(dir, "pipe"), unseen, os.OpenFile); !errors.Is(err, ErrSpecial) {
		t.Errorf("not seen before it is opened: %v", err)
	}
}

func TestHugeFilesAreRefused(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "sparse")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, 1<<40); err != nil {
		testenv.Missing(t, err)
	}
	if _, err := ReadFile(name); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

// It passes the standard library's test of file systems.
func TestFS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "a/b"), 0o700), os.WriteFile(filepath.Join(dir, "a/b/c"), []byte("x"), 0o600),
		os.Symlink("c", filepath.Join(dir, "a/b/d"))); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := fstest.TestFS(FS(root), "a/b/c", "a/b/d"); err != nil {
		t.Error(err)
	}
}
