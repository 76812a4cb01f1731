package pipeline

import (
	"maps"
	"strings"

	"github.com/distribution/reference"
)

// Site is what builds must know about the network that they run in. It is the only
// place for it, whichever engine builds.
type Site struct {
	// Proxies for HTTP and HTTPS, as in HTTP_PROXY, HTTPS_PROXY and NO_PROXY; "" for none.
	// Builds see them as build arguments that Docker predefines: they reach every RUN
	// and neither the image nor the cache.
	HTTPProxy, HTTPSProxy, NoProxy string
	// Packages are mirrors of package registries by build argument, as in
	// PIP_INDEX_URL. They reach the Dockerfiles that declare the argument.
	Packages map[string]string
	// Mirrors are registries to take base images from, HOST[/PATH] by the host that
	// they stand for: "docker.io": "registry.example/hub".
	Mirrors map[string]string
}

// args are the build arguments of every Dockerfile.
func (s Site) args() map[string]string {
	args := map[string]string{"HTTP_PROXY": s.HTTPProxy, "HTTPS_PROXY": s.HTTPSProxy, "NO_PROXY": s.NoProxy}
	maps.Copy(args, s.Packages)
	maps.DeleteFunc(args, func(_, value string) bool { return value == "" })
	return args
}

// Mirrored returns the reference of the same image at the mirror of its registry, or
// the reference unchanged if there is no mirror.
func (s Site) Mirrored(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	mirror := strings.TrimSuffix(s.Mirrors[reference.Domain(named)], "/")
	if mirror == "" {
		return ref
	}
	return mirror + strings.TrimPrefix(reference.TagNameOnly(named).String(), reference.Domain(named))
}
