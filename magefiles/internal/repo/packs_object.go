package repo

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// pack is one that is open. The form is that of https://git-scm.com/docs/gitformat-pack, version 2.
type pack struct {
	index *idxfile.MemoryIndex
	file  interface {
		io.ReaderAt
		io.Closer
	}
	ahead window
	zlib  io.ReadCloser // taken again for each object
	kept  map[int64]unpacked
	size  int // bytes that are kept
}

// unpacked is an object, which others may be stated as differences to.
type unpacked struct {
	kind    plumbing.ObjectType
	content []byte
}

const (
	maxKept  = 64 << 20 // bytes of a pack's objects
	maxChain = 4095     // differences to differences, as in git
)

// object reads the one that begins at an offset. Those of the same files follow each other, so that most bases were read just before.
func (p *pack) object(at int64, chain int) (kind plumbing.ObjectType, content []byte, err error) {
	if one, ok := p.kept[at]; ok {
		return one.kind, one.content, nil
	}
	if chain > maxChain {
		return 0, nil, errors.New("the pack has differences to differences without end")
	}
	p.ahead.seek(p.file, at)
	head, err := readHead(&p.ahead, at)
	if err != nil {
		return 0, nil, fmt.Errorf("the pack is damaged at byte %d: %w", at, err)
	}
	if content, err = p.inflate(head.size); err != nil {
		return 0, nil, fmt.Errorf("the pack is damaged at byte %d: %w", at, err)
	}
	if kind = head.kind; kind.IsDelta() {
		if kind, content, err = p.patched(head, content, chain); err != nil {
			return 0, nil, err
		}
	}
	p.keep(at, unpacked{kind, content})
	return kind, content, nil
}

func (p *pack) patched(head objectHead, delta []byte, chain int) (plumbing.ObjectType, []byte, error) {
	at := head.base
	if head.kind == plumbing.REFDeltaObject {
		var err error
		if at, err = p.index.FindOffset(head.reference); err != nil {
			return 0, nil, fmt.Errorf("the pack lacks %s: %w", head.reference, err)
		}
	}
	kind, base, err := p.object(at, chain+1)
	if err != nil {
		return 0, nil, err
	}
	content, err := packfile.PatchDelta(base, delta)
	return kind, content, err
}

func (p *pack) keep(at int64, one unpacked) {
	if p.size += len(one.content); p.size > maxKept {
		clear(p.kept)
		p.size = len(one.content)
	}
	p.kept[at] = one
}

// inflate reads on to the end of the compressed content, which has a checksum.
func (p *pack) inflate(size int64) (_ []byte, err error) {
	if p.zlib == nil {
		p.zlib, err = zlib.NewReader(&p.ahead)
	} else {
		err = p.zlib.(zlib.Resetter).Reset(&p.ahead, nil)
	}
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(int(min(size, 1<<20)) + bytes.MinRead) // what the size says may be wrong
	if _, err := out.ReadFrom(io.LimitReader(p.zlib, size+1)); err != nil {
		return nil, err
	}
	if int64(out.Len()) != size {
		return nil, fmt.Errorf("expected %d bytes", size)
	}
	return out.Bytes(), nil
}

// objectHead is what stands before an object's content.
type objectHead struct {
	kind      plumbing.ObjectType
	size      int64 // of the content that follows, unpacked
	base      int64 // offset of what it differs from, if it is an OFSDeltaObject
	reference plumbing.Hash
}

// readHead reads the head of the object at an offset.
func readHead(in interface {
	io.Reader
	io.ByteReader
}, at int64) (h objectHead, err error) {
	b, err := in.ReadByte()
	if err != nil {
		return h, err
	}
	h.kind, h.size = plumbing.ObjectType(b>>4&7), int64(b&15)
	for shift := 4; b >= 0x80; shift += 7 {
		if b, err = in.ReadByte(); err != nil {
			return h, err
		}
		if h.size += int64(b&0x7f) << shift; shift > 46 {
			return h, errors.New("the size of the object is out of range")
		}
	}
	switch h.kind {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
	case plumbing.REFDeltaObject:
		_, err = io.ReadFull(in, h.reference[:])
	case plumbing.OFSDeltaObject:
		h.base, err = readBase(in, at)
	default:
		err = fmt.Errorf("an object of type %d", h.kind)
	}
	return h, err
}

// readBase reads how far before an object its base begins.
func readBase(in io.ByteReader, at int64) (int64, error) {
	back := int64(-1)
	for b := byte(0x80); b >= 0x80; {
		var err error
		if b, err = in.ReadByte(); err != nil {
			return 0, err
		}
		if back = (back+1)<<7 | int64(b&0x7f); back > at {
			break
		}
	}
	if back <= 0 || back >= at {
		return 0, errors.New("the base of the object is out of range")
	}
	return at - back, nil
}

// window reads a file from any place on, and keeps what it read beyond: the next object is most often there.
type window struct {
	file io.ReaderAt
	buf  [32 << 10]byte
	from int64 // of the buffer, in the file
	size int   // bytes in the buffer
	at   int   // of them, what is read next
}

func (w *window) seek(file io.ReaderAt, to int64) {
	w.file = file
	if to < w.from || to >= w.from+int64(w.size) {
		w.from, w.size = to, 0
	}
	w.at = int(to - w.from)
}

// fill makes sure that there is something to read.
func (w *window) fill() error {
	if w.at < w.size {
		return nil
	}
	w.from += int64(w.size)
	n, err := w.file.ReadAt(w.buf[:], w.from)
	if w.size, w.at = n, 0; n == 0 {
		return err
	}
	return nil
}

// Read is that of io.Reader.
func (w *window) Read(p []byte) (int, error) {
	if err := w.fill(); err != nil {
		return 0, err
	}
	n := copy(p, w.buf[w.at:w.size])
	w.at += n
	return n, nil
}

// ReadByte is that of io.ByteReader.
func (w *window) ReadByte() (byte, error) {
	if err := w.fill(); err != nil {
		return 0, err
	}
	w.at++
	return w.buf[w.at-1], nil
}
