package scratch

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// TestMain is also the process that tests kill: it makes a folder and a file, and waits.
func TestMain(m *testing.M) {
	if parent := os.Getenv("SCRATCH_HOLDS"); parent != "" {
		d, err := Make(parent, "blumeops-test-")
		if err != nil {
			panic(err)
		}
		if err := os.Mkdir(filepath.Join(d.Path, "content"), 0o700); err != nil {
			panic(err)
		}
		f, err := Create(parent, ".blumeops-test-")
		if err != nil {
			panic(err)
		}
		os.Stdout.WriteString("ready\n")
		_, _ = io.Copy(io.Discard, os.Stdin)
		f.Discard()
	}
	os.Exit(m.Run())
}

// holder starts a process that holds a folder and a file.
func holder(t *testing.T, parent string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "SCRATCH_HOLDS="+parent)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return cmd
}

func names(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// The leftovers of a killed process are removed with the next Make; a locked folder and another name stay.
func TestKilled(t *testing.T) {
	parent := t.TempDir()
	if err := os.Mkdir(filepath.Join(parent, "blumeops-other-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	killed, alive := holder(t, parent), holder(t, parent)
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	if n := names(t, parent); n != 5 {
		t.Errorf("%d before, want the other's, and two of each process", n)
	}
	d, err := Make(parent, "blumeops-test-")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Create(parent, ".blumeops-test-")
	if err != nil {
		t.Fatal(err)
	}
	if n := names(t, parent); n != 5 {
		t.Errorf("%d after, want the other's, those of the process that lives, and ours", n)
	}
	f.Discard()
	if err := d.Remove(); err != nil {
		t.Error(err)
	}
	if n := names(t, parent); n != 3 {
		t.Errorf("%d at the end", n)
	}
	_ = alive
}

// Many concurrent calls never remove one that is in use.
func TestManyAtOnce(t *testing.T) {
	parent := t.TempDir()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 25 {
				d, err := Make(parent, "blumeops-test-")
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(d.Path, "x"), nil, 0o600); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(filepath.Join(d.Path, "x")); err != nil {
					t.Error(err)
				}
				if err := d.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := names(t, parent); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// A file that was renamed to its place stays there.
func TestRenamed(t *testing.T) {
	parent := t.TempDir()
	f, err := Create(parent, ".blumeops-test-")
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(parent, "made")
	if _, err := f.WriteString("content"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(f.Name(), to); err != nil {
		t.Fatal(err)
	}
	f.Discard()
	if text, err := os.ReadFile(to); err != nil || string(text) != "content" {
		t.Errorf("%q, %v", text, err)
	}
	var none Dir
	if err := none.Remove(); err != nil {
		t.Error(err)
	}
}
