package remotecache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	cachetypes "github.com/moby/buildkit/cache/remotecache/v1/types"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// memoryRemote is a repository in memory. The tests of package engine use a real registry.
type memoryRemote struct {
	tags  map[string][]byte
	blobs map[string][]byte
	reads atomic.Int64
	body  func(context.Context, []byte) io.Reader // nil: the content
}

func (m *memoryRemote) Name() string { return "registry.example/cache" }

func (m *memoryRemote) Manifest(_ context.Context, tag string) ([]byte, bool, error) {
	raw, ok := m.tags[tag]
	return raw, ok, nil
}

func (m *memoryRemote) Has(_ context.Context, d string) (bool, error) { return m.blobs[d] != nil, nil }

func (m *memoryRemote) Blob(ctx context.Context, d string) (io.ReadCloser, error) {
	m.reads.Add(1)
	if m.blobs[d] == nil {
		return nil, errors.New("not found")
	}
	if m.body != nil {
		return io.NopCloser(m.body(ctx, m.blobs[d])), nil
	}
	return io.NopCloser(bytes.NewReader(m.blobs[d])), nil
}

func (m *memoryRemote) Push(_ context.Context, d string, _ int64, open func() (io.ReadCloser, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	m.blobs[d], err = io.ReadAll(r)
	return err
}

func (m *memoryRemote) Tag(_ context.Context, tag string, raw []byte) error {
	m.tags[tag] = raw
	return nil
}

// entryOf stores an entry with one layer.
func (m *memoryRemote) entryOf(t *testing.T, layer []byte, change func(*ocispecs.Manifest, *cachetypes.CacheConfig)) digest.Digest {
	t.Helper()
	d := digest.FromBytes(layer)
	config := cachetypes.CacheConfig{
		Layers:  []cachetypes.CacheLayer{{Blob: d, ParentIndex: -1}},
		Records: []cachetypes.CacheRecord{{Digest: digest.FromString("step"), Results: []cachetypes.CacheResult{{LayerIndex: 0}}}},
	}
	manifest := ocispecs.Manifest{MediaType: ocispecs.MediaTypeImageManifest, Layers: []ocispecs.Descriptor{{Digest: d, Size: int64(len(layer))}}}
	manifest.Config.MediaType = cachetypes.CacheConfigMediaTypeV0
	change(&manifest, &config)
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	manifest.Config.Digest, manifest.Config.Size = digest.FromBytes(raw), max(manifest.Config.Size, int64(len(raw)))
	m.blobs[d.String()], m.blobs[manifest.Config.Digest.String()] = layer, raw
	if m.tags["entry"], err = json.Marshal(manifest); err != nil {
		t.Fatal(err)
	}
	return d
}

func unchanged(*ocispecs.Manifest, *cachetypes.CacheConfig) {}

func newRemote() *memoryRemote {
	return &memoryRemote{tags: map[string][]byte{}, blobs: map[string][]byte{}}
}

// loaded is a store with the entry.
func loaded(t *testing.T, m *memoryRemote) *Store {
	t.Helper()
	s := New(m, t.TempDir())
	t.Cleanup(s.Close)
	if _, ok, err := s.Load(t.Context(), "entry"); err != nil || !ok {
		t.Fatalf("%v, %v", ok, err)
	}
	m.reads.Store(0)
	return s
}

// readAll reads a blob in parts, each with a reader of its own, as the session does.
func readAll(t *testing.T, s *Store, d digest.Digest) ([]byte, error) {
	t.Helper()
	info, err := s.Info(t.Context(), d)
	if err != nil {
		return nil, err
	}
	var all []byte
	for int64(len(all)) < info.Size {
		r, err := s.ReaderAt(t.Context(), ocispecs.Descriptor{Digest: d})
		if err != nil {
			return nil, err
		}
		part := make([]byte, 1000)
		n, err := r.ReadAt(part, int64(len(all)))
		if err != nil && !errors.Is(err, io.EOF) {
			return all, err
		}
		all = append(all, part[:n]...)
		if err := r.Close(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func TestALayerIsReadWithOneRequest(t *testing.T) {
	m, layer := newRemote(), bytes.Repeat([]byte("layer "), 1000)
	d := m.entryOf(t, layer, unchanged)
	s := loaded(t, m)
	for range 2 {
		if got, err := readAll(t, s, d); err != nil || !bytes.Equal(got, layer) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	if n := m.reads.Load(); n != 2 {
		t.Errorf("%d requests for reading twice", n)
	}
	r, err := s.ReaderAt(t.Context(), ocispecs.Descriptor{Digest: d})
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 6)
	if _, err := r.ReadAt(part, 600); err != nil || string(part) != "layer " {
		t.Errorf("from the middle: %q, %v", part, err)
	}
}

func TestLayersThatCannotBeRead(t *testing.T) {
	layer := bytes.Repeat([]byte("layer "), 1000)
	for name, test := range map[string]struct {
		body func(context.Context, []byte) io.Reader
		want string
	}{
		"other content": {func(_ context.Context, b []byte) io.Reader { return bytes.NewReader(bytes.ToUpper(b)) }, "does not have its digest"},
		"too long":      {func(_ context.Context, b []byte) io.Reader { return bytes.NewReader(append(bytes.Clone(b), "more"...)) }, "does not have its digest"},
		"too short":     {func(_ context.Context, b []byte) io.Reader { return bytes.NewReader(b[:100]) }, "EOF"},
		"too slow":      {func(ctx context.Context, _ []byte) io.Reader { return never{ctx} }, "the registry is too slow"},
	} {
		m := newRemote()
		d := m.entryOf(t, layer, unchanged)
		s := loaded(t, m)
		s.grace, m.body = time.Millisecond, test.body
		if test.want != "the registry is too slow" {
			s.grace = time.Hour
		}
		got, err := readAll(t, s, d)
		if err == nil || !strings.Contains(err.Error(), test.want) || len(got) >= len(layer) || s.Err() == nil {
			t.Errorf("%s: %d bytes, %v, %v", name, len(got), err, s.Err())
		}
		if _, err := s.Info(t.Context(), d); !errdefs.IsNotFound(err) {
			t.Errorf("%s: later the layer is there: %v", name, err)
		}
	}
}

// never sends nothing until its context ends.
type never struct{ ctx context.Context }

func (n never) Read([]byte) (int, error) {
	<-n.ctx.Done()
	return 0, n.ctx.Err()
}

func TestDamagedEntries(t *testing.T) {
	for name, change := range map[string]func(*ocispecs.Manifest, *cachetypes.CacheConfig){
		"another format": func(m *ocispecs.Manifest, _ *cachetypes.CacheConfig) {
			m.Config.MediaType = ocispecs.MediaTypeImageConfig
		},
		"too many steps":      func(m *ocispecs.Manifest, _ *cachetypes.CacheConfig) { m.Config.Size = maxSteps + 1 },
		"layer not listed":    func(m *ocispecs.Manifest, _ *cachetypes.CacheConfig) { m.Layers = nil },
		"digest":              func(m *ocispecs.Manifest, _ *cachetypes.CacheConfig) { m.Layers[0].Digest = "sha256:x" },
		"parent out of range": func(_ *ocispecs.Manifest, c *cachetypes.CacheConfig) { c.Layers[0].ParentIndex = 1 },
		"layer out of range":  func(_ *ocispecs.Manifest, c *cachetypes.CacheConfig) { c.Records[0].Results[0].LayerIndex = 1 },
		"negative layer":      func(_ *ocispecs.Manifest, c *cachetypes.CacheConfig) { c.Records[0].Results[0].LayerIndex = -1 },
		"step based on no other": func(_ *ocispecs.Manifest, c *cachetypes.CacheConfig) {
			c.Records[0].Inputs = [][]cachetypes.CacheInput{{{LinkIndex: 7}}}
		},
	} {
		m := newRemote()
		m.entryOf(t, []byte("layer"), change)
		if _, _, err := New(m, t.TempDir()).Load(t.Context(), "entry"); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, ok, err := New(newRemote(), t.TempDir()).Load(t.Context(), "entry"); ok || err != nil {
		t.Errorf("without the tag: %v, %v", ok, err)
	}
}

// write writes a blob as BuildKit does.
func write(t *testing.T, s *Store, raw []byte) (digest.Digest, error) {
	t.Helper()
	d := digest.FromBytes(raw)
	w, err := s.Writer(t.Context(), content.WithRef("r"), content.WithDescriptor(ocispecs.Descriptor{Digest: d, Size: int64(len(raw))}))
	if err != nil {
		return d, err
	}
	defer w.Close()
	if _, err := w.Write(raw); err != nil {
		return d, err
	}
	return d, w.Commit(t.Context(), int64(len(raw)), d)
}

func TestAManifestIsOnlyWrittenUnderItsTag(t *testing.T) {
	m := newRemote()
	m.entryOf(t, []byte("layer"), unchanged)
	old := m.tags["entry"]
	s := loaded(t, m)
	if _, err := write(t, s, []byte("layer")); !errdefs.IsAlreadyExists(err) {
		t.Errorf("a layer that the registry has: %v", err)
	}
	if d, err := write(t, s, []byte("another layer")); err != nil || string(m.blobs[d.String()]) != "another layer" {
		t.Errorf("%v, %q", err, m.blobs)
	}
	same, err := write(t, s, old)
	if err != nil || m.blobs[same.String()] != nil {
		t.Errorf("the manifest became a blob: %v", err)
	}
	if changed, err := s.Save(t.Context(), "entry", same); changed || err != nil {
		t.Errorf("the same entry: %v, %v", changed, err)
	}
	if changed, err := s.Save(t.Context(), "other", same); !changed || err != nil || !bytes.Equal(m.tags["other"], old) {
		t.Errorf("another tag: %v, %v", changed, err)
	}
	var large ocispecs.Manifest
	if err := json.Unmarshal(old, &large); err != nil {
		t.Fatal(err)
	}
	large.Config.Size = maxSteps + 1
	raw, err := json.Marshal(large)
	if err != nil {
		t.Fatal(err)
	}
	d, err := write(t, s, raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Save(t.Context(), "entry", d); err == nil || !bytes.Equal(m.tags["entry"], old) {
		t.Errorf("an entry that BuildKit does not read replaced one that it does: %v", err)
	}
}
