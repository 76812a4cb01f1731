package remotecache

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Status implements content.IngestManager: no write is continued.
func (s *Store) Status(context.Context, string) (content.Status, error) {
	return content.Status{}, errdefs.ErrNotFound
}

// Abort implements content.IngestManager.
func (s *Store) Abort(context.Context, string) error { return nil }

// Writer implements content.Ingester. A blob that the registry has is not sent to this process.
func (s *Store) Writer(ctx context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	var o content.WriterOpts
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	if o.Desc.Digest != "" {
		has, err := s.remote.Has(ctx, o.Desc.Digest.String())
		if err != nil {
			return nil, s.failWrite(ctx, err)
		}
		if has {
			return nil, errdefs.ErrAlreadyExists
		}
	}
	file, err := os.CreateTemp(s.temp, "upload-")
	if err != nil {
		return nil, err
	}
	return &writer{store: s, ctx: ctx, file: file, digester: digest.Canonical.Digester(), status: content.Status{
		Ref: o.Ref, Total: o.Desc.Size, Expected: o.Desc.Digest, StartedAt: time.Now(), UpdatedAt: time.Now(),
	}}, nil
}

// writer keeps a blob in a file until it is complete, because an upload may have to be repeated.
type writer struct {
	store    *Store
	ctx      context.Context
	file     *os.File
	digester digest.Digester
	status   content.Status
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.digester.Hash().Write(p[:n])
	w.status.Offset += int64(n)
	w.status.UpdatedAt = time.Now()
	return n, err
}

// Close implements io.Closer.
func (w *writer) Close() error {
	_ = w.file.Close() // it may be closed
	_ = os.Remove(w.file.Name())
	return nil
}

// Digest implements content.Writer.
func (w *writer) Digest() digest.Digest { return w.digester.Digest() }

// Status implements content.Writer.
func (w *writer) Status() (content.Status, error) { return w.status, nil }

// Truncate implements content.Writer.
func (w *writer) Truncate(size int64) error {
	if size != 0 {
		return errdefs.ErrNotImplemented
	}
	w.digester = digest.Canonical.Digester()
	w.status.Offset = 0
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return w.file.Truncate(0)
}

// largestManifest is more than any manifest.
const largestManifest = 8 << 20

// Commit implements content.Writer: it uploads a blob. A manifest waits for Save, which gives it a tag.
func (w *writer) Commit(_ context.Context, size int64, expected digest.Digest, _ ...content.Opt) error {
	defer w.Close()
	got := w.Digest()
	if size > 0 && size != w.status.Offset || expected != "" && expected != got {
		return errdefs.ErrFailedPrecondition
	}
	if raw, ok := w.manifest(); ok {
		w.store.mu.Lock()
		defer w.store.mu.Unlock()
		w.store.written[got] = raw
		return nil
	}
	return w.store.failWrite(w.ctx, w.store.remote.Push(w.ctx, got.String(), w.status.Offset, func() (io.ReadCloser, error) {
		return os.Open(w.file.Name())
	}))
}

// manifest is the content if it is that of a manifest. BuildKit does not send the media type.
func (w *writer) manifest() ([]byte, bool) {
	first := make([]byte, 1)
	if _, err := w.file.ReadAt(first, 0); err != nil || first[0] != '{' || w.status.Offset > largestManifest {
		return nil, false
	}
	raw := make([]byte, w.status.Offset)
	if _, err := w.file.ReadAt(raw, 0); err != nil {
		return nil, false
	}
	var m ocispecs.Manifest
	return raw, json.Unmarshal(raw, &m) == nil && m.MediaType == ocispecs.MediaTypeImageManifest
}
