package daemon

import "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"

// ownPackage is the package name that our buildkitd reports; BuildKit's own reports github.com/moby/buildkit.
const ownPackage = "forge.ops.eblu.me/eblume/blumeops"

// The programs to build, each from a folder below modules.
var (
	buildkitd = toolbuild.Program{
		Name: "buildkitd", Title: "BuildKit", Dir: "buildkitd", Package: ".", Module: "github.com/moby/buildkit", Seconds: 90,
		Stamp: map[string]string{ // reported by a running daemon
			"github.com/moby/buildkit/version.Package":  ownPackage,
			"github.com/moby/buildkit/version.Version":  "{version}",
			"github.com/moby/buildkit/version.Revision": "{key}",
		},
	}
	runc = toolbuild.Program{
		Name: "runc", Title: "runc", Dir: "runc", Package: "github.com/opencontainers/runc", Module: "github.com/opencontainers/runc",
		Tags: "seccomp", CGO: true, Seconds: 25,
	}
	rootlesskit = toolbuild.Program{
		Name: "rootlesskit", Title: "RootlessKit", Dir: "rootlesskit",
		Package: "github.com/rootless-containers/rootlesskit/v3/cmd/rootlesskit", Module: "github.com/rootless-containers/rootlesskit/v3", Seconds: 30,
	}
	usernet = toolbuild.Program{
		Name: "usernet", Title: "the user-mode network", Dir: "usernet", Package: ".", Module: "gvisor.dev/gvisor", Seconds: 10,
	}
)

func (o Options) builder() toolbuild.Builder {
	return toolbuild.Builder{Sources: o.ModulesDir, Archive: archive, Bin: o.files().bin, Log: o.Log}
}
