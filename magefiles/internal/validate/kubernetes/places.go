package kubernetes

import (
	"go.yaml.in/yaml/v3"
)

// A Place is a position in a file.
type Place struct {
	Path string
	Node *yaml.Node
}

// Places are the places that state an image in the result of a build: the entry with its tag, otherwise the objects and the patches that
// name it, otherwise the entry with its name, otherwise the kustomization.
func (r *Repository) Places(w *Whole, image string) []Place {
	name, tag, digest := SplitImage(image)
	var named []Place
	for _, part := range w.Parts {
		for _, entry := range part.Images {
			switch {
			case entry.Name != name:
			case (entry.Tag != "" || entry.Digest != "") && entry.Tag == tag && entry.Digest == digest:
				return []Place{{part.Path, entry.Node}}
			default:
				named = append(named, Place{part.Path, entry.Node})
			}
		}
	}
	var literal []Place
	for _, part := range w.Parts {
		for _, list := range [][]string{part.Files, part.Patches} {
			for _, file := range list {
				for _, o := range Objects(r.Parse(file).Documents) {
					for _, n := range Images(o) {
						if n.Value == image {
							literal = append(literal, Place{file, n})
						}
					}
				}
			}
		}
	}
	switch {
	case len(literal) > 0:
		return literal
	case len(named) > 0:
		return named
	}
	return []Place{{w.Path, w.Position("images", "patches")}}
}

// Position is the node of the first field that exists, otherwise a node without a position.
func (k *Kustomization) Position(fields ...string) *yaml.Node {
	for _, name := range fields {
		for i := 0; k.root != nil && i+1 < len(k.root.Content); i += 2 {
			if k.root.Content[i].Value == name {
				return k.root.Content[i]
			}
		}
	}
	return &yaml.Node{}
}
