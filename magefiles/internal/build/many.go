package build

import (
	"cmp"
	"context"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// limit is the number of containers that are built in parallel.
const limit = 5

// Many builds several containers, some in parallel, each for the platforms that it is published for. A failure does not stop the others. The
// images stay in the engine.
type Many struct {
	// Each is the build of one container. The names of its steps begin with the container's name.
	Each      func(image.Name) Build
	Platforms image.DefaultPlatforms // of containers that state none
	Limit     int                    // how many in parallel; 0 is 5
}

// Outcome is the result for one of several containers.
type Outcome struct {
	Name  image.Name
	Built Result
	Err   error // why it could not be built
}

// Run builds the containers. The results are in the order of the names.
func (b Many) Run(ctx context.Context, names []image.Name) []Outcome {
	results := make([]Outcome, len(names))
	var group errgroup.Group
	group.SetLimit(cmp.Or(b.Limit, limit))
	for i, name := range names {
		group.Go(func() error {
			built, err := b.build(ctx, name)
			results[i] = Outcome{name, built, err}
			return nil // the others continue
		})
	}
	_ = group.Wait() // each has its own error
	return results
}

func (b Many) build(ctx context.Context, name image.Name) (Result, error) {
	one := b.Each(name)
	container, err := image.Lookup(one.Files, name)
	if err != nil {
		return Result{}, err
	}
	one.Watch = one.Watch.Prefixed(string(name) + ": ")
	return one.Run(ctx, tasks.BuildArgs{Name: string(name), Platforms: image.JoinPlatforms(b.Platforms.Of(container))})
}
