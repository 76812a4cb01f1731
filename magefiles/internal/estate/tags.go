package estate

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// released matches the tags of versions: vX.Y.Z of the docs, NAME-vX.Y.Z of a container. Other tags are not checked.
var released = regexp.MustCompile(`^(.+-)?v[0-9]+\.[0-9]+\.[0-9]+([-+].*)?$`)

func tags(p History) validate.Check {
	return validate.Check{
		Name:   "tags",
		Covers: "Asks the forge for the tags of versions (vX.Y.Z, NAME-vX.Y.Z), and looks for those that no branch holds.",
		Rules: []validate.Rule{
			{
				ID: "tag", What: "A version is on a commit that no branch has: it was made of what was then rewritten, or never merged.",
				Do: "Look at what it was made of; then merge that, or release the next version and delete the tag.",
			},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			refs, err := p.Refs(ctx)
			if err != nil {
				return advised(err)
			}
			tips := slices.Compact(slices.Sorted(maps.Values(refs.Heads)))
			has, err := p.Reached(ctx, tips)
			if err != nil {
				return advised(err)
			}
			for _, name := range slices.Sorted(maps.Keys(refs.Tags)) {
				if !released.MatchString(name) {
					continue
				}
				held, err := has(refs.Tags[name])
				if err != nil {
					return advised(err)
				}
				if !held {
					in.Report(validate.Finding{About: p.String(), Rule: "tag", Message: fmt.Sprintf("tag %s is on %.12s, which no branch holds", name, refs.Tags[name])})
				}
			}
			return nil
		},
	}
}
