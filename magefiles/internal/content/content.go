// Package content reads folders of this machine that are sent to an engine.
//
// Engines keep the files that they received, and at the next transfer request only files with a new path, or with another size or time. An edit
// may change none of these. So a sent folder gets a name that is the hash of its content, or times that are derived from the content.
package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	gofs "io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
	"golang.org/x/sync/errgroup"
)

// Tree is the state of a folder when it was read: it lists the files of that time, and returns their content of that time or an error.
// It implements fsutil.FS.
type Tree struct {
	fs      fsutil.FS
	entries []*entry // in the order of the walk
	files   map[string]*entry

	once   sync.Once
	failed chan struct{}
	err    error // read it only after failed is closed
}

type entry struct {
	stat *fstypes.Stat
	sum  [sha256.Size]byte // of the content of a regular file
}

// Read reads the whole of fs.
func Read(ctx context.Context, fs fsutil.FS) (*Tree, error) {
	t := &Tree{fs: fs, files: map[string]*entry{}, failed: make(chan struct{})}
	err := fs.Walk(ctx, "/", func(_ string, found gofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := found.Info()
		if err != nil {
			return err
		}
		e := &entry{stat: info.Sys().(*fstypes.Stat)}
		t.entries = append(t.entries, e)
		if e.hasContent() {
			t.files[e.stat.Path] = e
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, t.hashFiles(ctx)
}

// hasContent reports whether an engine may request the content of the entry.
func (e *entry) hasContent() bool {
	return os.FileMode(e.stat.Mode)&os.ModeType == 0
}

// hashFiles hashes the content of all files, in parallel.
func (t *Tree) hashFiles(ctx context.Context) error {
	group, going := errgroup.WithContext(ctx)
	group.SetLimit(2 * runtime.GOMAXPROCS(0)) // the disk reads while another goroutine hashes
	for _, e := range t.files {
		if going.Err() != nil {
			break
		}
		group.Go(func() error { return t.hashFile(e) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

func (t *Tree) hashFile(e *entry) error {
	f, err := t.open(e)
	if err != nil {
		return fmt.Errorf("%w; make it readable, or exclude it (.dockerignore, or the exclude patterns)", err)
	}
	defer f.Close()
	buffer := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buffer)
	sum := sha256.New()
	if _, err := io.CopyBuffer(sum, struct{ io.Reader }{f}, buffer[:]); err != nil { // without the wrapper, a file would use its own buffer
		return err
	}
	sum.Sum(e.sum[:0])
	return nil
}

var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// open opens a file. A socket counts as an empty file, as in BuildKit.
func (t *Tree) open(e *entry) (io.ReadCloser, error) {
	f, err := t.fs.Open(e.stat.Path)
	if errors.Is(err, syscall.ENXIO) {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	return f, err
}

// Digest is the hash of names, contents, modes, owners, links and extended attributes, in hexadecimal digits. It excludes times: engines compare
// them when the tree is sent, and builds do not depend on them.
func (t *Tree) Digest() string {
	h := sha256.New()
	for _, e := range t.entries {
		s := e.stat
		writeText(h, s.Path)
		writeText(h, s.Linkname)
		for _, n := range []int64{int64(s.Mode), int64(s.Uid), int64(s.Gid), s.Devmajor, s.Devminor} {
			writeNumber(h, n)
		}
		writeAttributes(h, s)
		h.Write(e.sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writeAttributes(h hash.Hash, s *fstypes.Stat) {
	writeNumber(h, int64(len(s.Xattrs)))
	for _, name := range slices.Sorted(maps.Keys(s.Xattrs)) {
		writeText(h, name)
		writeText(h, string(s.Xattrs[name]))
	}
}

func writeNumber(h hash.Hash, n int64) {
	var b [8]byte
	h.Write(binary.BigEndian.AppendUint64(b[:0], uint64(n)))
}

// writeText writes the length first, so that different texts never give the same bytes.
func writeText(h hash.Hash, s string) {
	writeNumber(h, int64(len(s)))
	io.WriteString(h, s)
}

// StampTimes derives files' times from their content, for an engine that compares times: it keeps the seconds, and replaces the fraction with a
// hash of the content.
func (t *Tree) StampTimes() {
	const second = 1e9
	for _, e := range t.files {
		fraction := int64(binary.BigEndian.Uint64(e.sum[:]) % second)
		e.stat.ModTime += fraction - (e.stat.ModTime%second+second)%second
	}
}

// Attributes is the hash of the extended attributes, which engines do not compare. It is the same for all trees without attributes.
func (t *Tree) Attributes() string {
	h := sha256.New()
	for _, e := range t.entries {
		if len(e.stat.Xattrs) > 0 {
			writeText(h, e.stat.Path)
			writeAttributes(h, e.stat)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Walk implements fsutil.FS, only for the whole tree, which is all that engines request.
func (t *Tree) Walk(ctx context.Context, _ string, visit gofs.WalkDirFunc) error {
	for _, e := range t.entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := visit(e.stat.Path, &fsutil.DirEntryInfo{Stat: e.stat.Clone()}, nil); err != nil {
			return err
		}
	}
	return nil
}

// Open implements fsutil.FS. A file that cannot be opened fails when it is read, because fsutil would send an empty file after an error here.
func (t *Tree) Open(path string) (io.ReadCloser, error) {
	e, ok := t.files[path]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", path, os.ErrNotExist)
	}
	f, err := t.open(e)
	if err != nil {
		return io.NopCloser(failing{t.fail(changed(path))}), nil
	}
	return &verified{ReadCloser: f, tree: t, path: path, sum: sha256.New(), want: e.sum}, nil
}

// Failed is closed when a file differs from its state when it was read. Then Err names the file.
func (t *Tree) Failed() <-chan struct{} { return t.failed }

// Err is the reason why the tree cannot be sent, nil as long as no file was found to differ.
func (t *Tree) Err() error {
	select {
	case <-t.failed:
		return t.err
	default:
		return nil
	}
}

func (t *Tree) fail(err error) error {
	t.once.Do(func() {
		t.err = err
		close(t.failed)
	})
	return err
}

func changed(path string) error {
	return fmt.Errorf("%s was changed while it was sent: run the command again, or exclude it (.dockerignore, or the exclude patterns)", path)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// verified fails at the end of a file whose content has changed.
type verified struct {
	io.ReadCloser
	tree *Tree
	path string
	sum  hash.Hash
	want [sha256.Size]byte
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.sum.Write(p[:n])
	switch {
	case errors.Is(err, io.EOF) && !bytes.Equal(v.sum.Sum(nil), v.want[:]):
		err = v.tree.fail(changed(v.path))
	case err != nil && !errors.Is(err, io.EOF):
		err = v.tree.fail(err)
	}
	return n, err
}
