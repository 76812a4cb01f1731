package lab

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

// BuildKit's own programs: the daemon of a builder, as users start it, and its client. The embedded engine has a reduced daemon that listens on no
// network.
var (
	buildkitdProgram = toolbuild.Program{
		Name: "buildkitd", Title: "BuildKit's daemon", Dir: "buildkit", Package: "github.com/moby/buildkit/cmd/buildkitd", Module: "github.com/moby/buildkit",
		Seconds: 50, Stamp: map[string]string{"github.com/moby/buildkit/version.Version": "{version}"},
	}
	buildctlProgram = toolbuild.Program{
		Name: "buildctl", Title: "BuildKit's client", Dir: "buildkit", Package: "github.com/moby/buildkit/cmd/buildctl", Module: "github.com/moby/buildkit", Seconds: 10,
	}
)

// Buildkitd is the path of BuildKit's own daemon, which it builds if necessary.
func (h Home) Buildkitd(ctx context.Context) (string, error) { return h.build(ctx, buildkitdProgram) }

// Buildctl is the path of BuildKit's own client, which it builds if necessary.
func (h Home) Buildctl(ctx context.Context) (string, error) { return h.build(ctx, buildctlProgram) }
