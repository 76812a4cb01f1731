package objects

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

func (d *Directory) export(ctx context.Context, a gql.Args) (any, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	dest := d.env.hostPath(a.String("path"))
	if err := os.MkdirAll(dest, 0o700); err != nil {
		return nil, inSpan(fmt.Errorf("rpc error: code = Unknown desc = failed to create synctarget dest dir %s: %w", dest, err))
	}
	return dest, d.env.Solver.ExportDir(ctx, d.rooted().st, dest, a.Bool("wipe"))
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
