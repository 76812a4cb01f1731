package repo

import (
	"encoding/binary"
	"os"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing/object"
)

// is tells whether an entry is that of a tree.
func (e *indexEntry) is(t object.TreeEntry) bool {
	return e.hash == t.Hash && binary.BigEndian.Uint32(e.stat[offsetMode:]) == uint32(normal(t.Mode))
}

// set gives a file the entry of a difference's new side, with what the index notes of the file at full; or takes its entry out.
func (x *indexFile) set(full string, d difference) error {
	at, count := x.find(d.path)
	if d.now.Hash.IsZero() {
		x.entries = slices.Delete(x.entries, at, at+count)
		return nil
	}
	info, err := os.Lstat(full)
	if err != nil {
		return err
	}
	e := indexEntry{stat: indexStat(info), hash: d.now.Hash, name: d.path}
	binary.BigEndian.PutUint32(e.stat[offsetMode:], uint32(normal(d.now.Mode)))
	x.entries = slices.Replace(x.entries, at, at+count, e)
	return nil
}

// doubt marks entries of files that were written when the index was or after it, as git does before it writes one: with a newer index their
// times would prove nothing any more (https://git-scm.com/docs/racy-git). written is when the index was.
func (x *indexFile) doubt(written time.Time) {
	for i := range x.entries {
		stat := &x.entries[i].stat
		sec, nano := binary.BigEndian.Uint32(stat[offsetModified:]), binary.BigEndian.Uint32(stat[offsetModified+4:])
		if !time.Unix(int64(sec), int64(nano)).Before(written) {
			clear(stat[offsetSize:])
		}
	}
}
