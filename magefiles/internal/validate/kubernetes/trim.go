package kubernetes

import (
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// definition is the kind whose objects are mostly schema: up to 1 MiB, which kustomize parses and copies for every kustomization that
// includes it.
var definition = resid.NewGvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition")

// looksIntoSchemas says whether a kustomization may read more of a CustomResourceDefinition than its name and labels, so that it must be
// built with the schema. If unsure it says yes.
func (r *Repository) looksIntoSchemas(k *Kustomization) bool {
	if len(k.spec.Configurations) > 0 {
		return true
	}
	for _, p := range k.spec.Patches {
		if r.patchesDefinition(k.Folder, p) {
			return true
		}
	}
	for _, replacement := range k.spec.Replacements {
		if replacement.Path != "" || replacesInDefinition(replacement.Replacement) {
			return true
		}
	}
	return false
}

func (r *Repository) patchesDefinition(folder string, p types.Patch) bool {
	if p.Target != nil {
		return selectsDefinition(p.Target)
	}
	text := p.Patch
	if p.Path != "" {
		var ok bool
		if text, ok = r.text(path.Join(folder, p.Path)); !ok {
			return true
		}
	}
	return strings.Contains(text, definition.Kind) || strings.Contains(text, `\`) // an escaped text may be anything
}

func replacesInDefinition(replacement types.Replacement) bool {
	if s := replacement.Source; s != nil && (s.Kind == "" || s.Kind == definition.Kind) {
		return true
	}
	for _, target := range replacement.Targets {
		if target == nil || target.Select == nil || selectsDefinition(target.Select) {
			return true
		}
	}
	return false
}

// selectsDefinition says whether a selector's group, version and kind match a CustomResourceDefinition; an empty one matches any.
func selectsDefinition(s *types.Selector) bool {
	matcher, err := types.NewSelectorRegex(s)
	return err != nil || matcher.MatchGvk(definition)
}
