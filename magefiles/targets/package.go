package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Package builds and publishes Python packages.
type Package mg.Namespace

// List lists the Python packages: version, build backend, folder.
//
// A Python package is a folder with a pyproject.toml that describes a project. It
// is looked for in the folders of the setting Packages, and in their subfolders.
// A pyproject.toml that only configures tools does not count.
//
//	mage package:list
//	mage package:list -format=json
func (Package) List(ctx context.Context,
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		listing, err := a.ListPackages()
		return a.Result(listing, err)
	})
}
