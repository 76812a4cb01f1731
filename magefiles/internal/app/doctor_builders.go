package app

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/docker/go-units"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/builders"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/doctor"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// declaredBuilders is a doctor.Builders.
type declaredBuilders struct{ *App }

// Look implements [doctor.Builders].
func (d declaredBuilders) Look(ctx context.Context) ([]doctor.Builder, error) {
	declared, err := d.BuilderList()
	if err != nil {
		return nil, err
	}
	opts, err := d.engineOptions("")
	if err != nil {
		return nil, err
	}
	list, notes := make([]doctor.Builder, len(declared)), make([]string, len(declared))
	var looks sync.WaitGroup
	for i, b := range declared {
		looks.Go(func() { list[i], notes[i] = d.look(ctx, opts, b) })
	}
	looks.Wait()
	for _, note := range notes {
		if note != "" {
			d.console.Note(note)
		}
	}
	return list, nil
}

func (d declaredBuilders) look(ctx context.Context, opts engine.Options, b settings.Builder) (_ doctor.Builder, note string) {
	opts.Builder = b.Address
	found := doctor.Builder{Platform: b.Platform.String(), Address: b.Address}
	known, err := engine.LookAt(ctx, opts, found.Platform)
	switch {
	case err != nil:
		found.Err = err
		return found, ""
	case !known.Runs:
		found.Err = &builders.PlatformError{Platform: b.Platform, Offers: known.Platforms}
	}
	found.Other = engine.OtherVersion(known.Version)
	note = fmt.Sprintf("builder %s (%s)", b.Address, found.Platform)
	if known.Version != "" {
		note += fmt.Sprintf(": BuildKit %s for %s, cache %s of %s", known.Version, strings.Join(known.Platforms, ", "),
			units.HumanSize(float64(known.CacheUsed)), units.HumanSize(float64(known.CacheLimit)))
	}
	return found, note
}
