package validate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// MaxSize is the maximum size in bytes of a file that is read. Files that people write are smaller; the check files reports a larger one.
const MaxSize = 2 << 20

// Tree is the repository for checks: the files that git tracks, or would track after git add. It is safe for concurrent use.
type Tree struct {
	fsys    fs.FS
	files   []string        // sorted
	known   map[string]bool // files and their folders
	changed map[string]bool // nil: all files
	stated  map[string]bool // by the attributes of git: of others or generated, or not
	shared  *sync.Map       // values shared by checks: key -> func() any
}

// NewTree is a tree of the listed files of fsys: slash paths from its root.
func NewTree(fsys fs.FS, files []string) *Tree {
	t := &Tree{fsys: fsys, files: slices.Clone(files), known: map[string]bool{".": true}, shared: &sync.Map{}}
	slices.Sort(t.files)
	t.files = slices.Compact(t.files)
	for _, name := range t.files {
		t.known[name] = true
		for dir := path.Dir(name); !t.known[dir]; dir = path.Dir(dir) {
			t.known[dir] = true
		}
	}
	return t
}

// narrowed is the tree with only the changed files in Files. Has and Text still know all files.
func (t *Tree) narrowed(changed map[string]bool) *Tree {
	narrow := *t
	narrow.changed = changed
	return &narrow
}

// Files are the sorted paths below a folder ("." for all) with one of the suffixes, or all of them without suffixes.
func (t *Tree) Files(dir string, suffixes ...string) []string {
	var found []string
	prefix := strings.TrimSuffix(dir, "/") + "/"
	if dir == "." || dir == "" {
		prefix = ""
	}
	from, _ := slices.BinarySearch(t.files, prefix)
	for _, name := range t.files[from:] {
		if !strings.HasPrefix(name, prefix) {
			break
		}
		if t.changed != nil && !t.changed[name] {
			continue
		}
		if len(suffixes) == 0 || slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) }) {
			found = append(found, name)
		}
	}
	return found
}

// All are the files with a name in any folder, also those that the check otherwise leaves out with -since.
func (t *Tree) All(base string) []string {
	var found []string
	for _, name := range t.files {
		if path.Base(name) == base {
			found = append(found, name)
		}
	}
	return found
}

// Has says whether the tree has a file, or a folder with files, of this name.
func (t *Tree) Has(name string) bool { return t.known[path.Clean(name)] }

// Text is a file's text, without a byte order mark. ok is false if it does not exist, cannot be read, is too large, or is not text. The
// check files reports these; every other check skips them.
func (t *Tree) Text(name string) (text string, ok bool) {
	raw, err := t.read(name)
	if err != nil || !isText(raw) || !utf8.Valid(raw) {
		return "", false
	}
	return string(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))), true
}

// Stated returns the tree with what the attributes of git state about files: true for a file that others wrote or a program made
// (linguist-vendored, linguist-generated), false for one of this repository.
func (t *Tree) Stated(stated map[string]bool) *Tree {
	t.stated = stated
	return t
}

// Foreign says that nobody corrects a file here: it belongs to a test, and may be invalid on purpose; others wrote it; or a program made it. The
// attributes of git decide. Without them, it is a file below testdata, as for the Go command, below node_modules, or below a vendor folder of Go.
func (t *Tree) Foreign(name string) bool {
	if stated, ok := t.stated[name]; ok {
		return stated
	}
	for at, part := range folders(name) {
		switch part {
		case "testdata", "node_modules":
			return true
		case "vendor":
			if t.known[name[:at]+"vendor/modules.txt"] {
				return true
			}
		}
	}
	return false
}

// Test says that a file is only for tests of Go, or is Foreign.
func (t *Tree) Test(name string) bool { return strings.HasSuffix(name, "_test.go") || t.Foreign(name) }

// folders are the folders of a path with their indices in it.
func folders(name string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		for at := 0; ; {
			end := strings.IndexByte(name[at:], '/')
			if end < 0 || !yield(at, name[at:at+end]) {
				return
			}
			at += end + 1
		}
	}
}

// Dir is the repository as a file system, for libraries that require one. It may contain files that Files does not list.
func (t *Tree) Dir() fs.FS { return t.fsys }

// Shared builds a value once for each tree and key. Checks use it to share parsed pages and manifests. The key's type must be private to
// the caller's package.
func Shared[T any](t *Tree, key any, build func(*Tree) T) T {
	whole := *t
	whole.changed = nil // shared values are not narrowed
	once, _ := t.shared.LoadOrStore(key, sync.OnceValue(func() any { return build(&whole) }))
	return once.(func() any)().(T)
}

// Reasons why a file cannot be read.
var (
	errTooLarge = errors.New("too large")
	errDense    = errors.New("too much markup")
	errFolder   = errors.New("a folder")
	errSpecial  = errors.New("is not a regular file")
)

func (t *Tree) read(name string) (_ []byte, err error) {
	info, err := fs.Stat(t.fsys, name)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errFolder
	case !info.Mode().IsRegular():
		return nil, errSpecial
	case info.Size() > MaxSize:
		return nil, fmt.Errorf("%w: %d bytes", errTooLarge, info.Size())
	}
	file, err := t.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()                                   // the file is only read
	buffer := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead)) // ReadFrom requires this much free space at the end
	// The file may have grown since Stat.
	if _, err := buffer.ReadFrom(io.LimitReader(file, MaxSize+1)); err != nil {
		return nil, err
	}
	if buffer.Len() > MaxSize {
		return nil, errTooLarge
	}
	if n := marks(name, buffer.Bytes()); n > MaxMarks {
		return nil, fmt.Errorf("%w: %d markup characters of Markdown", errDense, n)
	}
	return buffer.Bytes(), nil
}

// MaxMarks is the maximum number of markup characters in a page of Markdown. Each may take half a kilobyte in the parsed page. The
// changelog of aws-sdk-go-v2 v1.36.3, 1.7 MB, has 104,000; that of gqlgen v0.17.89, 790 KB, has 68,000.
const MaxMarks = 150_000

// marks counts the markup characters of a page; 0 for other files.
func marks(name string, raw []byte) (n int) {
	if !strings.HasSuffix(name, ".md") {
		return 0
	}
	for _, b := range raw {
		switch b {
		case '[', ']', '*', '_', '`', '<', '>', '|', '!', '#', '~', '$', '\n':
			n++
		}
	}
	return n + bytes.Count(raw, []byte("- "))
}

// isText uses git's test for binary files: a NUL among the first 8,000 bytes.
func isText(raw []byte) bool { return bytes.IndexByte(raw[:min(len(raw), 8000)], 0) < 0 }
