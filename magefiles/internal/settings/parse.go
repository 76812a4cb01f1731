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

// List splits a list at commas and spaces.
func List(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// IsSet reports whether a setting is used; "none" switches off a setting that has a default.
func IsSet(setting string) bool { return setting != "" && setting != "none" }

// Platforms are the platforms that containers of each kind are published for, if they state none.
func (s Settings) Platforms() (map[image.Kind][]image.Platform, error) {
	platforms := map[image.Kind][]image.Platform{}
	for kind, list := range map[image.Kind]string{image.KindGo: s.GoPlatforms, image.KindDockerfile: s.DockerfilePlatforms} {
		if list == "" {
			continue
		}
		parsed, err := image.ParsePlatforms(list)
		if err != nil {
			return nil, fmt.Errorf("BLUMEOPS_%s_PLATFORMS: %w", strings.ToUpper(string(kind)), err)
		}
		platforms[kind] = parsed
	}
	return platforms, nil
}

// RequiredKeys are the keys of the frontmatter of each page.
func (s Settings) RequiredKeys() []string {
	if !IsSet(s.DocsKeys) {
		return nil
	}
	return List(s.DocsKeys)
}

// MovingTags are the tags that may move.
func (s Settings) MovingTags() (image.Channels, error) {
	if !IsSet(s.Channels) {
		return nil, nil
	}
	channels, err := image.ParseChannels(List(s.Channels))
	if err != nil {
		return nil, fmt.Errorf("BLUMEOPS_CHANNELS: %w", err)
	}
	return channels, nil
}

// MirrorPairs parses the field Mirrors: a registry or a part of one, and its replacement.
func (s Settings) MirrorPairs() (map[string]string, error) {
	return pairs("BLUMEOPS_MIRRORS", s.Mirrors)
}

// PackageMirrorPairs parses the field PackageMirrors: build arguments and their values.
func (s Settings) PackageMirrorPairs() (map[string]string, error) {
	return pairs("BLUMEOPS_PACKAGE_MIRRORS", s.PackageMirrors)
}

// pairs parses KEY=VALUE,KEY=VALUE.
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

// BuildsOffline reports whether the build requirements of Python packages come from the image.
func (s Settings) BuildsOffline() (bool, error) {
	switch s.PythonRequirements {
	case "image":
		return true, nil
	case "index":
		return false, nil
	}
	return false, fmt.Errorf("BLUMEOPS_PYTHON_REQUIREMENTS: %q must be index or image", s.PythonRequirements)
}

// CacheBytes is the size above which the cache of the embedded engine is pruned.
func (s Settings) CacheBytes() (int64, error) {
	if s.EngineCache == "" {
		return 0, nil
	}
	size, err := units.FromHumanSize(s.EngineCache)
	if err != nil {
		return 0, fmt.Errorf("BLUMEOPS_ENGINE_CACHE: %q is not a size (example: 20GB)", s.EngineCache)
	}
	return size, nil
}

// Insecure reports whether commands on the embedded engine may have all rights of root.
func (s Settings) Insecure() (bool, error) {
	allowed, err := strconv.ParseBool(cmp.Or(s.EngineInsecure, "false"))
	if err != nil {
		return false, fmt.Errorf("BLUMEOPS_ENGINE_INSECURE: %q must be true or false", s.EngineInsecure)
	}
	return allowed, nil
}

// Zone is the time zone of the date of a release.
func (s Settings) Zone() (*time.Location, error) {
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("BLUMEOPS_TIME_ZONE: %q is not a time zone (example: Europe/Berlin)", s.TimeZone)
	}
	return zone, nil
}

// DeployWait is the limit for a deployment.
func (s Settings) DeployWait() (time.Duration, error) {
	wait, err := time.ParseDuration(s.DeployTimeout)
	if err != nil || wait <= 0 {
		return 0, fmt.Errorf("BLUMEOPS_DEPLOY_TIMEOUT: %q is not a positive duration (example: 5m)", s.DeployTimeout)
	}
	return wait, nil
}

// KeptReleases is the number of releases of the docs that keep their packages; 0 is all.
func (s Settings) KeptReleases() (int, error) {
	keep, err := strconv.Atoi(cmp.Or(s.DocsKeep, "0"))
	if err != nil || keep < 0 {
		return 0, fmt.Errorf("BLUMEOPS_DOCS_KEEP: %q is not a number of versions (example: 3; 0 keeps all)", s.DocsKeep)
	}
	return keep, nil
}

// Author is the author of release commits.
func (s Settings) Author() (*mail.Address, error) {
	author, err := mail.ParseAddress(s.ReleaseAuthor)
	if err != nil {
		return nil, fmt.Errorf("BLUMEOPS_RELEASE_AUTHOR: %q is not NAME <ADDRESS> (example: Me <me@example.org>)", s.ReleaseAuthor)
	}
	return author, nil
}

// HasAccount reports whether the settings have an account for the registry of the site.
func (s Settings) HasAccount() bool { return IsSet(s.RegistryUser) }

// Password is the reference to the password of the registry.
func (s Settings) Password() (secret.Reference, error) {
	return Secret(s.RegistryPassword, PasswordVariable)
}

// Secret parses a reference in the settings, which may be empty, and adds the variable that overrides it.
func Secret(reference, variable string) (secret.Reference, error) {
	if reference == "" {
		return secret.Reference{}.WithVariable(variable), nil
	}
	ref, err := secret.ParseReference(reference)
	return ref.WithVariable(variable), err
}

// SourceURL is the page of the repository at the forge; "" without a forge.
func (s Settings) SourceURL() string {
	if s.ForgeURL == "" {
		return ""
	}
	return strings.TrimSuffix(s.ForgeURL, "/") + "/" + s.Owner + "/" + s.Repository
}

// ArgoCDAddress is the address of Argo CD. A host without a scheme, as for the argocd command, gets one: http with --plaintext in
// ARGOCD_OPTS, which getenv looks up, otherwise https.
func (s Settings) ArgoCDAddress(getenv func(string) string) string {
	switch {
	case strings.Contains(s.ArgoCDURL, "://"):
		return s.ArgoCDURL
	case slices.Contains(strings.Fields(getenv("ARGOCD_OPTS")), "--plaintext"):
		return "http://" + s.ArgoCDURL
	}
	return "https://" + s.ArgoCDURL
}

// Require returns a *MissingError for the fields that are empty.
func (s Settings) Require(fields ...string) error {
	var missing MissingError
	for _, name := range fields {
		field, ok := reflect.TypeFor[Settings]().FieldByName(name)
		if !ok {
			return fmt.Errorf("setting %s does not exist", name)
		}
		if reflect.ValueOf(s).FieldByName(name).String() != "" {
			continue
		}
		missing.Fields = append(missing.Fields, name)
		if variable, _, _ := strings.Cut(field.Tag.Get("env"), ","); variable != "" {
			missing.Variables = append(missing.Variables, variable)
		}
	}
	if len(missing.Fields) > 0 {
		return &missing
	}
	return nil
}

// MissingError says that a target requires settings that are empty.
type MissingError struct {
	Fields    []string
	Variables []string // that set them too
}

func (e *MissingError) Error() string {
	if len(e.Fields) == 1 {
		return "this target requires the setting " + e.Fields[0]
	}
	return "this target requires the settings " + strings.Join(e.Fields, ", ")
}

// Hint says how to set them.
func (e *MissingError) Hint() string {
	hint := "add it to site.Settings in magefiles/site.go"
	if len(e.Fields) > 1 {
		hint = "add them to site.Settings in magefiles/site.go"
	}
	if len(e.Variables) > 0 {
		hint += ", or set " + strings.Join(e.Variables, ", ")
	}
	return hint
}
