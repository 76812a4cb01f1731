package toolbuild

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// hello is the program of testdata/hello.
func hello() Program {
	return Program{
		Name: "hello", Title: "Hello", Dir: "hello", Package: ".", Module: "example.org/lib", Seconds: 1,
		Stamp: map[string]string{"main.version": "{version}", "main.number": "{number}", "main.key": "k-{key}"},
	}
}

// newBuilder returns a builder with a copy of testdata as its sources, which the test may change.
func newBuilder(t *testing.T) (Builder, *lines) {
	t.Helper()
	sources := t.TempDir()
	if err := os.CopyFS(sources, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	log := &lines{}
	return Builder{Sources: sources, Bin: filepath.Join(t.TempDir(), "bin"), Log: log.add}, log
}

func build(t *testing.T, b Builder, p Program) string {
	t.Helper()
	path, err := b.Build(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func look(t *testing.T, b Builder, p Program) State {
	t.Helper()
	s, err := b.Inspect(p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, data string, elem ...string) {
	t.Helper()
	path := filepath.Join(elem...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// files are the names in a folder, without the locks, which stay.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

// lines collects progress.
type lines struct {
	mu    sync.Mutex
	all   []string
	heard func(string) // receives each line as well, if set
}

func (l *lines) add(line string) {
	l.mu.Lock()
	l.all = append(l.all, line)
	l.mu.Unlock()
	if l.heard != nil {
		l.heard(line)
	}
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.all {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}
