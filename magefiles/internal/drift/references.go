package drift

import (
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/manifest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/kubernetes"
)

// use is a place that names an image.
type use struct {
	path         string
	line, column int
	name         string // as written, without tag and digest
	tag, digest  string
}

func useAt(reference, path string, n *yaml.Node) use {
	u := use{path: path, line: n.Line, column: n.Column}
	u.name, u.tag, u.digest = kubernetes.SplitImage(strings.TrimSpace(reference))
	return u
}

// String is the image as deployed.
func (u use) String() string {
	s := u.name
	if u.tag != "" {
		s += ":" + u.tag
	}
	if u.digest != "" {
		s += "@" + u.digest
	}
	return s
}

// normal is the image's full name: docker.io/library/nginx:latest for nginx. ok is false for an invalid name, such as an unfilled template;
// validate reports these.
func (u use) normal() (ref image.Reference, ok bool) {
	named, err := reference.ParseNormalizedNamed(u.String())
	if err != nil {
		return image.Reference{}, false
	}
	ref = image.Reference{Registry: reference.Domain(named), Repository: reference.Path(named), Tag: u.tag}
	if ref.Tag == "" {
		ref.Tag = "latest"
	}
	return ref, true
}

// gathering collects the images of the manifests.
type gathering struct {
	*manifests
	found    []use
	done     map[string]bool                    // files whose objects are read from the result of a build
	override map[string][]kubernetes.ImageEntry // by file, from kustomizations that are not built
	patched  map[string][]string                // the kustomizations with those entries
}

// images are the images of the manifests as deployed: as built by kustomize if possible, otherwise file by file.
func (m *manifests) images(ours []string) []use {
	g := &gathering{manifests: m, done: map[string]bool{}, override: map[string][]kubernetes.ImageEntry{}, patched: map[string][]string{}}
	g.kustomized(g.deployed(ours))
	for _, name := range m.names {
		if !g.done[name] && !manifest.IsKustomization(name) {
			g.file(name)
		}
	}
	return g.found
}

// deployed are the folders of this repository that Applications deploy.
func (g *gathering) deployed(ours []string) map[string]bool {
	folders := map[string]bool{}
	for _, name := range g.names {
		for _, o := range g.objects(name) {
			for _, source := range kubernetes.Sources(o) {
				if source.In(ours) && !source.File {
					folders[path.Clean(source.Path)] = true
				}
			}
		}
	}
	return folders
}

// kustomized builds the deployed kustomizations: those that an Application names, and those that no other one includes.
func (g *gathering) kustomized(deployed map[string]bool) {
	var wholes []*kubernetes.Whole
	included := map[string]bool{}
	for _, name := range g.names {
		k := g.files.Kustomization(path.Dir(name))
		if !manifest.IsKustomization(name) || k == nil || k.Path != name {
			continue
		}
		w := g.files.Whole(k)
		for _, part := range w.Parts[1:] {
			included[part.Folder] = true
		}
		wholes = append(wholes, w)
	}
	for _, w := range wholes {
		if w.Component {
			g.finish(w)
			continue
		}
		if included[w.Folder] && !deployed[w.Folder] {
			continue
		}
		if !g.build(w) {
			g.loosen(w)
		}
	}
}

// build reads the images in a kustomization's result; false if the result is not known.
func (g *gathering) build(w *kubernetes.Whole) bool {
	if w.Aside != "" {
		return false
	}
	objects, err := g.files.Build(w)
	if err != nil {
		return false
	}
	g.finish(w)
	seen := map[string]bool{}
	for _, o := range objects {
		for _, n := range imageNodes(o.Node) {
			if seen[n.Value] {
				continue
			}
			seen[n.Value] = true
			for _, place := range g.files.Places(w, n.Value) {
				g.found = append(g.found, useAt(n.Value, place.Path, place.Node))
			}
		}
	}
	return true
}

// finish marks the files of a kustomization as done, so that they are not read on their own.
func (g *gathering) finish(w *kubernetes.Whole) {
	for _, part := range w.Parts {
		for _, list := range [][]string{part.Files, part.Patches, part.Data} {
			for _, file := range list {
				g.done[file] = true
			}
		}
	}
}

// loosen records the image entries of a kustomization that is not built for its files, which are read one by one.
func (g *gathering) loosen(w *kubernetes.Whole) {
	for _, part := range w.Parts {
		for _, file := range part.Data {
			g.done[file] = true
		}
		for _, file := range slices.Concat(part.Files, part.Patches) {
			for _, said := range w.Parts {
				for _, entry := range said.Images {
					g.override[file], g.patched[file] = append(g.override[file], entry), append(g.patched[file], said.Path)
				}
			}
		}
	}
}

func (g *gathering) file(name string) {
	for _, o := range g.objects(name) {
		for _, n := range imageNodes(o.Node) {
			u := useAt(n.Value, name, n)
			for i, entry := range g.override[name] {
				if entry.From == u.name {
					u = u.as(entry, g.patched[name][i])
					break
				}
			}
			g.found = append(g.found, u)
		}
	}
}

// as is an image after kustomize's change by an entry: a new tag or digest replaces both.
func (u use) as(entry kubernetes.ImageEntry, path string) use {
	u.name, u.path, u.line, u.column = entry.Name, path, entry.Node.Line, entry.Node.Column
	if entry.Tag != "" || entry.Digest != "" {
		u.tag, u.digest = entry.Tag, entry.Digest
	}
	return u
}

// imageNodes are the scalars that name images: of containers, in any kind of object, and of volumes of the type image.
func imageNodes(n *yaml.Node) []*yaml.Node {
	var found []*yaml.Node
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			found = append(found, imageNodes(item)...)
		}
	}
	if n.Kind != yaml.MappingNode {
		return found
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		value := n.Content[i+1]
		switch n.Content[i].Value {
		case "containers", "initContainers", "ephemeralContainers":
			found = append(found, ofEach(value, "image")...)
		case "volumes":
			found = append(found, ofEach(value, "image", "reference")...)
		}
		found = append(found, imageNodes(value)...)
	}
	return found
}

func ofEach(list *yaml.Node, keys ...string) []*yaml.Node {
	var found []*yaml.Node
	if list.Kind != yaml.SequenceNode {
		return nil
	}
	for _, item := range list.Content {
		if n := get(item, keys...); text(n) != "" {
			found = append(found, n)
		}
	}
	return found
}
