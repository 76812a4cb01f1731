package main

import (
	"os"
	"path/filepath"
	"sync"
	"time"
)

// mountFolders are the folders on which BuildKit mounts for a moment, in the folder of temporary files. BuildKit leaves one for each single file that
// a command mounts: it removes the file on which it mounted, and not the folder of that file.
type mountFolders struct {
	dir string

	mu   sync.Mutex
	next time.Time // of the next sweep
}

// unusedTime is how long an empty folder must be unchanged to count as left. BuildKit mounts on a new one at once.
const unusedTime = time.Minute

// sweep removes the folders that were left. A folder on which something is mounted is in use, and cannot be removed.
func (m *mountFolders) sweep(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Before(m.next) {
		return
	}
	m.next = now.Add(unusedTime)
	paths, _ := filepath.Glob(filepath.Join(m.dir, "buildkit-mount*"))
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil && info.IsDir() && now.Sub(info.ModTime()) > unusedTime {
			_ = os.Remove(path) // fails if it is not empty
		}
	}
}
