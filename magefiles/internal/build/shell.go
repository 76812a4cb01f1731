package build

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// ForShell builds an image to look into: for one platform, without an output. It checks all arguments before it starts.
func (b Build) ForShell(ctx context.Context, args tasks.ShellArgs) (built image.Built, err error) {
	request, _, err := b.parse(tasks.BuildArgs{Name: args.Name, Platforms: args.Platform, Target: args.Target, Args: args.Args})
	if err != nil {
		return nil, err
	}
	if len(request.Platforms) > 1 {
		return nil, &image.InvalidError{What: "platform", Input: args.Platform, Reason: "a shell runs on one platform; name one"}
	}
	if err := b.warnOfArgs(request); err != nil {
		return nil, err
	}
	return built, step.Run(ctx, b.Watch, []step.Step{{Name: "build " + args.Name, Run: func(ctx context.Context) (err error) {
		built, err = b.Builder.Build(ctx, request)
		return err
	}}})
}
