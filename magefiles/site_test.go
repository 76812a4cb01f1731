//go:build mage

package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestEnvironmentOverridesTheSite(t *testing.T) {
	env := map[string]string{
		"BLUMEOPS_REGISTRY": "127.0.0.1:5000", "BLUMEOPS_NAMESPACE": "", "https_proxy": "http://lower:1", "HTTP_PROXY": "http://upper:1",
		"BLUMEOPS_HTTP_PROXY": "http://own:1",
	}
	got := site.override(func(name string) string { return env[name] })
	want := site
	want.Registry, want.HTTPSProxy, want.HTTPProxy = "127.0.0.1:5000", "http://lower:1", "http://own:1"
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A field that cannot be overridden is a secret's reference, whose variable is its own.
func TestEverySettingCanBeOverridden(t *testing.T) {
	references := []string{"RegistryPassword", "ForgeToken", "ArgoCDToken", "SSHKey", "SigningKey"}
	fields := reflect.TypeFor[settings]()
	for i := range fields.NumField() {
		field := fields.Field(i)
		if tag := field.Tag.Get("env"); field.Type.Kind() != reflect.String || !strings.HasPrefix(tag, "BLUMEOPS_") && !slices.Contains(references, field.Name) {
			t.Errorf("%s (%s) has the tag %q", field.Name, field.Type, tag)
		}
	}
}

func TestTheSiteCanBeRead(t *testing.T) {
	if _, err := site.platforms(); err != nil {
		t.Error(err)
	}
	if _, err := site.network(); err != nil {
		t.Error(err)
	}
	if size, err := site.cacheBytes(); err != nil || size < 1<<30 {
		t.Errorf("cache of %d bytes, %v", size, err)
	}
	if ref, err := site.password(); err != nil || ref.Variable() != passwordVariable {
		t.Errorf("password: %v, %v", ref, err)
	}
}

func TestSettingsThatCannotBeRead(t *testing.T) {
	for name, s := range map[string]settings{
		"BLUMEOPS_MIRRORS":         {Mirrors: "docker.io"},
		"BLUMEOPS_PACKAGE_MIRRORS": {PackageMirrors: "PIP_INDEX_URL="},
	} {
		if _, err := s.network(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v; want it to name the setting", name, err)
		}
	}
	if _, err := (settings{EngineCache: "much"}).cacheBytes(); err == nil || !strings.Contains(err.Error(), "BLUMEOPS_ENGINE_CACHE") {
		t.Errorf("error %v; want it to name the setting", err)
	}
	if _, err := (settings{GoPlatforms: "arm"}).platforms(); err == nil {
		t.Error("a platform that is none was taken")
	}
}
