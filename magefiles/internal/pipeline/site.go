package pipeline

import (
	"maps"
	"strings"

	"github.com/distribution/reference"
)

// Site holds the network settings of builds. They are only here, for every engine.
type Site struct {
	// Proxies for HTTP and HTTPS, as in HTTP_PROXY, HTTPS_PROXY and NO_PROXY; "" for none.
	// Builds see them as build arguments that Docker predefines: they reach every RUN
	// and neither the image nor the cache.
	HTTPProxy, HTTPSProxy, NoProxy string
	// Packages are mirrors of package registries by build argument, such as PIP_INDEX_URL. They reach the Dockerfiles that declare the argument.
	// Arguments that begin with NPM_CONFIG_ are npm's settings in the builds of websites.
	Packages map[string]string
	// CAFile is the absolute path of a PEM file on this machine, with authorities of the package registry's certificate in addition to those of
	// the base image; "" for none. It reaches npm in the builds of websites.
	CAFile string
	// Mirrors are the sources of base images, by the name that they replace: a registry, a part of one, a repository or one tag, each written in
	// full.
	//	"docker.io":                "registry.example/hub"
	//	"docker.io/library/debian": "127.0.0.1:5000/library/debian"
	// The longest prefix of an image's reference is replaced.
	Mirrors map[string]string
}

// args are the build arguments of every Dockerfile.
func (s Site) args() map[string]string {
	args := map[string]string{"HTTP_PROXY": s.HTTPProxy, "HTTPS_PROXY": s.HTTPSProxy, "NO_PROXY": s.NoProxy}
	maps.Copy(args, s.Packages)
	maps.DeleteFunc(args, func(_, value string) bool { return value == "" })
	return args
}

// Mirrored returns the reference of the same image at its mirror, or the reference
// unchanged if there is no mirror for it.
func (s Site) Mirrored(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	full := reference.TagNameOnly(named).String()
	longest, mirror, rest := -1, "", ""
	for original, m := range s.Mirrors {
		original = strings.TrimSuffix(original, "/")
		if after, ok := cutPart(full, original); ok && m != "" && len(original) > longest {
			longest, mirror, rest = len(original), m, after
		}
	}
	if longest < 0 {
		return ref
	}
	return strings.TrimSuffix(mirror, "/") + rest
}

// cutPart removes part from the front of a full reference, HOST[:PORT]/PATH:TAG@DIGEST, if a component of the reference ends there.
func cutPart(full, part string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(full, part)
	if !ok || part == "" {
		return "", false
	}
	ends := "/"
	if strings.Contains(part, "/") { // the ':' after a host is followed by its port
		ends = "/:@"
	}
	return rest, rest == "" || strings.ContainsRune(ends, rune(rest[0]))
}
