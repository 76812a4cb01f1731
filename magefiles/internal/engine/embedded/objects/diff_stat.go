package objects

import (
	"cmp"
	"context"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gitremote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// DiffStat is a path of a changeset, with the number of its lines that were added and removed.
type DiffStat struct {
	path, kind     string
	old            *string // of a renamed file
	added, removed int
}

var diffStatFields = map[string]gql.Resolver{
	"path":         field(func(s DiffStat, _ context.Context, _ gql.Args) (any, error) { return s.path, nil }),
	"oldPath":      field(func(s DiffStat, _ context.Context, _ gql.Args) (any, error) { return s.old, nil }),
	"kind":         field(func(s DiffStat, _ context.Context, _ gql.Args) (any, error) { return s.kind, nil }),
	"addedLines":   field(func(s DiffStat, _ context.Context, _ gql.Args) (any, error) { return s.added, nil }),
	"removedLines": field(func(s DiffStat, _ context.Context, _ gql.Args) (any, error) { return s.removed, nil }),
}

func (c *Changeset) diffStats(ctx context.Context, _ gql.Args) (any, error) {
	p, err := c.compare(ctx)
	if err != nil {
		return nil, err
	}
	dir, done, err := c.laidOut(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	lines, err := gitremote.Stats(ctx, dir)
	if err != nil {
		return nil, inSpan(err)
	}
	renamed := map[string]bool{}
	for _, s := range lines {
		renamed[s.Old] = s.Old != ""
	}
	var out []DiffStat
	for kind, paths := range map[string][]string{"ADDED": p.added, "MODIFIED": p.modified, "REMOVED": p.allRemoved} {
		for _, name := range paths {
			l := lines[name]
			s := DiffStat{path: name, kind: kind, added: l.Added, removed: l.Removed}
			if l.Old != "" {
				s.kind, s.old = "RENAMED", &l.Old
			}
			if kind != "REMOVED" || !renamed[name] {
				out = append(out, s)
			}
		}
	}
	slices.SortFunc(out, func(a, b DiffStat) int { return cmp.Compare(a.path, b.path) })
	return each(out, func(s DiffStat) any { return s }), nil
}
