package drift

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/remote"
)

// released matches the tags of versions: vX.Y.Z of the docs, NAME-vX.Y.Z of a container. Other tags are not checked.
var released = regexp.MustCompile(`^(.+-)?v[0-9]+\.[0-9]+\.[0-9]+([-+].*)?$`)

func tags(p History) validate.Check {
	return validate.Check{
		Name:   "tags",
		Covers: "Checks that the commit of each version tag at the forge (vX.Y.Z, NAME-vX.Y.Z) is on a branch.",
		Rules: []validate.Rule{
			{
				ID: "tag", What: "The commit of a version is on no branch: its branch was rewritten, or never merged.",
				Do: "Look at the commit. Merge it, or release the next version and delete the tag.",
			},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			refs, err := p.Refs(ctx)
			if err != nil {
				return remote.Advised(err)
			}
			tips := slices.Compact(slices.Sorted(maps.Values(refs.Heads)))
			has, err := p.Reached(ctx, tips)
			if err != nil {
				return remote.Advised(err)
			}
			for _, name := range slices.Sorted(maps.Keys(refs.Tags)) {
				if !released.MatchString(name) {
					continue
				}
				held, err := has(refs.Tags[name])
				if err != nil {
					return remote.Advised(err)
				}
				if !held {
					in.Report(validate.Finding{About: p.String(), Rule: "tag", Message: fmt.Sprintf("tag %s is on %.12s, which is on no branch", name, refs.Tags[name])})
				}
			}
			return nil
		},
	}
}
