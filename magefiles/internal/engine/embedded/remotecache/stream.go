package remotecache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
)

// A registry that sends less than slowest bytes a second, after a grace, costs more than the steps that its cache saves.
const (
	slowest  = 256 << 10
	graceFor = 20 * time.Second
)

// stream reads a layer from the registry. Its readers read parts one after the other, so that one request suffices. The last part is only given
// out if the whole layer has the right digest.
type stream struct {
	store  *Store
	digest digest.Digest
	size   int64

	mu       sync.Mutex
	body     io.ReadCloser
	cancel   context.CancelFunc
	at       int64
	verifier digest.Verifier
}

// Size implements content.ReaderAt.
func (s *stream) Size() int64 { return s.size }

// Close implements io.Closer. The next part may be read by another reader.
func (s *stream) Close() error { return nil }

// ReadAt implements io.ReaderAt.
func (s *stream) ReadAt(p []byte, off int64) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if off >= s.size {
		return 0, io.EOF
	}
	if rest := s.size - off; int64(len(p)) > rest {
		p = p[:rest]
	}
	if err = s.seek(off); err == nil {
		n, err = s.read(p)
	}
	switch {
	case err != nil:
		s.end()
		return 0, s.store.fail(fmt.Errorf("read layer %s: %w", s.digest, err))
	case s.at == s.size:
		s.end()
		return n, io.EOF
	}
	return n, nil
}

// seek makes off the next byte. BuildKit reads a blob from its start to its end; only after an interruption it begins elsewhere.
func (s *stream) seek(off int64) error {
	if s.body != nil && s.at == off {
		return nil
	}
	s.end()
	limit := s.store.grace + time.Duration(s.size/slowest)*time.Second
	ctx, cancel := context.WithTimeoutCause(s.store.ctx, limit, fmt.Errorf("the registry is too slow: not complete after %s", limit))
	body, err := s.store.remote.Blob(ctx, s.digest.String())
	if err != nil {
		err = cause(ctx, err)
		cancel()
		return err
	}
	s.body, s.at, s.verifier = &timed{body, ctx}, 0, s.digest.Verifier()
	s.cancel = cancel
	_, err = s.skip(off)
	return err
}

func (s *stream) skip(n int64) (int64, error) {
	skipped, err := io.CopyN(s.verifier, s.body, n)
	s.at += skipped
	return skipped, err
}

func (s *stream) read(p []byte) (int, error) {
	n, err := io.ReadFull(s.body, p)
	s.at += int64(n)
	_, _ = s.verifier.Write(p[:n]) // never fails
	switch {
	case err != nil:
		return 0, err
	case s.at < s.size:
		return n, nil
	}
	if extra, _ := s.body.Read(make([]byte, 1)); extra > 0 || !s.verifier.Verified() {
		return 0, damaged("its content does not have its digest")
	}
	return n, nil
}

func (s *stream) end() {
	if s.body == nil {
		return
	}
	_ = s.body.Close() // it was only read
	s.cancel()
	s.body = nil
}

// timed is a body whose error says why its context ended.
type timed struct {
	io.ReadCloser
	ctx context.Context
}

// Read implements io.Reader.
func (t *timed) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = cause(t.ctx, err)
	}
	return n, err
}

func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
