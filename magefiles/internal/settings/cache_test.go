package settings

import (
	"errors"
	"strings"
	"testing"
)

func TestCacheRepository(t *testing.T) {
	for name, want := range map[string]string{
		"cache": "registry.example/me/cache", "a/b": "registry.example/me/a/b", "other.example/cache": "other.example/cache",
		"localhost/cache": "localhost/cache", "127.0.0.1:5000/me/cache": "127.0.0.1:5000/me/cache", "": "", "none": "",
	} {
		s := Settings{Registry: "registry.example", Namespace: "me", Cache: name}
		ref, ok, err := s.CacheRepository()
		if got := ref.Name(); err != nil || ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s, %v, %v", name, got, ok, err)
		}
	}
	for _, name := range []string{"cache:tag", "Cache", "https://other.example/cache", "cache/"} {
		_, _, err := Settings{Registry: "registry.example", Cache: name}.CacheRepository()
		if err == nil || !strings.Contains(err.Error(), "BLUMEOPS_CACHE") {
			t.Errorf("%q: %v", name, err)
		}
	}
	var missing *MissingError
	if _, _, err := (Settings{Cache: "cache"}).CacheRepository(); !errors.As(err, &missing) || !strings.Contains(missing.Hint(), "BLUMEOPS_REGISTRY") {
		t.Errorf("without a registry: %v", err)
	}
}

func TestCacheWriters(t *testing.T) {
	for text, want := range map[string]CacheWriter{"": CacheAuto, "auto": CacheAuto, "always": CacheAlways, "never": CacheNever} {
		if got, err := (Settings{CacheWrite: text}).CacheWriters(); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := (Settings{CacheWrite: "true"}).CacheWriters(); err == nil || !strings.Contains(err.Error(), "BLUMEOPS_CACHE_WRITE") {
		t.Errorf("error %v; want it to name the setting", err)
	}
}
