package content

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tonistiigi/fsutil"
	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// treeOf makes a new folder with these files, and a function that reads it.
func treeOf(t *testing.T, files map[string]string) (dir string, read func() *Tree) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	return dir, func() *Tree {
		t.Helper()
		fs, err := fsutil.NewFS(dir)
		if err != nil {
			t.Fatal(err)
		}
		read, err := Read(t.Context(), fs)
		if err != nil {
			t.Fatal(err)
		}
		return read
	}
}

// write keeps the time of an existing file, as touch -r, tar -x and rsync -t do.
func write(t *testing.T, file, text string) {
	t.Helper()
	before, statErr := os.Stat(file)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if statErr != nil {
		return
	}
	if err := os.Chtimes(file, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
}

func TestTheDigestIsThatOfTheContent(t *testing.T) {
	dir, read := treeOf(t, map[string]string{"a": "hi", "b": "hi"})
	at := func(name string) string { return filepath.Join(dir, name) }
	set := func(value string) error { return unix.Setxattr(at("b"), "user.test", []byte(value), 0) }
	for _, step := range []struct {
		name   string
		change func() error
		same   bool
	}{
		{"nothing", func() error { return nil }, true},
		{"the time of a file", func() error { return os.Chtimes(at("a"), time.Unix(1, 0), time.Unix(1, 0)) }, true},
		{"the content, with size and time as before", func() error { write(t, at("a"), "ho"); return nil }, false},
		{"the name of a file", func() error { return os.Rename(at("a"), at("c")) }, false},
		{"the mode", func() error { return os.Chmod(at("b"), 0o755) }, false},
		{"an extended attribute", func() error { return set("1") }, false},
		{"the value of an attribute", func() error { return set("2") }, false},
		{"a link", func() error { return os.Symlink("b", at("l")) }, false},
		{"a folder", func() error { return os.Mkdir(at("d"), 0o755) }, false},
		{"a fifo", func() error { return unix.Mkfifo(at("f"), 0o644) }, false},
		{"a file that is gone", func() error { return os.Remove(at("l")) }, false},
	} {
		before := read().Digest()
		if err := step.change(); err == unix.ENOTSUP {
			continue // a file system without attributes
		} else if err != nil {
			t.Fatal(err)
		}
		if after := read().Digest(); (after == before) != step.same {
			t.Errorf("%s changed; the digest is the same: %v", step.name, after == before)
		}
	}
}

// An engine keeps the received content under the digest of the content that was read: it must not receive other content.
func TestWhatIsSentIsWhatWasRead(t *testing.T) {
	dir, read := treeOf(t, map[string]string{"a": "hi"})
	content := func(tr *Tree) (string, error) {
		f, err := tr.Open("a")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		return string(b), err
	}
	tr := read()
	if got, err := content(tr); got != "hi" || err != nil {
		t.Errorf("sent %q, %v", got, err)
	}
	write(t, filepath.Join(dir, "a"), "ho")
	if got, err := content(tr); err == nil || !strings.Contains(err.Error(), "a was changed while it was sent") {
		t.Errorf("sent %q, %v", got, err)
	}
	if err := os.Remove(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if got, err := content(tr); err == nil {
		t.Errorf("a file that is gone was sent as %q", got)
	}
	if _, err := tr.Open("b"); err == nil {
		t.Error("a file can be read that was not there")
	}
}

// fsutil sends an empty file for one that it cannot read.
func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	fs, err := fsutil.NewFS("/proc/self")
	if err != nil {
		testenv.Missing(t, err)
	}
	fs, err = fsutil.NewFilterFS(fs, &fsutil.FilterOpt{IncludePatterns: []string{"mem"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), fs); err == nil {
		t.Error("the memory at the address 0 was read")
	}
}

// An engine that compares sizes and times must notice each edit.
func TestTimesTellTheContent(t *testing.T) {
	dir, read := treeOf(t, map[string]string{"a": "hi", "b": "hi"})
	times := func(at time.Time) (a, b int64) {
		for _, name := range []string{"a", "b"} {
			if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
				t.Fatal(err)
			}
		}
		tree := read()
		tree.StampTimes()
		return tree.files["a"].stat.ModTime, tree.files["b"].stat.ModTime
	}
	for _, at := range []time.Time{time.Unix(1600000000, 123), time.Unix(0, 0), time.Unix(-5, 7)} {
		write(t, filepath.Join(dir, "a"), "hi")
		a, b := times(at)
		if a != b || time.Unix(0, a).Unix() != at.Unix() {
			t.Errorf("at %v: of one content the times are %d and %d", at, a, b)
		}
		write(t, filepath.Join(dir, "a"), "ho")
		if a, b := times(at); a == b || time.Unix(0, a).Unix() != at.Unix() {
			t.Errorf("at %v: of two contents the times are %d and %d", at, a, b)
		}
	}
}
