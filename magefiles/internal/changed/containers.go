package changed

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// containerSet holds the containers, their sources and their bases.
type containerSet struct {
	containers []image.Container
	sources    map[image.Name][]image.Source
	graph      *image.Graph
}

// readContainers reads the containers. The error names unusable ones; the set is nil if none can be
// read at all.
func readContainers(files fs.FS, host, namespace string, bases func(string) ([]string, error)) (*containerSet, error) {
	containers, faults := image.Find(files)
	if containers == nil && faults != nil {
		return nil, faults
	}
	e := &containerSet{sources: map[image.Name][]image.Source{}}
	for _, c := range containers {
		sources, err := image.Sources(files, c)
		if err != nil {
			faults = errors.Join(faults, err)
			continue
		}
		e.containers = append(e.containers, c)
		e.sources[c.Name] = sources
	}
	e.graph = image.NewGraph(containers, path.Join(host, namespace), func(c image.Container) ([]string, error) {
		text, err := fs.ReadFile(files, path.Join(c.Dir, "Dockerfile"))
		if err != nil {
			return nil, err
		}
		return bases(string(text))
	})
	return e, faults
}

// first returns the first source of a container that differs, "" if none does.
func (e *containerSet) first(n image.Name, differs func(image.Source) (bool, error)) (string, error) {
	for _, source := range e.sources[n] {
		if is, err := differs(source); err != nil || is {
			return source.Path + " changed", err
		}
	}
	return "", nil
}

// changes are the changed ones of all containers. reason says why a container that top is built
// on, or top itself, changes top's image; "" if it does not.
func (e *containerSet) changes(head string, since func(image.Name) string, reason func(top, n image.Name) (string, error)) (Containers, error) {
	var list Containers
	for _, c := range e.containers {
		why, err := e.why(c.Name, reason)
		if err != nil {
			return nil, err
		}
		if why == "" {
			continue
		}
		change := Container{Name: c.Name, Why: why, Since: since(c.Name)}
		if version, err := image.CommitVersion(c.Version, head); err == nil {
			change.Version = version.String() // without a version the container is still listed: the user who publishes it names one
		}
		list = append(list, change)
	}
	return list, nil
}

// why follows the paths from a container to all containers that it is built on, shortest first.
// If a container's bases are unknown, each of them may have changed.
func (e *containerSet) why(top image.Name, reason func(top, n image.Name) (string, error)) (string, error) {
	for _, way := range e.graph.Paths(top) {
		n := way[len(way)-1]
		why, err := reason(top, n)
		if err != nil {
			return "", err
		}
		if fault := e.graph.Fault(n); why == "" && fault != nil {
			why = fmt.Sprintf("cannot determine its base: %s", strings.Join(strings.Fields(fault.Error()), " "))
		}
		if why == "" {
			continue
		}
		return told(way, why), nil
	}
	return "", nil
}

// told is the reason with the path to it, as in "a -> b -> c: containers/c changed".
func told(way []image.Name, why string) string {
	if len(way) == 1 {
		return why
	}
	names := make([]string, len(way))
	for i, n := range way {
		names[i] = string(n)
	}
	return strings.Join(names, " -> ") + ": " + why
}
