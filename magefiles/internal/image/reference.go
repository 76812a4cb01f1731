package image

import (
	"strings"

	"github.com/distribution/reference"
)

// Reference names an image in a registry: REGISTRY/REPOSITORY:TAG.
type Reference struct {
	Registry   string // host, with a port unless it is the default
	Repository string // path in the registry, as in blumeops/nettest
	Tag        string
}

// ParseReference reads REGISTRY/REPOSITORY:TAG. It adds no defaults: registry and tag are
// required. The error is an *InvalidError.
func ParseReference(s string) (Reference, error) {
	invalid := func(reason string) (Reference, error) {
		return Reference{}, &InvalidError{What: "image reference", Input: s, Reason: reason}
	}
	if strings.Contains(s, "://") {
		return invalid("must not have a scheme (example: registry.example:5000/name:tag)")
	}
	parsed, err := reference.Parse(s)
	if err != nil {
		return invalid("expected REGISTRY/REPOSITORY:TAG: " + err.Error())
	}
	tagged, ok := parsed.(reference.NamedTagged)
	if !ok {
		return invalid("has no tag; expected REGISTRY/REPOSITORY:TAG")
	}
	if _, ok := parsed.(reference.Digested); ok {
		return invalid("has a digest; expected REGISTRY/REPOSITORY:TAG")
	}
	registry := reference.Domain(tagged)
	if !isHost(registry) {
		return invalid("registry missing; expected a host with a dot or a port, or localhost")
	}
	return Reference{Registry: registry, Repository: reference.Path(tagged), Tag: tagged.Tag()}, nil
}

// isHost reports whether every tool takes s for the host of a registry. Most take a word with
// neither dot nor port for a folder at Docker Hub.
func isHost(s string) bool {
	return strings.ContainsAny(s, ".:") || s == "localhost"
}

// NewReference is the reference of a container's image at a registry. The namespace
// is the path before the name, and may be empty. The error is an *InvalidError.
func NewReference(registry, namespace string, n Name, v Version) (Reference, error) {
	switch {
	case registry == "":
		return Reference{}, &InvalidError{"registry", registry, "is empty; expected a host, such as registry.example:5000"}
	case strings.Contains(registry, "@"):
		return Reference{}, &InvalidError{"registry", "***" + registry[strings.LastIndex(registry, "@"):], "contains a user or a password; expected only a host, as credentials have their own setting"}
	case strings.Contains(registry, "://"):
		return Reference{}, &InvalidError{"registry", registry, "must not have a scheme (example: registry.example:5000)"}
	case strings.Contains(registry, "/"):
		return Reference{}, &InvalidError{"registry", registry, "has a path; give only the host here, and the path as the namespace"}
	case !isHost(registry):
		return Reference{}, &InvalidError{"registry", registry, "expected a host with a dot or a port, or localhost"}
	}
	path := registry + "/"
	if namespace != "" {
		path += namespace + "/"
	}
	return ParseReference(path + string(n) + ":" + v.String())
}

// String returns REGISTRY/REPOSITORY:TAG.
func (r Reference) String() string { return r.Name() + ":" + r.Tag }

// Name returns REGISTRY/REPOSITORY.
func (r Reference) Name() string { return r.Registry + "/" + r.Repository }

// WithDigest returns REGISTRY/REPOSITORY:TAG@DIGEST, or the reference alone if the
// digest is empty.
func (r Reference) WithDigest(digest string) string {
	if digest == "" {
		return r.String()
	}
	return r.String() + "@" + digest
}
