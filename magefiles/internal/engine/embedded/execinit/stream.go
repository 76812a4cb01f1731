//go:build linux

package main

import (
	"fmt"
	"io"
	"os"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/scrub"
)

// tee is the target of one stream of the command: the files, which must get everything, and the init's own stream, which is the live output.
type tee struct {
	files []*os.File
	live  io.Writer
	err   error // the first of a file's
}

// Write never fails and never stops: the command must not notice that a copy of its output could not be kept.
func (t *tee) Write(p []byte) (int, error) {
	for _, f := range t.files {
		if _, err := f.Write(p); err != nil && t.err == nil {
			t.err = err
		}
	}
	_, _ = t.live.Write(p)
	return len(p), nil
}

// stream reads one output of the command, until all processes that could write have closed it.
type stream struct {
	tee    tee
	scrub  *scrub.Writer
	r, w   *os.File
	closed chan struct{}
}

func newStream(set *scrub.Set, live *os.File, files ...*os.File) (*stream, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	s := &stream{tee: tee{live: live}, r: r, w: w, closed: make(chan struct{})}
	for _, f := range files {
		if f != nil {
			s.tee.files = append(s.tee.files, f)
		}
	}
	s.scrub = set.Writer(&s.tee)
	return s, nil
}

// pump copies until the end of the stream, or the deadline that drain sets.
func (s *stream) pump() {
	defer close(s.closed)
	buf := make([]byte, 64<<10)
	for {
		n, err := s.r.Read(buf)
		_, _ = s.scrub.Write(buf[:n])
		if err != nil {
			_ = s.scrub.Close()
			return
		}
	}
}

// openRedirect opens the file that gets a copy of the stream name; nil when there is no path. It belongs to the user.
func openRedirect(name, path, workdir string, id identity) (*os.File, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.OpenFile(from(workdir, path), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open redirect %s file: %w", name, err)
	}
	if err := f.Chown(id.uid, id.gid); err != nil {
		return nil, fmt.Errorf("chown redirect %s file: %w", name, err)
	}
	return f, nil
}
