package image

import (
	"slices"
	"strings"
)

// Graph says which containers are built on which others of the same repository.
type Graph struct {
	bases  map[Name][]Name
	faults map[Name]error
}

// NewGraph makes the graph of containers whose images are published as REGISTRY/NAMESPACE/NAME.
// bases returns the images that a container is made from: the references of FROM, COPY --from
// and RUN --mount in a Dockerfile, with arguments filled in; the base of a Go program is in the
// container itself. The graph leaves out other people's images, containers that do not exist,
// and references with a digest: no publish changes these. If bases fails, the container's bases
// are unknown and Fault returns the error.
func NewGraph(containers []Container, registryAndNamespace string, bases func(Container) ([]string, error)) *Graph {
	g := &Graph{bases: map[Name][]Name{}, faults: map[Name]error{}}
	known := map[Name]bool{}
	for _, c := range containers {
		known[c.Name] = true
	}
	for _, c := range containers {
		refs, err := basesOf(c, bases)
		if err != nil {
			g.faults[c.Name] = err
		}
		for _, ref := range refs {
			base, ok := OurName(ref, registryAndNamespace)
			if ok && known[base] && base != c.Name && !slices.Contains(g.bases[c.Name], base) {
				g.bases[c.Name] = append(g.bases[c.Name], base)
			}
		}
	}
	return g
}

func basesOf(c Container, bases func(Container) ([]string, error)) ([]string, error) {
	if c.Kind == KindGo {
		return []string{c.Base}, nil
	}
	return bases(c)
}

// OurName is the name of the container whose image a reference without a digest names.
func OurName(ref, registryAndNamespace string) (Name, bool) {
	rest, ok := strings.CutPrefix(ref, strings.TrimSuffix(registryAndNamespace, "/")+"/")
	if !ok || strings.Contains(rest, "@") {
		return "", false
	}
	rest, _, _ = strings.Cut(rest, ":")
	n, err := ParseName(rest)
	return n, err == nil
}

// Fault is the reason why a container's bases are unknown, or nil.
func (g *Graph) Fault(n Name) error { return g.faults[n] }

// Paths are the paths from a container to itself and to each container that it is built on, one
// path each, shortest first. A container appears once, even in a cycle.
func (g *Graph) Paths(n Name) [][]Name {
	paths, seen := [][]Name{{n}}, map[Name]bool{n: true}
	for i := 0; i < len(paths); i++ {
		path := paths[i]
		for _, base := range g.bases[path[len(path)-1]] {
			if !seen[base] {
				seen[base] = true
				paths = append(paths, append(slices.Clone(path), base))
			}
		}
	}
	return paths
}
