//go:build unix

package checks

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
)

// TestPipes replaces each kind of file by a pipe or a device: no check waits for a writer, and each file is reported.
func TestPipes(t *testing.T) {
	t.Parallel()
	for kind, make := range map[string]func(string) error{
		"pipe":   func(name string) error { return syscall.Mkfifo(name, 0o600) },
		"device": func(name string) error { return os.Symlink("/dev/zero", name) },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir, names := t.TempDir(), []string{}
			for name := range hostile() {
				place := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
					t.Fatal(err)
				}
				if make(place) == nil { // some systems do not allow such names
					names = append(names, name)
				}
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			report := run(t, regular.FS(root), names)
			found := map[string]bool{}
			for _, f := range report.Findings {
				found[f.Path] = true
			}
			for _, name := range names {
				if !found[name] && kind == "pipe" { // git tracks links
					t.Errorf("%s is not named", name)
				}
			}
			containers, err := image.Find(regular.FS(root))
			for _, c := range containers { // a package without a readable file is found, and fails later
				if c.Kind == image.KindDockerfile {
					t.Errorf("container %+v", c)
				}
			}
			if err == nil {
				t.Error("no container is refused")
			}
		})
	}
}

// TestUntrackedPipes: git does not list untracked pipes, so the check files cannot report one. A container with one among tracked files
// cannot be built, which is reported; a folder with nothing else is not part of the repository.
func TestUntrackedPipes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"tracked", "untracked"} {
		if err := os.MkdirAll(filepath.Join(dir, "containers", name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(filepath.Join(dir, "containers", name, "Dockerfile"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const note = "containers/tracked/note"
	if err := os.WriteFile(filepath.Join(dir, note), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var got []string
	for _, f := range run(t, regular.FS(root), []string{note}).Findings {
		got = append(got, f.String()+": "+f.Do)
	}
	const want = "containers/tracked: read containers/tracked/Dockerfile: is not a regular file: replace it with one, or remove it [containers/container]: " +
		"Replace it with a readable file, or remove it."
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
