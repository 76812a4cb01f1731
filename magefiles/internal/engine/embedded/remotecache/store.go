package remotecache

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Store is the content store that BuildKit reads entries from, and writes them to. It is safe for concurrent use.
type Store struct {
	content.Store // methods that BuildKit does not call are missing

	remote Remote
	temp   string          // folder for blobs until they are uploaded
	ctx    context.Context // of reading; ends with Close
	cancel context.CancelFunc
	grace  time.Duration // of reading a layer

	mu        sync.Mutex
	documents map[digest.Digest][]byte // manifests and lists of steps that were read
	layers    map[digest.Digest]int64  // sizes of the layers that they name
	present   map[digest.Digest]bool   // layers that the registry had when it was asked
	loaded    map[string]digest.Digest // the manifest of each tag that was read
	written   map[digest.Digest][]byte // manifests that BuildKit wrote
	streams   map[digest.Digest]*stream
	err       error // the first failure to read
	writeErr  error // the first failure to write
}

// New makes a store without entries. temp is an existing folder.
func New(remote Remote, temp string) *Store {
	ctx, cancel := context.WithCancel(context.Background())
	return &Store{
		remote: remote, temp: temp, ctx: ctx, cancel: cancel, grace: graceFor,
		documents: map[digest.Digest][]byte{}, layers: map[digest.Digest]int64{}, present: map[digest.Digest]bool{},
		loaded: map[string]digest.Digest{}, written: map[digest.Digest][]byte{}, streams: map[digest.Digest]*stream{},
	}
}

// Close ends all reading.
func (s *Store) Close() { s.cancel() }

// Err is the first failure to read a layer. After it, a build may have results whose files are missing.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *Store) fail(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	return err
}

// WriteErr is the first failure to write, which BuildKit's error repeats in more words.
func (s *Store) WriteErr() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writeErr
}

func (s *Store) failWrite(ctx context.Context, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && s.writeErr == nil && ctx.Err() == nil { // else another blob failed
		s.writeErr = err
	}
	return err
}

// Info implements content.InfoProvider. BuildKit asks for each layer of a result before it uses the result; if a layer is missing, the step runs.
func (s *Store) Info(ctx context.Context, d digest.Digest) (content.Info, error) {
	s.mu.Lock()
	document, present, broken := s.documents[d], s.present[d], s.err
	size, known := s.layers[d]
	s.mu.Unlock()
	switch {
	case document != nil:
		return content.Info{Digest: d, Size: int64(len(document))}, nil
	case !known || broken != nil:
		return content.Info{}, errdefs.ErrNotFound
	case present:
		return content.Info{Digest: d, Size: size}, nil
	}
	has, err := s.remote.Has(ctx, d.String())
	switch {
	case err != nil && ctx.Err() == nil:
		return content.Info{}, s.fail(err)
	case err != nil:
		return content.Info{}, err
	case !has:
		return content.Info{}, errdefs.ErrNotFound
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.present[d] = true
	return content.Info{Digest: d, Size: size}, nil
}

// ReaderAt implements content.Provider. A reader is opened for each part of a blob.
func (s *Store) ReaderAt(_ context.Context, desc ocispecs.Descriptor) (content.ReaderAt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if document := s.documents[desc.Digest]; document != nil {
		return memory{bytes.NewReader(document)}, nil
	}
	size, known := s.layers[desc.Digest]
	if !known {
		return nil, errdefs.ErrNotFound
	}
	st := s.streams[desc.Digest]
	if st == nil {
		st = &stream{store: s, digest: desc.Digest, size: size}
		s.streams[desc.Digest] = st
	}
	return st, nil
}

// memory is a document.
type memory struct{ *bytes.Reader }

// Close implements io.Closer.
func (memory) Close() error { return nil }
