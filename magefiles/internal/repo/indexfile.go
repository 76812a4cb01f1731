package repo

import (
	"bytes"
	"crypto/sha1" // #nosec G505 -- the format's own checksum
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// indexFile is git's index (https://git-scm.com/docs/index-format), read so far that single entries can be changed and all others keep every bit:
// go-git's own writer (v5.19.3) forgets the flags and the cached trees.
type indexFile struct {
	version    uint32
	entries    []indexEntry // sorted by name and stage
	extensions []indexExtension
	unsummed   bool // has zeros for a checksum (index.skipHash)
}

type indexEntry struct {
	stat  [40]byte // times, device, inode, mode, owner, size
	hash  plumbing.Hash
	flags uint16 // without the name's length
	more  uint16 // of version 3
	name  string
}

type indexExtension struct {
	name string
	data []byte
}

const (
	indexHeader  = 12
	sumSize      = 20
	fixedSize    = 40 + 20 + 2
	flagAssumed  = 0x8000
	flagExtended = 0x4000
	flagStage    = 0x3000
	nameBits     = 0x0fff
	moreSkipped  = 0x4000 // skip-worktree
	moreIntended = 0x2000 // intent-to-add

	offsetModified = 8  // of the modification time in stat
	offsetMode     = 24 // of the mode
	offsetSize     = 36 // of the size
)

var errIndex = errors.New("not an index that is understood here: git update-index --no-split-index --index-version 2 writes one that is")

// parseIndex reads an index.
func parseIndex(raw []byte) (*indexFile, error) {
	if len(raw) < indexHeader+sumSize || string(raw[:4]) != "DIRC" {
		return nil, errIndex
	}
	body, sum := raw[:len(raw)-sumSize], raw[len(raw)-sumSize:]
	x := &indexFile{version: binary.BigEndian.Uint32(raw[4:]), unsummed: bytes.Equal(sum, make([]byte, sumSize))}
	if x.version < 2 || x.version > 4 {
		return nil, fmt.Errorf("version %d: %w", x.version, errIndex)
	}
	if real := sha1.Sum(body); !x.unsummed && !bytes.Equal(sum, real[:]) { // #nosec G401 -- the format's own checksum
		return nil, fmt.Errorf("its checksum is wrong: %w", errIndex)
	}
	count := binary.BigEndian.Uint32(raw[8:])
	rest := body[indexHeader:]
	if uint64(count)*fixedSize > uint64(len(rest)) {
		return nil, fmt.Errorf("%d entries in %d bytes: %w", count, len(rest), errIndex)
	}
	x.entries = make([]indexEntry, 0, count)
	before := ""
	for range count {
		e, n, err := x.parseEntry(rest, before)
		if err != nil {
			return nil, err
		}
		x.entries = append(x.entries, e)
		before, rest = e.name, rest[n:]
	}
	return x, x.parseExtensions(rest)
}

// parseEntry reads one entry and returns its length.
func (x *indexFile) parseEntry(raw []byte, before string) (e indexEntry, n int, err error) {
	if len(raw) < fixedSize+2 {
		return e, 0, fmt.Errorf("it ends within an entry: %w", errIndex)
	}
	copy(e.stat[:], raw)
	copy(e.hash[:], raw[40:])
	flags := binary.BigEndian.Uint16(raw[60:])
	e.flags = flags &^ nameBits
	n = fixedSize
	if e.flags&flagExtended != 0 {
		if x.version == 2 {
			return e, 0, fmt.Errorf("extended flags in version 2: %w", errIndex)
		}
		e.more = binary.BigEndian.Uint16(raw[n:])
		n += 2
	}
	if x.version == 4 {
		return x.parseCompressed(e, raw, n, before)
	}
	end := bytes.IndexByte(raw[n:], 0)
	if end < 0 {
		return e, 0, fmt.Errorf("a name does not end: %w", errIndex)
	}
	e.name = string(raw[n : n+end])
	n = padded(n + end)
	if n > len(raw) {
		return e, 0, fmt.Errorf("it ends within an entry: %w", errIndex)
	}
	return e, n, nil
}

// padded is an entry's length with its one to eight zero bytes.
func padded(n int) int { return (n + 8) &^ 7 }

// parseCompressed reads a name of version 4: how many bytes to take off the one before, then what comes instead.
func (x *indexFile) parseCompressed(e indexEntry, raw []byte, n int, before string) (indexEntry, int, error) {
	strip := 0
	for first := true; ; first = false {
		if n >= len(raw) || strip > len(before) {
			return e, 0, fmt.Errorf("a name is damaged: %w", errIndex)
		}
		if !first {
			strip++
		}
		c := raw[n]
		n++
		strip = strip<<7 | int(c&0x7f)
		if c&0x80 == 0 {
			break
		}
	}
	end := bytes.IndexByte(raw[n:], 0)
	if end < 0 || strip > len(before) {
		return e, 0, fmt.Errorf("a name is damaged: %w", errIndex)
	}
	e.name = before[:len(before)-strip] + string(raw[n:n+end])
	return e, n + end + 1, nil
}

func (x *indexFile) parseExtensions(raw []byte) error {
	for len(raw) > 0 {
		if len(raw) < 8 {
			return fmt.Errorf("it ends within an extension: %w", errIndex)
		}
		name, size := string(raw[:4]), uint64(binary.BigEndian.Uint32(raw[4:]))
		if size > uint64(len(raw)-8) {
			return fmt.Errorf("extension %q does not end: %w", name, errIndex)
		}
		if name[0] < 'A' || name[0] > 'Z' { // link (a split index), sdir (a sparse one)
			return fmt.Errorf("extension %q: %w", name, errIndex)
		}
		x.extensions = append(x.extensions, indexExtension{name, raw[8 : 8+size]})
		raw = raw[8+size:]
	}
	return nil
}

// encode writes the index. Extensions that speak of positions, or would have to follow the changes, are left out: they are optional
// all, and git makes them anew.
func (x *indexFile) encode() []byte {
	var out bytes.Buffer
	out.Grow(indexHeader + len(x.entries)*(fixedSize+64))
	out.WriteString("DIRC")
	number(&out, x.version)
	number(&out, uint32(len(x.entries))) // #nosec G115 -- read as 32 bits
	before := ""
	for i := range x.entries {
		x.encodeEntry(&out, &x.entries[i], before)
		before = x.entries[i].name
	}
	for _, e := range x.extensions {
		if e.name != "TREE" && e.name != "REUC" {
			continue
		}
		out.WriteString(e.name)
		number(&out, uint32(len(e.data))) // #nosec G115 -- read as 32 bits, and never longer
		out.Write(e.data)
	}
	sum := [sumSize]byte{}
	if !x.unsummed {
		sum = sha1.Sum(out.Bytes()) // #nosec G401 -- the format's own checksum
	}
	out.Write(sum[:])
	return out.Bytes()
}

func number(out *bytes.Buffer, n uint32) { out.Write(binary.BigEndian.AppendUint32(nil, n)) }

func (x *indexFile) encodeEntry(out *bytes.Buffer, e *indexEntry, before string) {
	start := out.Len()
	out.Write(e.stat[:])
	out.Write(e.hash[:])
	length := uint16(min(len(e.name), nameBits)) // #nosec G115 -- at most 12 bits
	out.Write(binary.BigEndian.AppendUint16(nil, e.flags|length))
	if e.flags&flagExtended != 0 {
		out.Write(binary.BigEndian.AppendUint16(nil, e.more))
	}
	if x.version == 4 {
		same := 0
		for same < len(before) && same < len(e.name) && before[same] == e.name[same] {
			same++
		}
		out.Write(varint(len(before) - same))
		out.WriteString(e.name[same:])
		out.WriteByte(0)
		return
	}
	out.WriteString(e.name)
	n := out.Len() - start
	out.Write(make([]byte, padded(n)-n))
}

// varint is git's «offset encoding» (gitformat-pack).
func varint(n int) []byte {
	list := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		n--
		list = append(list, byte(n&0x7f)|0x80)
	}
	slices.Reverse(list)
	return list
}

// find is where the entries of a path are, or would be; more than one while a merge is not settled.
func (x *indexFile) find(name string) (at, count int) {
	at, _ = slices.BinarySearchFunc(x.entries, name, func(e indexEntry, name string) int { return strings.Compare(e.name, name) })
	for at+count < len(x.entries) && x.entries[at+count].name == name {
		count++
	}
	return at, count
}
