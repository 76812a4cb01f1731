package kubernetes

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/agnivade/levenshtein"
)

// Schemas are the schemas for the objects of one repository: those of Kubernetes and Argo CD, and those of the repository's
// CustomResourceDefinitions, which take precedence.
type Schemas struct {
	custom map[groupKind]*custom
}

type groupKind struct{ group, kind string }

// custom is the kind that a CustomResourceDefinition defines.
type custom struct {
	versions map[string]func() *schema // the served versions
}

// NewSchemas reads the CustomResourceDefinitions among the objects. Their errors are reported when they are validated themselves.
func NewSchemas(objects []Object) *Schemas {
	s := &Schemas{custom: map[groupKind]*custom{}}
	for _, o := range objects {
		if o.Kind == "CustomResourceDefinition" && strings.HasPrefix(o.APIVersion, "apiextensions.k8s.io/") {
			s.define(o)
		}
	}
	return s
}

func (s *Schemas) define(o Object) {
	key := groupKind{str(o.Node, "spec", "group"), str(o.Node, "spec", "names", "kind")}
	if key.group == "" || key.kind == "" {
		return
	}
	defined := s.custom[key]
	if defined == nil {
		defined = &custom{versions: map[string]func() *schema{}}
		s.custom[key] = defined
	}
	for _, version := range items(o.Node, "spec", "versions") {
		if str(version, "served") == "false" {
			continue
		}
		node := field(version, "schema", "openAPIV3Schema")
		defined.versions[str(version, "name")] = sync.OnceValue(func() *schema {
			read := &schema{}
			if node == nil || node.Decode(read) != nil {
				return nil
			}
			return read
		})
	}
}

// find is the schema of an object, or nil if there is none. why says that no server would know its kind.
func (s *Schemas) find(o Object) (found *schema, why string) {
	group, version, dotted := strings.Cut(o.APIVersion, "/")
	if !dotted {
		group, version = "", o.APIVersion
	}
	if defined := s.custom[groupKind{group, o.Kind}]; defined != nil {
		if read := defined.versions[version]; read != nil {
			return read(), ""
		}
		return nil, "its CustomResourceDefinition serves no version " + quote(version) + hint(version, slices.Sorted(maps.Keys(defined.versions)))
	}
	if name, ok := argocdLibrary().Kinds[o.APIVersion][o.Kind]; ok {
		return argocdLibrary().named(name), ""
	}
	l := kubernetesLibrary()
	kinds, ok := l.Kinds[o.APIVersion]
	switch name := kinds[o.Kind]; {
	case name != "":
		return l.named(name), ""
	case ok:
		return nil, "Kubernetes " + Version + " has no kind " + quote(o.Kind) + " in " + o.APIVersion + l.hintKind(o, slices.Sorted(maps.Keys(kinds)))
	case notServed[o.APIVersion] || s.hasGroup(group):
		return nil, ""
	case l.ownGroup(group), nearest(group, l.dottedGroups()) != "":
		return nil, "Kubernetes " + Version + " has no API " + quote(o.APIVersion) + l.hintKind(o, slices.Sorted(maps.Keys(l.Kinds)))
	}
	return nil, ""
}

// notServed are API versions of files that are not objects of a cluster.
var notServed = map[string]bool{"builtin": true}

func (s *Schemas) hasGroup(group string) bool {
	for key := range s.custom {
		if key.group == group {
			return true
		}
	}
	return false
}

func (l *library) dottedGroups() []string {
	var groups []string
	for version := range l.Kinds {
		if group, _, ok := strings.Cut(version, "/"); ok && strings.Contains(group, ".") {
			groups = append(groups, group)
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// hintKind names the API version that has the kind, otherwise a kind with a similar name.
func (l *library) hintKind(o Object, options []string) string {
	var versions []string
	for version, kinds := range l.Kinds {
		if kinds[o.Kind] != "" {
			versions = append(versions, version)
		}
	}
	if slices.Sort(versions); len(versions) > 0 {
		return ", " + o.Kind + " is in " + strings.Join(versions, " and ")
	}
	if _, ok := l.Kinds[o.APIVersion]; ok {
		return hint(o.Kind, options)
	}
	return hint(o.APIVersion, options)
}

// hint suggests the nearest option.
func hint(word string, options []string) string {
	if best := nearest(word, options); best != "" {
		return ": did you mean " + quote(best) + "?"
	}
	return ""
}

// nearest is the option that was probably meant, or "" if none is similar.
func nearest(word string, options []string) string {
	best, distance := "", 3
	if len(word) > 64 {
		return ""
	}
	for _, option := range options {
		if strings.EqualFold(word, option) {
			return option
		}
		if d := levenshtein.ComputeDistance(word, option); d < distance && d*3 <= len(word) {
			best, distance = option, d
		}
	}
	return best
}

func quote(s string) string { return `"` + shorten(s) + `"` }
