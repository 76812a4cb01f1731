package targets

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Adopt reads a repository and plans its change to these targets.
//
// It names the settings that it can derive, with the place of each: registry and
// namespace from the images in the manifests, the forge from the remote, Argo CD
// from the Applications, the generator of the docs. It lists the containers, the
// Python packages, the commands in workflows and scripts that a target replaces,
// those that stay, and what must change or be decided. It ends with the two files
// to write. It reads only files that git tracks, or would track.
//
// Nothing is written. With -write it writes these two files, where they are missing.
//
//	mage adopt -repo=../homelab
//	mage adopt -repo=../homelab -format=markdown > plan.md
func Adopt(ctx context.Context,
	repo *string, // folder of the repository (default: this one)
	write *bool, // write magefiles/magefile.go and magefiles/site.go there
	format *string, // text (default), json or markdown
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		return a.Result(a.Adopt(ctx, value(repo), value(write)))
	}, pages)
}
