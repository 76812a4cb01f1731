package solver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/moby/buildkit/client/llb"
	"github.com/tonistiigi/fsutil"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/content"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
)

// locals are the host directories that a session has made available to BuildKit, by the hash of their content. The session gives access to
// nothing else on the host.
type locals struct {
	mu   sync.Mutex
	dirs map[string]*content.Tree
}

func newLocals() *locals { return &locals{dirs: map[string]*content.Tree{}} }

// LookupDir implements filesync.DirSource.
func (l *locals) LookupDir(name string) (fsutil.FS, bool) {
	return l.tree(name)
}

func (l *locals) tree(name string) (*content.Tree, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.dirs[name]
	return t, ok
}

// failure is the reason why a directory could not be sent, if there was one.
func (l *locals) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.dirs {
		if err := t.Err(); err != nil {
			return err
		}
	}
	return nil
}

// Selection is the part of a host directory that is read: all of it, or the files that the patterns of a .dockerignore leave.
type Selection struct{ Include, Exclude []string }

// Local reads a host directory, an absolute path, and returns it as a source. It later sends exactly the content that it read here.
//
// BuildKit keeps the files of a source under the source's name, and requests only changes the next time. So the name is that of the folder.
// BuildKit does not compare contents and attributes of files, so times are derived from the content, and attributes are part of the name. A
// pattern that matches nothing distinguishes sources of one name: it is in the key, and BuildKit sends it with its request.
//
// A daemon that ended during a transfer knows the folder by its earlier content. So the name includes the start of the daemon; if that is not
// known, the name is the hash of the content, and the whole folder is sent.
func (s *Solver) Local(ctx context.Context, path string, of Selection, opts ...llb.LocalOption) (llb.State, error) {
	fs, err := fsutil.NewFS(path)
	if err != nil {
		return llb.State{}, err
	}
	fs, err = fsutil.NewFilterFS(ownedByRoot(fs), &fsutil.FilterOpt{IncludePatterns: of.Include, ExcludePatterns: of.Exclude})
	if err != nil {
		return llb.State{}, err
	}
	read, err := content.Read(ctx, fs)
	if err != nil {
		return llb.State{}, fmt.Errorf("read %s: %w", path, err)
	}
	read.StampTimes()
	digest := read.Digest()
	s.locals.mu.Lock()
	s.locals.dirs[digest] = read
	s.locals.mu.Unlock()
	place := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %s %s", path, of.Include, of.Exclude, read.Attributes(), s.start(digest)))
	opts = append([]llb.LocalOption{llb.SessionID(s.SessionID()), llb.ExcludePatterns([]string{digest}), llb.WithCustomName("upload " + path)}, opts...)
	return llb.Local("host-"+hex.EncodeToString(place[:]), opts...), nil
}

// start identifies the current start of the daemon, or returns unknown.
func (s *Solver) start(unknown string) string {
	for _, w := range s.Gateway().BuildOpts().Workers {
		if start := w.Labels[daemon.StartLabel]; start != "" {
			return start
		}
	}
	return unknown
}
