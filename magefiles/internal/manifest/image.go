package manifest

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Image is a container image that a manifest deploys.
type Image struct {
	Name   string // REGISTRY/NAMESPACE/NAME
	Tag    string // "" if not stated
	Digest string // as in sha256:…; "" if not stated
}

// String is NAME[:TAG][@DIGEST].
func (i Image) String() string {
	s := i.Name
	if i.Tag != "" {
		s += ":" + i.Tag
	}
	if i.Digest != "" {
		s += "@" + i.Digest
	}
	return s
}

// splitImage takes a reference apart.
func splitImage(reference string) Image {
	name, digest, _ := strings.Cut(reference, "@")
	tag, last := "", strings.LastIndexByte(name, '/')+1
	if colon := strings.IndexByte(name[last:], ':'); colon >= 0 {
		name, tag = name[:last+colon], name[last+colon+1:]
	}
	return Image{name, tag, digest}
}

// ImageUse is a place that names an image: an entry below images of a kustomization, or the field image of a container.
type ImageUse struct {
	Image
	Line  int  // in the file, counted from 1
	Entry bool // in a kustomization; an entry takes precedence over a field
	// Template says that a tool fills in the version later ({{ .Values.tag }}, $(TAG), ytt's #@). PinImage leaves it unchanged.
	Template bool
}

// Images returns the places that lead to the image of that name. Errors are of type *Error; a place that may be hidden behind an alias or
// a merge key is one.
func (f File) Images(name string) ([]ImageUse, error) {
	_, found, err := f.images(name)
	uses := make([]ImageUse, len(found))
	for i, place := range found {
		uses[i] = place.ImageUse
	}
	return uses, err
}

// PinImage returns the text with the tag and the digest written to all places that lead to the image: newTag and digest of entries, the whole
// reference in fields. A place is changed in one line. An entry without a digest or a tag gets a line for it, or a pair if the entry is written
// in one line. It changes no byte if the file says all of that already. Errors are of type *Error; ErrNone: no place leads to the image.
func (f File) PinImage(to Image) ([]byte, error) {
	documents, found, err := f.images(to.Name)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(n imageNodes) bool { return n.Template })
	if len(found) == 0 {
		return nil, f.errorAt(ErrNone, imagePlace(to.Name), "not found", "")
	}
	edited := map[*yaml.Node]string{}
	var changes []change
	var grown []addition
	for _, place := range found {
		for _, e := range place.edits(to) {
			if e.value == nil {
				continue
			}
			c, err := f.change(e.value, Edit{imagePlace(to.Name), e.text})
			if err != nil {
				return nil, err
			}
			edited[e.value] = e.text
			if c.text != string(f.Text[c.start:c.end]) {
				changes = append(changes, c)
			}
		}
		if g, ok := place.missingPairs(to); ok {
			grown = append(grown, g)
		}
	}
	after := File{Path: f.Path, Text: apply(f.Text, changes)}
	if err := after.confirm(documents, edited); err != nil {
		return nil, err
	}
	if len(grown) == 0 {
		return after.Text, nil
	}
	return after.insertPairs(to)
}

// imagePlace names an image in messages.
type imagePlace string

func (p imagePlace) String() string            { return "image " + string(p) }
func (p imagePlace) missing() string           { return "" }
func (p imagePlace) find(*search, *yaml.Node)  {}
func (p imagePlace) leadsTo(value string) bool { return splitImage(value).Name == string(p) }
func (p imagePlace) entry(name, new string) bool {
	return new == string(p) || new == "" && name == string(p)
}

// imageNodes is an ImageUse with its nodes.
type imageNodes struct {
	ImageUse
	field       *yaml.Node // of a container
	entry       *yaml.Node // of a kustomization, with those of its values that exist:
	tag, digest *yaml.Node
}

type imageEdit struct {
	value *yaml.Node
	text  string
}

func (n imageNodes) edits(to Image) []imageEdit {
	if n.field != nil {
		return []imageEdit{{n.field, to.String()}}
	}
	return []imageEdit{{n.tag, to.Tag}, {n.digest, to.Digest}}
}

// images finds the places and checks that each can be changed.
func (f File) images(name string) ([]*yaml.Node, []imageNodes, error) {
	documents, err := f.parse()
	if err != nil {
		return nil, nil, err
	}
	place := imagePlace(name)
	s := &search{shared: shared(documents), noticed: map[int]bool{}}
	var found []imageNodes
	for _, document := range documents {
		root := s.seen(document.Content[0])
		if f.isKustomization(s.text(root, "kind")) {
			found = append(found, s.entries(root, place)...)
		}
		for _, resource := range s.resources(root) {
			found = append(found, s.fields(resource, place)...)
		}
	}
	if len(s.hidden) > 0 {
		return nil, nil, f.errorAt(ErrForm, place, "may be inside an alias or a merge key, which cannot be changed", "replace the alias by its content", s.hidden...)
	}
	for i, n := range found {
		if found[i].Template = n.isTemplate(); found[i].Template {
			continue
		}
		if problem := s.unchangeableImage(n); problem != "" {
			return nil, nil, f.errorAt(ErrForm, place, "cannot be changed: "+problem, "write the value itself, in one line", n.Line)
		}
	}
	return documents, found, nil
}

// tagForm is the form of a tag (OCI distribution specification).
var tagForm = regexp.MustCompile(`^\w[\w.-]{0,127}$`)

// isTemplate reports whether a tool fills in the value later: it holds characters that no version may hold, or has a
// comment of ytt.
func (n imageNodes) isTemplate() bool {
	if tag := strings.TrimSpace(n.Tag); tag != "" && !tagForm.MatchString(tag) || strings.ContainsAny(n.Digest, "{}$()<>% ") {
		return true
	}
	return slices.ContainsFunc([]*yaml.Node{n.field, n.tag, n.digest}, func(v *yaml.Node) bool {
		return v != nil && strings.HasPrefix(v.LineComment, "#@")
	})
}

// isKustomization checks the kind, or the file's name if there is no kind, which a kustomization may leave out. Other files without a kind,
// such as the values of a Helm chart, may have a list called images as well.
func (f File) isKustomization(kind string) bool {
	return kind == "" && IsKustomization(f.Path) || kind == "Kustomization" || kind == "Component"
}

// entries are the entries of a kustomization that lead to the image.
func (s *search) entries(root *yaml.Node, place imagePlace) (found []imageNodes) {
	for _, entry := range s.items(s.get(root, "images")) {
		name, renamed := s.text(entry, "name"), s.text(entry, "newName")
		if !place.entry(name, renamed) {
			continue
		}
		n := imageNodes{entry: entry, tag: s.get(entry, "newTag"), digest: s.get(entry, "digest")}
		n.ImageUse = ImageUse{Image: Image{string(place), valueOf(n.tag), valueOf(n.digest)}, Line: s.get(entry, nameKey(renamed)).Line, Entry: true}
		found = append(found, n)
	}
	return found
}

func nameKey(renamed string) string {
	if renamed != "" {
		return "newName"
	}
	return "name"
}

func valueOf(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// keyOf returns the node of a key.
func keyOf(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if k := mapping.Content[i]; k.Kind == yaml.ScalarNode && k.Value == key {
			return k
		}
	}
	return nil
}

// fields are the image fields of a resource's containers that name the image.
func (s *search) fields(resource *yaml.Node, place imagePlace) (found []imageNodes) {
	for _, container := range s.containers(resource) {
		field := s.get(container, "image")
		if field == nil || field.Kind != yaml.ScalarNode || !place.leadsTo(field.Value) {
			continue
		}
		found = append(found, imageNodes{field: field, ImageUse: ImageUse{Image: splitImage(field.Value), Line: field.Line}})
	}
	return found
}

// unchangeableImage says why a place cannot be changed; "" if it can.
func (s *search) unchangeableImage(n imageNodes) string {
	if n.field != nil {
		return s.unchangeable(n.field, "image")
	}
	for _, is := range []struct {
		key   string
		value *yaml.Node
	}{{"newTag", n.tag}, {"digest", n.digest}} {
		if is.value == nil {
			continue
		}
		if problem := s.unchangeable(is.value, is.key); problem != "" {
			return problem
		}
	}
	switch {
	case keyOf(n.entry, "tagSuffix") != nil:
		return "its tagSuffix changes the tag"
	case (n.tag == nil || n.digest == nil) && s.shared[n.entry]:
		return "an alias elsewhere repeats it"
	case (n.tag == nil || n.digest == nil) && n.entry.Anchor != "":
		return "it has the anchor &" + n.entry.Anchor
	}
	return ""
}

// Renames reports whether the file is a kustomization with an entry for images of that name. The entry then overrides the version and the source
// that fields state. Errors are of type *Error.
func (f File) Renames(name string) (bool, error) {
	documents, err := f.parse()
	if err != nil {
		return false, err
	}
	for _, document := range documents {
		root := document.Content[0]
		if kind := value(root, "kind"); !f.isKustomization(valueOf(kind)) {
			continue
		}
		for _, entry := range items(value(root, "images")) {
			if valueOf(value(entry, "name")) == name {
				return true, nil
			}
		}
	}
	return false, nil
}
