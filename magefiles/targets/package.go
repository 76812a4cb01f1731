package targets

import (
	"cmp"
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
// A pyproject.toml that only configures tools does not count. With -source only
// this folder is read.
//
//	mage package:list
//	mage package:list -format=json
func (Package) List(ctx context.Context,
	source *string, // folder of a project, from the root; default: the setting Packages
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		listing, err := a.ListPackages(value(source))
		return a.Result(listing, err)
	})
}

// Build builds the wheel and the sdist of a Python package.
//
// NAME is a name that package:list prints, or . for the only package of the
// repository. It is built from the files of the working tree that git does not
// ignore, in a container on the image of the setting PythonImage, with the build
// backend of its pyproject.toml. Only pip gets an index and proxies, to install the
// build requirements. The wheel is made from the sdist.
//
// The same files at the same commit give the same wheel and sdist, byte for byte.
// Their content has the time of the commit. Name, version and metadata are
// checked as an index checks them. It prints each file and its checksum.
//
// If the version comes from a tag (setuptools-scm, hatch-vcs), the build has
// version 0.dev0+gCOMMIT.
//
// In CI $GITHUB_OUTPUT gets package, version, files, wheel, sdist and checksums.
//
//	mage package:build greeter
//	mage package:build . -output=/tmp/dist
//	mage package:build . -source=tools/greeter
//	mage package:build greeter -interactive
func (Package) Build(ctx context.Context, name string,
	source *string, // folder of the project, from the root; default: look in the setting Packages
	output *string, // folder for the files, other files in it stay; default: dist
	interactive *bool, // open a shell in the step that fails, on a terminal
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	given := tasks.PackageArgs{Name: name, Source: value(source), Output: cmp.Or(value(output), "dist")}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		if err := a.Inspect(value(interactive)); err != nil {
			return err
		}
		built, err := a.BuildPackage(ctx, value(engine), given)
		return a.Result(built, err)
	})
}

// Publish builds a Python package and uploads it to an index.
//
// VERSION is vX.Y.Z or vX.Y.Z-PRE, where PRE is a.N, b.N, rc.N or dev.N: v1.2.0-rc.1
// is 1.2.0rc1 for pip. Or it is patch, minor or major: the version after the newest
// one in the index. A version in pyproject.toml must be the same.
//
// A version is published once: from a clean tree whose commit is on the default
// branch, and from the files of that commit. Wheel and sdist are built as by
// package:build, uploaded, and read back with their checksums. A file that the
// index has with the same content is left, so that the same command finishes an
// interrupted publish. Another content is refused.
//
// The index is the registry of the forge, or that of the setting PackageIndex: a
// forge's or devpi's. It prints NAME==VERSION.
//
//	mage package:publish greeter v1.2.0 -dryrun
//	mage package:publish greeter v1.2.0
//	mage package:publish . patch -index=https://devpi.example/me/prod
func (Package) Publish(ctx context.Context, name, version string,
	source *string, // folder of the project, from the root; default: look in the setting Packages
	index *string, // address of the index; default: the setting PackageIndex, else the forge's registry
	dryrun *bool, // print the build and the uploads, write nothing
	interactive *bool, // open a shell in the step that fails, on a terminal
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	given := tasks.PackagePublishArgs{Name: name, Version: version, Source: value(source), Index: value(index)}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		if err := a.Inspect(value(interactive)); err != nil {
			return err
		}
		published, err := a.PublishPackage(ctx, value(engine), given, value(dryrun))
		return a.Result(published, err)
	})
}
