package registry

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// blob is content with its descriptor, opened as often as needed.
type blob struct {
	desc v1.Descriptor
	open func() (io.ReadCloser, error)
}

// newDocument makes a blob of bytes in memory: a config.
func newDocument(raw []byte, mediaType types.MediaType) (blob, error) {
	digest, size, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return blob{}, err
	}
	return blob{
		desc: v1.Descriptor{MediaType: mediaType, Size: size, Digest: digest},
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil },
	}, nil
}

// layer is the blob in the form that package remote uploads.
func (b blob) layer() v1.Layer {
	l, _ := partial.CompressedToLayer(compressed{b}) // never fails
	return l
}

// compressed implements partial.CompressedLayer.
type compressed struct{ b blob }

// Digest implements partial.CompressedLayer.
func (c compressed) Digest() (v1.Hash, error) { return c.b.desc.Digest, nil }

// Compressed implements partial.CompressedLayer.
func (c compressed) Compressed() (io.ReadCloser, error) { return c.b.open() }

// Size implements partial.CompressedLayer.
func (c compressed) Size() (int64, error) { return c.b.desc.Size, nil }

// MediaType implements partial.CompressedLayer.
func (c compressed) MediaType() (types.MediaType, error) { return c.b.desc.MediaType, nil }

// manifest is the text of a manifest or an index; it implements remote.Taggable and partial.Describable.
type manifest struct {
	raw       []byte
	mediaType types.MediaType
	digest    v1.Hash
}

func newManifest(raw []byte, mediaType types.MediaType) (*manifest, error) {
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return &manifest{raw: raw, mediaType: mediaType, digest: digest}, nil
}

// RawManifest implements remote.Taggable.
func (m *manifest) RawManifest() ([]byte, error) { return m.raw, nil }

// MediaType implements partial.Describable.
func (m *manifest) MediaType() (types.MediaType, error) { return m.mediaType, nil }

// Digest implements partial.Describable.
func (m *manifest) Digest() (v1.Hash, error) { return m.digest, nil }

// Size implements partial.Describable.
func (m *manifest) Size() (int64, error) { return int64(len(m.raw)), nil }

func (m *manifest) descriptor() v1.Descriptor {
	return v1.Descriptor{MediaType: m.mediaType, Size: int64(len(m.raw)), Digest: m.digest}
}

// verifying fails at the end of r if its content has another digest.
func verifying(r io.Reader, want v1.Hash) (io.ReadCloser, error) {
	h, err := v1.Hasher(want.Algorithm)
	if err != nil {
		return nil, err
	}
	return &verifier{r: r, h: h, want: want}, nil
}

type verifier struct {
	r    io.Reader
	h    hash.Hash
	want v1.Hash
}

// Read implements io.Reader.
func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.h.Write(p[:n]) // never fails
	if err == io.EOF {
		if got := hex.EncodeToString(v.h.Sum(nil)); got != v.want.Hex {
			return n, fmt.Errorf("blob %s is damaged: its content has the digest %s:%s", v.want, v.want.Algorithm, got)
		}
	}
	return n, err
}

// Close implements io.Closer; the archive stays open.
func (v *verifier) Close() error { return nil }
