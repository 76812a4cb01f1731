package settings

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// example are settings of a site, with the defaults.
var example = Settings{
	Registry: "registry.example", Namespace: "me", RegistryUser: "ci", RegistryPassword: "op://homelab/registry/password",
	ForgeURL: "https://forge.example", Owner: "me", Repository: "homelab", DocsURL: "https://docs.example", ArgoCDURL: "https://argocd.example",
}.WithDefaults()

func TestEnvironmentOverridesTheSite(t *testing.T) {
	env := map[string]string{
		"BLUMEOPS_REGISTRY": "127.0.0.1:5000", "BLUMEOPS_NAMESPACE": "", "https_proxy": "http://lower:1", "HTTP_PROXY": "http://upper:1",
		"BLUMEOPS_HTTP_PROXY": "http://own:1",
	}
	got := example.Override(func(name string) string { return env[name] })
	want := example
	want.Registry, want.HTTPSProxy, want.HTTPProxy = "127.0.0.1:5000", "http://lower:1", "http://own:1"
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A field that cannot be overridden is a secret's reference, whose variable is its own.
func TestEverySettingCanBeOverridden(t *testing.T) {
	references := []string{"RegistryPassword", "ForgeToken", "ArgoCDToken", "SSHKey", "SigningKey", "PackageToken"}
	fields := reflect.TypeFor[Settings]()
	for i := range fields.NumField() {
		field := fields.Field(i)
		if tag := field.Tag.Get("env"); field.Type.Kind() != reflect.String || !strings.HasPrefix(tag, "BLUMEOPS_") && !slices.Contains(references, field.Name) {
			t.Errorf("%s (%s) has the tag %q", field.Name, field.Type, tag)
		}
	}
}

func TestTheSiteCanBeRead(t *testing.T) {
	if _, err := example.Platforms(); err != nil {
		t.Error(err)
	}
	if _, err := example.MirrorPairs(); err != nil {
		t.Error(err)
	}
	if _, err := example.PackageMirrorPairs(); err != nil {
		t.Error(err)
	}
	if size, err := example.CacheBytes(); err != nil || size < 1<<30 {
		t.Errorf("cache of %d bytes, %v", size, err)
	}
	if ref, err := example.Password(); err != nil || ref.Variable() != PasswordVariable {
		t.Errorf("password: %v, %v", ref, err)
	}
}

func TestSettingsThatCannotBeRead(t *testing.T) {
	for name, s := range map[string]Settings{
		"BLUMEOPS_MIRRORS":         {Mirrors: "docker.io"},
		"BLUMEOPS_PACKAGE_MIRRORS": {PackageMirrors: "PIP_INDEX_URL="},
	} {
		_, mirrors := s.MirrorPairs()
		_, packages := s.PackageMirrorPairs()
		if err := errors.Join(mirrors, packages); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v; want it to name the setting", name, err)
		}
	}
	if _, err := (Settings{EngineCache: "much"}).CacheBytes(); err == nil || !strings.Contains(err.Error(), "BLUMEOPS_ENGINE_CACHE") {
		t.Errorf("error %v; want it to name the setting", err)
	}
	if _, err := (Settings{Channels: "dev,v1.0.0"}).MovingTags(); err == nil || !strings.Contains(err.Error(), "BLUMEOPS_CHANNELS") {
		t.Errorf("error %v; want it to name the setting", err)
	}
	if _, err := (Settings{EngineInsecure: "perhaps"}).Insecure(); err == nil || !strings.Contains(err.Error(), "BLUMEOPS_ENGINE_INSECURE") {
		t.Errorf("error %v; want it to name the setting", err)
	}
	if _, err := (Settings{GoPlatforms: "arm"}).Platforms(); err == nil || !strings.Contains(err.Error(), "BLUMEOPS_GO_PLATFORMS") {
		t.Errorf("error %v; want it to name the setting", err)
	}
}
func TestTimeZones(t *testing.T) {
	for _, name := range []string{example.TimeZone, "Europe/Berlin", "Local", ""} {
		if _, err := (Settings{TimeZone: name}).Zone(); err != nil {
			t.Error(err)
		}
	}
	if _, err := (Settings{TimeZone: "Europe/Nowhere"}).Zone(); err == nil || !strings.Contains(err.Error(), "BLUMEOPS_TIME_ZONE") {
		t.Errorf("error %v; want it to name the setting", err)
	}
}

func TestRequiredSettings(t *testing.T) {
	if err := example.Require("Registry", "ForgeURL"); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		fields      []string
		error, hint string
	}{
		{[]string{"Docs", "Registry"}, "this target requires the setting Registry", "add it to site.Settings in magefiles/site.go, or set BLUMEOPS_REGISTRY"},
		{[]string{"ForgeURL", "Owner"}, "this target requires the settings ForgeURL, Owner", "add them to site.Settings in magefiles/site.go, or set BLUMEOPS_FORGE_URL, BLUMEOPS_OWNER"},
		{[]string{"ForgeToken"}, "this target requires the setting ForgeToken", "add it to site.Settings in magefiles/site.go"},
	} {
		var missing *MissingError
		if err := (Settings{}.WithDefaults().Require(c.fields...)); !errors.As(err, &missing) || err.Error() != c.error || missing.Hint() != c.hint {
			t.Errorf("%v: %v, hint %v", c.fields, err, missing)
		}
	}
}

// Argo CD is named by an address, or by a host as the argocd command has it.
func TestArgoCDAddress(t *testing.T) {
	for setting, want := range map[string][2]string{ // by default, and with --plaintext
		"argocd.example":              {"https://argocd.example", "http://argocd.example"},
		"argocd.example:8080":         {"https://argocd.example:8080", "http://argocd.example:8080"},
		"https://argocd.example/root": {"https://argocd.example/root", "https://argocd.example/root"},
		"http://argocd.example":       {"http://argocd.example", "http://argocd.example"},
	} {
		for i, options := range []string{"--grpc-web", "--grpc-web --plaintext"} {
			if got := (Settings{ArgoCDURL: setting}).ArgoCDAddress(func(string) string { return options }); got != want[i] {
				t.Errorf("%s with %s: %s, want %s", setting, options, got, want[i])
			}
		}
	}
}
