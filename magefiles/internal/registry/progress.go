package registry

import (
	"io"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// Progress is the progress of a push, in bytes of blobs. Blobs that the registry has already count as done and as
// Skipped.
type Progress struct {
	Done, Total, Skipped int64
}

// meter adds up the progress of blobs that are sent in parallel.
type meter struct {
	mu    sync.Mutex
	state Progress
	tell  func(Progress)
}

func (m *meter) add(done, skipped int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Done += done
	m.state.Skipped += skipped
	if m.tell != nil {
		m.tell(m.state)
	}
}

// meteredLayer counts the bytes read of a layer; those of a failed attempt are subtracted.
type meteredLayer struct {
	v1.Layer
	meter *meter
	mu    sync.Mutex
	sent  int64
}

// Compressed implements v1.Layer.
func (l *meteredLayer) Compressed() (io.ReadCloser, error) {
	rc, err := l.Layer.Compressed()
	if err != nil {
		return nil, &httpx.ContentError{Err: err}
	}
	l.reset()
	return &meteredReader{ReadCloser: rc, layer: l}, nil
}

func (l *meteredLayer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sent > 0 {
		l.meter.add(-l.sent, 0)
		l.sent = 0
	}
}

func (l *meteredLayer) count(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent += n
	l.meter.add(n, 0)
}

// finish counts a blob that the registry had as done.
func (l *meteredLayer) finish() error {
	size, err := l.Size()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sent == 0 {
		l.meter.add(size, size)
	}
	return nil
}

type meteredReader struct {
	io.ReadCloser
	layer *meteredLayer
}

// Read implements io.Reader.
func (r *meteredReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if n > 0 {
		r.layer.count(int64(n))
	}
	if err != nil && err != io.EOF {
		err = &httpx.ContentError{Err: err}
	}
	return n, err
}
