//go:build unix

package validate

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFolder reads a real folder: entries that are not regular files, links, unusual names.
func TestFolder(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(outside, []byte("outside"), 0o600))
	must(t, os.MkdirAll(filepath.Join(dir, "folder.md", "below"), 0o755))
	for name, text := range map[string]string{"plain": "text", "folder.md/a": "in", "new\nline": "lines", "large": strings.Repeat("a", 10<<20)} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	for name, target := range map[string]string{
		"link": "plain", "self": "self", "loop1": "loop2", "loop2": "loop1", "dangling": "nowhere", "absolute": outside, "up": "../" + filepath.Base(filepath.Dir(outside)) + "/secret",
		"to-folder": "folder.md", "folder.md/around": "..", "null": "/dev/null",
	} {
		must(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	must(t, os.Symlink("fifo", filepath.Join(dir, "to-fifo")))
	want := map[string]string{ // text:… or the rule of its problem
		"plain": "text:text", "folder.md/a": "text:in", "new\nline": "text:lines", "link": "text:text", "folder.md/around/plain": "text:text", "large": "large",
		"folder.md": "", "to-folder": "", "folder.md/around": "", "fifo": "unreadable", "to-fifo": "unreadable",
		"self": "unreadable", "loop1": "unreadable", "dangling": "unreadable", "absolute": "unreadable", "up": "unreadable", "null": "unreadable", "none": "unreadable",
	}
	if runtime.GOOS == "linux" { // file systems of other systems refuse the name
		must(t, os.WriteFile(filepath.Join(dir, "in\xffvalid"), []byte("bytes"), 0o644))
		want["in\xffvalid"] = "unreadable" // io/fs does not accept such names
	}
	if listener, err := net.Listen("unix", filepath.Join(dir, "s")); err == nil { // the path may be too long for a socket
		defer func() { _ = listener.Close() }()
		want["s"] = "unreadable"
	}
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer func() { _ = root.Close() }()
	var names []string
	for name := range want {
		names = append(names, name)
	}
	all := NewTree(root.FS(), names)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for name, want := range want {
			rule, message := all.Problem(name)
			got := rule
			if text, ok := all.Text(name); ok {
				got = "text:" + text
			}
			if got != want || strings.Contains(message, dir) || strings.Contains(message, outside) {
				t.Errorf("%q: %.40q (%s), want %q", name, got, message, want)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("still reading: a FIFO was opened")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
