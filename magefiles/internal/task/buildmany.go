package task

import (
	"cmp"
	"context"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// buildLimit is the number of containers that are built in parallel.
const buildLimit = 5

// BuildMany builds several containers, some in parallel, each for the platforms that it is published for. A failure does not stop the others. The
// images stay in the engine.
type BuildMany struct {
	// Each is the build of one container. The names of its steps begin with the container's name.
	Each      func(image.Name) Build
	Platforms Platforms // of containers that state none
	Limit     int       // how many in parallel; 0 is 5
}

// BuildResult is the result for one of several containers.
type BuildResult struct {
	Name  image.Name
	Built Built
	Err   error // why it could not be built
}

// Run builds the containers. The results are in the order of the names.
func (b BuildMany) Run(ctx context.Context, names []image.Name) []BuildResult {
	results := make([]BuildResult, len(names))
	var group errgroup.Group
	group.SetLimit(cmp.Or(b.Limit, buildLimit))
	for i, name := range names {
		group.Go(func() error {
			built, err := b.build(ctx, name)
			results[i] = BuildResult{name, built, err}
			return nil // the others continue
		})
	}
	_ = group.Wait() // each has its own error
	return results
}

func (b BuildMany) build(ctx context.Context, name image.Name) (Built, error) {
	one := b.Each(name)
	container, err := image.Lookup(one.Files, name)
	if err != nil {
		return Built{}, err
	}
	one.Watch = one.Watch.prefixed(string(name) + ": ")
	return one.Run(ctx, tasks.BuildArgs{Name: string(name), Platforms: image.JoinPlatforms(b.Platforms.of(container))})
}
