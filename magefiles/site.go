//go:build mage

package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/docker/go-units"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// site is what differs from site to site. A fork edits this; the environment variable
// that a field is tagged with overrides it, and a target's flag overrides that. Lists
// have commas between their items. Nothing here is needed to list the targets.
var site = settings{
	Registry:         "registry.ops.eblu.me",
	Namespace:        "blumeops",
	RegistryUser:     "zot-ci",
	RegistryPassword: "op://blumeops/zot-ci/password",

	ForgeURL:   "https://forge.ops.eblu.me",
	Owner:      "eblume",
	Repository: "blumeops",

	TimeZone: "UTC",

	Manifests:           "argocd",
	GoPlatforms:         "linux/amd64,linux/arm64",
	DockerfilePlatforms: "linux/amd64",

	Engine:      "auto",
	EngineCache: "20GB",

	LabName: "default",
}

// settings of a site.
type settings struct {
	// Registry is the host that images are published to, Namespace the path before
	// their names.
	Registry  string `env:"BLUMEOPS_REGISTRY"`
	Namespace string `env:"BLUMEOPS_NAMESPACE"`
	// RegistryUser and RegistryPassword are the account there: a name, and a reference
	// to a secret. $BLUMEOPS_REGISTRY_PASSWORD holds the password itself, or another
	// reference. With no user («BLUMEOPS_REGISTRY_USER=none») the Docker configuration
	// and its helpers are asked, as for every other registry.
	RegistryUser     string `env:"BLUMEOPS_REGISTRY_USER"`
	RegistryPassword string
	// PlainRegistries are spoken to over plain HTTP, as loopback always is.
	PlainRegistries string `env:"BLUMEOPS_PLAIN_REGISTRIES"`
	// CAFile is a PEM file of authorities that registries' certificates may come from.
	CAFile string `env:"BLUMEOPS_CA_FILE"`

	// ForgeURL, Owner and Repository say where the source is, for a clone whose remote
	// does not.
	ForgeURL   string `env:"BLUMEOPS_FORGE_URL"`
	Owner      string `env:"BLUMEOPS_OWNER"`
	Repository string `env:"BLUMEOPS_REPOSITORY"`

	// TimeZone is the one whose date a release gets, as in Europe/Berlin.
	TimeZone string `env:"BLUMEOPS_TIME_ZONE"`

	// Manifests is the folder that Argo CD deploys from.
	Manifests string `env:"BLUMEOPS_MANIFESTS"`
	// The platforms that containers of each kind are published for, if they state none.
	GoPlatforms         string `env:"BLUMEOPS_GO_PLATFORMS"`
	DockerfilePlatforms string `env:"BLUMEOPS_DOCKERFILE_PLATFORMS"`

	// Engine is auto, dagger or embedded.
	Engine string `env:"BLUMEOPS_ENGINE"`
	// EngineState is the folder of the embedded engine; by default in the user's cache.
	EngineState string `env:"BLUMEOPS_ENGINE_STATE"`
	// EngineSources is the checkout that the embedded engine is built from; by default
	// the one that the target runs in.
	EngineSources string `env:"BLUMEOPS_ROOT"`
	// EngineCache is the size from which the embedded engine's cache is collected.
	EngineCache string `env:"BLUMEOPS_ENGINE_CACHE"`

	// LabName names the lab of the lab: targets. Those of two names run side by side.
	LabName string `env:"BLUMEOPS_LAB"`

	// Mirrors are where base images are pulled from instead: of a registry or a part of it, as in
	// docker.io=registry.example/hub.
	Mirrors string `env:"BLUMEOPS_MIRRORS"`
	// PackageMirrors are build arguments of every Dockerfile that declares them, as in
	// PIP_INDEX_URL=https://pypi.example/simple.
	PackageMirrors string `env:"BLUMEOPS_PACKAGE_MIRRORS"`
	// Proxies of builds; by default those of the environment (HTTP_PROXY, ...).
	HTTPProxy  string `env:"BLUMEOPS_HTTP_PROXY,HTTP_PROXY,http_proxy"`
	HTTPSProxy string `env:"BLUMEOPS_HTTPS_PROXY,HTTPS_PROXY,https_proxy"`
	NoProxy    string `env:"BLUMEOPS_NO_PROXY,NO_PROXY,no_proxy"`

	// OnePasswordAccount is the account that the 1Password app is asked for.
	OnePasswordAccount string `env:"BLUMEOPS_ONEPASSWORD_ACCOUNT"`
}

// passwordVariable overrides RegistryPassword; the value is a secret.
const passwordVariable = "BLUMEOPS_REGISTRY_PASSWORD"

// override takes over what the environment sets. A variable that is empty sets nothing.
func (s settings) override(getenv func(string) string) settings {
	fields := reflect.ValueOf(&s).Elem()
	for i := range fields.NumField() {
		for name := range strings.SplitSeq(fields.Type().Field(i).Tag.Get("env"), ",") {
			if v := getenv(name); name != "" && v != "" {
				fields.Field(i).SetString(v)
				break
			}
		}
	}
	return s
}

// platforms are those that containers of each kind are published for.
func (s settings) platforms() (task.Platforms, error) {
	platforms := task.Platforms{}
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

// network is what builds must know of the network.
func (s settings) network() (pipeline.Site, error) {
	mirrors, err := pairs("BLUMEOPS_MIRRORS", s.Mirrors)
	if err != nil {
		return pipeline.Site{}, err
	}
	packages, err := pairs("BLUMEOPS_PACKAGE_MIRRORS", s.PackageMirrors)
	return pipeline.Site{HTTPProxy: s.HTTPProxy, HTTPSProxy: s.HTTPSProxy, NoProxy: s.NoProxy, Mirrors: mirrors, Packages: packages}, err
}

// pairs reads KEY=VALUE,KEY=VALUE.
func pairs(setting, list string) (map[string]string, error) {
	read := map[string]string{}
	for _, item := range items(list) {
		key, value, ok := strings.Cut(item, "=")
		if !ok || key == "" || value == "" {
			return nil, fmt.Errorf("%s: %q is not NAME=VALUE", setting, item)
		}
		read[key] = value
	}
	return read, nil
}

// items reads a list.
func items(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// cacheBytes is the size from which the embedded engine's cache is collected.
func (s settings) cacheBytes() (int64, error) {
	if s.EngineCache == "" {
		return 0, nil
	}
	size, err := units.FromHumanSize(s.EngineCache)
	if err != nil {
		return 0, fmt.Errorf("BLUMEOPS_ENGINE_CACHE: %q is not a size, as in 20GB", s.EngineCache)
	}
	return size, nil
}

// hasAccount says that the site's registry is spoken to with an account of its own.
func (s settings) hasAccount() bool { return s.RegistryUser != "" && s.RegistryUser != "none" }

// password refers to the registry's password.
func (s settings) password() (secret.Reference, error) {
	if s.RegistryPassword == "" {
		return secret.Reference{}.WithVariable(passwordVariable), nil
	}
	ref, err := secret.ParseReference(s.RegistryPassword)
	return ref.WithVariable(passwordVariable), err
}

// source is where the repository can be seen.
func (s settings) source() string {
	if s.ForgeURL == "" {
		return ""
	}
	return strings.TrimSuffix(s.ForgeURL, "/") + "/" + s.Owner + "/" + s.Repository
}

// inCI says that a job runs this, as Forgejo's and GitHub's runners state.
func inCI() bool { return os.Getenv("CI") == "true" }
