package registry

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// cacheLimit bounds the files of a Cache, in bytes. The manifest and the config of an image have about 5 KB together.
const cacheLimit = 64 << 20

// Cache is a folder with manifests and configs of images, by their digests. Content under a digest never changes. It is compared with its digest
// whenever it is read, so a damaged file is the same as a missing one. A cache that cannot be written is an empty one.
type Cache struct {
	Dir string

	mu      sync.Mutex
	written int64 // since the folder was last bounded
	bounded bool
}

// get returns the content under a digest.
func (c *Cache) get(digest v1.Hash) (content []byte, ok bool) {
	if c == nil || digest.Algorithm != "sha256" {
		return nil, false
	}
	path := c.path(digest)
	content, err := os.ReadFile(path)
	if err != nil || digestHex(content) != digest.Hex {
		return nil, false
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // the file that was not used for longest is removed first
	return content, true
}

// put keeps content that has a digest.
func (c *Cache) put(digest v1.Hash, content []byte) {
	if c == nil || digest.Algorithm != "sha256" || int64(len(content)) > cacheLimit/8 || digestHex(content) != digest.Hex {
		return
	}
	path := c.path(digest)
	if os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(path), temporary)
	if err != nil {
		return
	}
	_, err = f.Write(content)
	if closed := f.Close(); err != nil || closed != nil || os.Rename(f.Name(), path) != nil {
		_ = os.Remove(f.Name())
		return
	}
	c.grew(int64(len(content)))
}

// temporary begins the name of a file that is being written. After a kill it counts as any other, and is removed in its turn.
const temporary = "writing-"

func (c *Cache) path(digest v1.Hash) string {
	return filepath.Join(c.Dir, digest.Algorithm, digest.Hex)
}

func digestHex(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// grew bounds the folder at the first write of a process, and after each eighth of the limit.
func (c *Cache) grew(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.written += n; !c.bounded || c.written > cacheLimit/8 {
		bound(filepath.Join(c.Dir, "sha256"), cacheLimit)
		c.bounded, c.written = true, 0
	}
}

// bound removes files of a folder that has more than limit bytes, those that were not used for longest first, until half of the limit is free.
func bound(dir string, limit int64) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	var files []fs.FileInfo
	var total int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files = append(files, info)
			total += info.Size()
		}
	}
	if total <= limit {
		return
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, f := range files {
		if total <= limit/2 {
			return
		}
		if os.Remove(filepath.Join(dir, f.Name())) == nil {
			total -= f.Size()
		}
	}
}
