package validate

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	all := tree(map[string]string{"docs/a.md": "", "docs/b/c.md": "", "docs/b.yaml": "", "docs2/d.md": "", "docs-old.md": "", "docs": "", "x": "", "doc/e.md": ""})
	for _, c := range []struct {
		dir, suffixes, want string
	}{
		{".", "", "doc/e.md docs docs-old.md docs/a.md docs/b.yaml docs/b/c.md docs2/d.md x"}, {"", ".md", "doc/e.md docs-old.md docs/a.md docs/b/c.md docs2/d.md"},
		{"docs", "", "docs/a.md docs/b.yaml docs/b/c.md"}, {"docs/", ".md", "docs/a.md docs/b/c.md"}, {"docs", ".md .yaml", "docs/a.md docs/b.yaml docs/b/c.md"},
		{"docs/b", "", "docs/b/c.md"}, {"none", "", ""}, {"x", "", ""}, {"docs2", ".yaml", ""},
	} {
		if got := all.Files(c.dir, strings.Fields(c.suffixes)...); strings.Join(got, " ") != c.want {
			t.Errorf("%q %q: %v, want %s", c.dir, c.suffixes, got, c.want)
		}
	}
	for name, want := range map[string]bool{
		".": true, "docs": true, "docs/": true, "docs/b": true, "docs/b/c.md": true, "docs/../x": true, "docs/c": false, "doc": true, "do": false, "../x": false, "/x": false,
	} {
		if got := all.Has(name); got != want {
			t.Errorf("Has(%q) is %v", name, got)
		}
	}
	twice := NewTree(fstest.MapFS{}, []string{"b", "a", "b"})
	if got := twice.Files("."); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("a file that is listed twice: %v", got)
	}
}

func TestForeign(t *testing.T) {
	t.Parallel()
	tree := NewTree(fstest.MapFS{}, []string{"vendor/modules.txt", "sub/vendor/modules.txt"}).Stated(map[string]bool{"a/testdata/own": false, "made.md": true})
	for name, want := range map[string]bool{
		"testdata/a": true, "a/testdata/b": true, "testdata": false, "a/mytestdata/b": false, "testdata2/a": false, "a/testdata/own": false, "made.md": true,
		"vendor/a/b.md": true, "sub/vendor/c.md": true, "other/vendor/d.md": false, "web/node_modules/x/README.md": true, "a_test.go": false,
	} {
		if tree.Foreign(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if !tree.Test("a/b_test.go") || !tree.Test("testdata/a") || tree.Test("a/b.go") {
		t.Error("the tests are others")
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	exact := strings.Repeat("a", MaxSize)
	late := strings.Repeat("a", 8000) + "\x00"
	for name, c := range map[string]struct{ in, out, rule string }{
		"plain": {"a é\n", "a é\n", ""}, "empty": {"", "", ""}, "mark": {"\xef\xbb\xbfa", "a", ""}, "mark alone": {"\xef\xbb\xbf", "", ""},
		"exact": {exact, exact, ""}, "late NUL": {late, late, ""},
		"NUL": {"a\x00b", "-", ""}, "NUL at the end of what is looked at": {strings.Repeat("a", 7999) + "\x00", "-", ""},
		"latin1": {"caf\xe9", "-", "encoding"}, "half a character": {"a\xc3", "-", "encoding"}, "surrogate": {"\xed\xa0\x80", "-", "encoding"},
		"large": {exact + "a", "-", "large"}, "ten MB": {strings.Repeat("a", 10<<20), "-", "large"},
	} {
		all := tree(map[string]string{"f": c.in})
		text, ok := all.Text("f")
		if ok != (c.out != "-") || ok && text != c.out {
			t.Errorf("%s: %d bytes, %v", name, len(text), ok)
		}
		if rule, message := all.Problem("f"); rule != c.rule || (rule != "") != (message != "") {
			t.Errorf("%s: problem %q %q, want %q", name, rule, message, c.rule)
		}
	}
	all := tree(map[string]string{"d/f": ""})
	for _, name := range []string{"none", "d", "/d/f", "../f", "", "d/f/g"} {
		if text, ok := all.Text(name); ok || text != "" {
			t.Errorf("%q: %q, %v", name, text, ok)
		}
	}
}

func TestShared(t *testing.T) {
	t.Parallel()
	type key struct{ n int }
	all := tree(map[string]string{"a": "", "b": ""})
	var built atomic.Int32
	build := func(t *Tree) int { built.Add(1); return len(t.Files(".")) }
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			narrow := all.narrowed(map[string]bool{"a": true})
			if got := Shared(narrow, key{i % 2}, build); got != 2 {
				t.Errorf("what is shared sees %d files", got)
			}
		})
	}
	group.Wait()
	if built.Load() != 2 {
		t.Errorf("built %d times for two keys", built.Load())
	}
	if Shared(tree(nil), key{0}, build) != 0 {
		t.Error("two trees share")
	}
	for range 2 { // a build that panics does so for each caller
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			Shared(all, key{9}, func(*Tree) int { panic("oh") })
		}()
	}
}

// odd is a file system whose files return arbitrary results from Stat and Read.
type odd map[string]*oddFile

type oddFile struct {
	size          int64
	body          io.Reader
	mode          fs.FileMode
	stat, opening error
}

func (o odd) Stat(name string) (fs.FileInfo, error) {
	f := o[name]
	if f.stat != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: f.stat}
	}
	m := fstest.MapFS{"f": {Mode: f.mode}}
	info, err := m.Stat("f")
	return sized{info, f.size}, err
}

func (o odd) Open(name string) (fs.File, error) {
	if err := o[name].opening; err != nil {
		return nil, &fs.PathError{Op: "open", Path: "/home/someone/" + name, Err: err}
	}
	info, err := o.Stat(name)
	return open{o[name].body, info}, err
}

type sized struct {
	fs.FileInfo
	size int64
}

func (s sized) Size() int64 { return s.size }

type open struct {
	io.Reader
	info fs.FileInfo
}

func (o open) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o open) Close() error               { return nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("input/output error") }

func TestUnreadable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file          oddFile
		rule, message string
	}{
		"no right":   {oddFile{opening: fs.ErrPermission}, "unreadable", "cannot be read: permission denied"},
		"gone":       {oddFile{stat: fs.ErrNotExist}, "unreadable", "cannot be read: file does not exist"},
		"breaks":     {oddFile{size: 5, body: broken{}}, "unreadable", "cannot be read: input/output error"},
		"grows":      {oddFile{size: 5, body: bytes.NewReader(make([]byte, 3*MaxSize))}, "large", "too large"},
		"never ends": {oddFile{size: 0, body: endless{}}, "large", "too large"},
		"shrinks":    {oddFile{size: 5, body: strings.NewReader("a")}, "", ""},
		"lies":       {oddFile{size: 1 << 62, body: strings.NewReader("a")}, "large", "too large: 4611686018427387904 bytes"},
		"FIFO":       {oddFile{mode: fs.ModeNamedPipe, opening: errors.New("was opened")}, "unreadable", "cannot be read: is not a regular file"},
		"socket":     {oddFile{mode: fs.ModeSocket, opening: errors.New("was opened")}, "unreadable", "cannot be read: is not a regular file"},
		"device":     {oddFile{mode: fs.ModeDevice | fs.ModeCharDevice, opening: errors.New("was opened")}, "unreadable", "cannot be read: is not a regular file"},
		"folder":     {oddFile{mode: fs.ModeDir, opening: errors.New("was opened")}, "", ""},
		"irregular":  {oddFile{mode: fs.ModeIrregular, opening: errors.New("was opened")}, "unreadable", "cannot be read: is not a regular file"},
	} {
		all := NewTree(odd{"f": &c.file}, []string{"f"})
		if rule, message := all.Problem("f"); rule != c.rule || message != c.message {
			t.Errorf("%s: %q %q, want %q %q", name, rule, message, c.rule, c.message)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
