package settings

import (
	"cmp"
	"fmt"
	"net/mail"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // images and runners often have no time zones

	"github.com/docker/go-units"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
)

// List reads a list: commas or spaces separate its items.
func List(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// IsSet reports whether a setting is used; "none" switches off a setting that has a default.
func IsSet(setting string) bool { return setting != "" && setting != "none" }

// Platforms are those that containers of each kind are published for.
func (s Settings) Platforms() (map[image.Kind][]image.Platform, error) {
	platforms := map[image.Kind][]image.Platform{}
	for kind, list := range map[image.Kind]string{image.KindGo: s.GoPlatforms, image.KindDockerfile: s.DockerfilePlatforms} {
		if list == "" {
			continue
		}
		parsed, err := image.ParsePlatforms(list)
		if err != nil {
			return nil, fmt.Errorf("setting of the platforms of kind %s: %w", kind, err)
		}
		platforms[kind] = parsed
	}
	return platforms, nil
}

// MirrorPairs reads the field Mirrors: registries or parts of them, and where their images are pulled from.
func (s Settings) MirrorPairs() (map[string]string, error) {
	return pairs("BLUMEOPS_MIRRORS", s.Mirrors)
}

// PackageMirrorPairs reads the field PackageMirrors: build arguments and their values.
func (s Settings) PackageMirrorPairs() (map[string]string, error) {
	return pairs("BLUMEOPS_PACKAGE_MIRRORS", s.PackageMirrors)
}

// pairs reads KEY=VALUE,KEY=VALUE.
func pairs(setting, list string) (map[string]string, error) {
	read := map[string]string{}
	for _, item := range List(list) {
		key, value, ok := strings.Cut(item, "=")
		if !ok || key == "" || value == "" {
			return nil, fmt.Errorf("%s: %q is not NAME=VALUE", setting, item)
		}
		read[key] = value
	}
	return read, nil
}

// CacheBytes is the size from which the embedded engine's cache is collected.
func (s Settings) CacheBytes() (int64, error) {
	if s.EngineCache == "" {
		return 0, nil
	}
	size, err := units.FromHumanSize(s.EngineCache)
	if err != nil {
		return 0, fmt.Errorf("BLUMEOPS_ENGINE_CACHE: %q is not a size, as in 20GB", s.EngineCache)
	}
	return size, nil
}

// Zone is the time zone whose date is that of a release.
func (s Settings) Zone() (*time.Location, error) {
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("BLUMEOPS_TIME_ZONE: %q is no time zone, as in Europe/Berlin or UTC", s.TimeZone)
	}
	return zone, nil
}

// DeployWait is how long a deployment may take.
func (s Settings) DeployWait() (time.Duration, error) {
	wait, err := time.ParseDuration(s.DeployTimeout)
	if err != nil || wait <= 0 {
		return 0, fmt.Errorf("BLUMEOPS_DEPLOY_TIMEOUT: %q is not a time, as in 5m", s.DeployTimeout)
	}
	return wait, nil
}

// KeptReleases is how many releases of the docs keep their packages; 0 is all.
func (s Settings) KeptReleases() (int, error) {
	keep, err := strconv.Atoi(cmp.Or(s.DocsKeep, "0"))
	if err != nil || keep < 0 {
		return 0, fmt.Errorf("BLUMEOPS_DOCS_KEEP: %q is not a number of versions", s.DocsKeep)
	}
	return keep, nil
}

// Author is who commits releases.
func (s Settings) Author() (*mail.Address, error) {
	author, err := mail.ParseAddress(s.ReleaseAuthor)
	if err != nil {
		return nil, fmt.Errorf("BLUMEOPS_RELEASE_AUTHOR: %q is not NAME <ADDRESS>", s.ReleaseAuthor)
	}
	return author, nil
}

// HasAccount reports whether the site's registry is spoken to with an account of its own.
func (s Settings) HasAccount() bool { return IsSet(s.RegistryUser) }

// Password refers to the registry's password.
func (s Settings) Password() (secret.Reference, error) {
	return Secret(s.RegistryPassword, PasswordVariable)
}

// Secret reads a reference of the settings, which may be empty, with the variable that overrides it.
func Secret(reference, variable string) (secret.Reference, error) {
	if reference == "" {
		return secret.Reference{}.WithVariable(variable), nil
	}
	ref, err := secret.ParseReference(reference)
	return ref.WithVariable(variable), err
}

// SourceURL is where the repository can be seen; "" without a forge.
func (s Settings) SourceURL() string {
	if s.ForgeURL == "" {
		return ""
	}
	return strings.TrimSuffix(s.ForgeURL, "/") + "/" + s.Owner + "/" + s.Repository
}

// ArgoCDAddress is the address of Argo CD, which the argocd command knows as a host. getenv looks ARGOCD_OPTS up.
func (s Settings) ArgoCDAddress(getenv func(string) string) string {
	switch {
	case strings.Contains(s.ArgoCDURL, "://"):
		return s.ArgoCDURL
	case slices.Contains(strings.Fields(getenv("ARGOCD_OPTS")), "--plaintext"):
		return "http://" + s.ArgoCDURL
	}
	return "https://" + s.ArgoCDURL
}

// Require returns an error that names the first of the fields that is empty, and how to set it.
func (s Settings) Require(fields ...string) error {
	for _, name := range fields {
		field, ok := reflect.TypeFor[Settings]().FieldByName(name)
		if !ok {
			return fmt.Errorf("no setting is called %s", name)
		}
		if reflect.ValueOf(s).FieldByName(name).String() != "" {
			continue
		}
		variable, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		return fmt.Errorf("setting %s is empty, and this target requires it: state it in the site.Settings of the magefile, or set %s", name, variable)
	}
	return nil
}
