package e2etest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// CopyTree copies the files of a folder.
func CopyTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rest, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		return copyFile(name, filepath.Join(to, rest))
	})
}

// Snapshot is a repository with this checkout's files as they are now, on main.
func (w *Workspace) Snapshot() string {
	w.T.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = setup.root
	out, err := list.Output()
	if err != nil {
		w.T.Fatal(err)
	}
	dir := filepath.Join(w.Dir, "snapshot")
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(setup.root, name), filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			w.T.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main", "."}, {"add", "--all"}, {"commit", "--quiet", "--message=Snapshot"},
	} {
		if err := Git(dir, w.Env, args...); err != nil {
			w.T.Fatal(err)
		}
	}
	return dir
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err // removed, and not committed yet
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode())
}

// CheckoutFiles are the files of this checkout, committed or not.
func CheckoutFiles(t *testing.T) (names []string) {
	t.Helper()
	cmd := exec.Command("git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = setup.root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		if _, err := os.Stat(filepath.Join(setup.root, name)); err == nil { // one that was deleted is still in the index
			names = append(names, name)
		}
	}
	return names
}
