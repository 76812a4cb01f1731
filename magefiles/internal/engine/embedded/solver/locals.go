package solver

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/moby/buildkit/client/llb"
	"github.com/tonistiigi/fsutil"
)

// locals are the host directories that a session has opened to BuildKit, by the name that the LLB gives them. Nothing else
// of the host can be read through the session.
type locals struct {
	mu   sync.Mutex
	dirs map[string]fsutil.FS
}

func newLocals() *locals { return &locals{dirs: map[string]fsutil.FS{}} }

// LookupDir implements filesync.DirSource.
func (l *locals) LookupDir(name string) (fsutil.FS, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fs, ok := l.dirs[name]
	return fs, ok
}

// Local opens a host directory, an absolute path, and returns it as a source. key tells sources apart that must be read anew;
// with equal path, key and opts the directory is read once a session.
func (s *Solver) Local(path, key string, opts ...llb.LocalOption) (llb.State, error) {
	fs, err := fsutil.NewFS(path)
	if err != nil {
		return llb.State{}, err
	}
	sum := sha256.Sum256([]byte(path + "\x00" + key))
	name := "host-" + hex.EncodeToString(sum[:8])
	s.locals.mu.Lock()
	s.locals.dirs[name] = ownedByRoot(fs)
	s.locals.mu.Unlock()
	opts = append([]llb.LocalOption{llb.SessionID(s.SessionID()), llb.SharedKeyHint(path), llb.WithCustomName("upload " + path)}, opts...)
	if key != "" {
		opts = append(opts, llb.LocalUniqueID(key))
	}
	return llb.Local(name, opts...), nil
}
