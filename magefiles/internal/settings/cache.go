package settings

import (
	"cmp"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// CacheRepository is the repository of the cache in a registry, without a tag. ok is false if there is none.
func (s Settings) CacheRepository() (_ image.Reference, ok bool, err error) {
	if s.Cache == "" || s.Cache == "none" {
		return image.Reference{}, false, nil
	}
	name := s.Cache
	if host, _, _ := strings.Cut(name, "/"); !strings.Contains(name, "/") || !strings.ContainsAny(host, ".:") && host != "localhost" {
		if err := s.Require("Registry"); err != nil {
			return image.Reference{}, false, fmt.Errorf("BLUMEOPS_CACHE: %q has no registry: %w", s.Cache, err)
		}
		name = strings.Join([]string{s.Registry, s.Namespace, name}, "/")
		if s.Namespace == "" {
			name = s.Registry + "/" + s.Cache
		}
	}
	ref, err := image.ParseReference(name + ":any")
	if err != nil {
		return image.Reference{}, false, fmt.Errorf("BLUMEOPS_CACHE: %q must be a repository without a tag, as in cache or registry.example/me/cache", s.Cache)
	}
	ref.Tag = ""
	return ref, true, nil
}

// CacheWriter says who writes to the cache in a registry.
type CacheWriter string

// These may write: CI of the default branch, each build, or none.
const (
	CacheAuto   CacheWriter = "auto"
	CacheAlways CacheWriter = "always"
	CacheNever  CacheWriter = "never"
)

// CacheWriters parses the field CacheWrite.
func (s Settings) CacheWriters() (CacheWriter, error) {
	switch w := cmp.Or(CacheWriter(s.CacheWrite), CacheAuto); w {
	case CacheAuto, CacheAlways, CacheNever:
		return w, nil
	}
	return "", fmt.Errorf("BLUMEOPS_CACHE_WRITE: %q must be auto, always or never", s.CacheWrite)
}
