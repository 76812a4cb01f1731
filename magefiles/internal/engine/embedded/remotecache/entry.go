package remotecache

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	cachetypes "github.com/moby/buildkit/cache/remotecache/v1/types"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxSteps is the largest configuration that BuildKit's importer reads (cache/remotecache/import.go). It ignores a cache with a larger one.
const maxSteps = 1 << 20

// Load reads an entry, and makes it available to BuildKit under the returned digest. ok is false if the registry has no such tag.
func (s *Store) Load(ctx context.Context, tag string) (_ digest.Digest, ok bool, err error) {
	raw, ok, err := s.remote.Manifest(ctx, tag)
	if err != nil || !ok {
		return "", false, err
	}
	var manifest ocispecs.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return "", false, damaged("its manifest is not JSON: %v", err)
	}
	if manifest.Config.MediaType != cachetypes.CacheConfigMediaTypeV0 {
		return "", false, damaged("it is a %q, not a cache of BuildKit (%s)", manifest.Config.MediaType, cachetypes.CacheConfigMediaTypeV0)
	}
	config, err := s.document(ctx, manifest.Config)
	if err != nil {
		return "", false, err
	}
	if err := check(config, manifest.Layers); err != nil {
		return "", false, err
	}
	name := digest.FromBytes(raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.documents[name], s.documents[manifest.Config.Digest] = raw, config
	for _, l := range manifest.Layers {
		s.layers[l.Digest] = l.Size
	}
	s.loaded[tag] = name
	return name, true, nil
}

// document reads a blob into memory.
func (s *Store) document(ctx context.Context, d ocispecs.Descriptor) ([]byte, error) {
	if err := d.Digest.Validate(); err != nil {
		return nil, damaged("digest of its steps: %v", err)
	}
	if d.Size > maxSteps {
		return nil, damaged("its list of steps has %d bytes, and BuildKit reads at most %d", d.Size, maxSteps)
	}
	r, err := s.remote.Blob(ctx, d.Digest.String())
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxSteps+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", d.Digest, err)
	}
	if got := d.Digest.Algorithm().FromBytes(b); got != d.Digest {
		return nil, damaged("its list of steps has the digest %s instead of %s", got, d.Digest)
	}
	return b, nil
}

// check refuses what BuildKit would ignore without a message.
func check(raw []byte, layers []ocispecs.Descriptor) error {
	var config cachetypes.CacheConfig
	if err := json.Unmarshal(raw, &config); err != nil {
		return damaged("its list of steps is not JSON: %v", err)
	}
	listed := map[digest.Digest]bool{}
	for _, l := range layers {
		if err := l.Digest.Validate(); err != nil {
			return damaged("digest of a layer: %v", err)
		}
		listed[l.Digest] = true
	}
	for _, l := range config.Layers {
		if !listed[l.Blob] {
			return damaged("a step has the layer %s, which the manifest does not list", l.Blob)
		}
		if l.ParentIndex >= len(config.Layers) {
			return damaged("a layer is based on number %d of %d", l.ParentIndex, len(config.Layers))
		}
	}
	for _, r := range config.Records {
		for _, result := range r.Results {
			if result.LayerIndex < 0 || result.LayerIndex >= len(config.Layers) {
				return damaged("a step has layer number %d of %d", result.LayerIndex, len(config.Layers))
			}
		}
		for _, inputs := range r.Inputs {
			for _, in := range inputs {
				if in.LinkIndex < 0 || in.LinkIndex >= len(config.Records) {
					return damaged("a step is based on number %d of %d", in.LinkIndex, len(config.Records))
				}
			}
		}
	}
	return nil
}

// Save makes a manifest that BuildKit wrote the entry of a tag. changed is false if the entry was already that.
func (s *Store) Save(ctx context.Context, tag string, manifest digest.Digest) (changed bool, err error) {
	s.mu.Lock()
	raw, same := s.written[manifest], s.loaded[tag] == manifest
	s.mu.Unlock()
	if same {
		return false, nil
	}
	if raw == nil {
		return false, fmt.Errorf("BuildKit wrote no manifest %s", manifest)
	}
	var m ocispecs.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return false, err
	}
	if m.Config.Size > maxSteps {
		return false, fmt.Errorf("the list of steps has %d bytes, and BuildKit reads at most %d: the build has too many steps for one entry", m.Config.Size, maxSteps)
	}
	return true, s.remote.Tag(ctx, tag, raw)
}
