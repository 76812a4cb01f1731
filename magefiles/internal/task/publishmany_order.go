package task

import (
	"fmt"
	"io/fs"
	"path"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// order returns the publications so that each comes after those that its image is built on by the very tag that they publish, as with
// FROM REGISTRY/NAMESPACE/base:dev, and has each wait for them: else it would be built on what stood there before. Where a container's bases
// cannot be read, its build says why.
func (m PublishMany) order(all []*onePublish) []*onePublish {
	byReference := map[string]*onePublish{}
	for _, one := range all {
		if one.err == nil {
			byReference[one.reference] = one
		}
	}
	var ordered []*onePublish
	state := map[*onePublish]int{}
	const entered, placed = 1, 2
	var place func(*onePublish)
	place = func(one *onePublish) {
		state[one] = entered
		for _, reference := range m.basesOf(one) {
			base := byReference[reference]
			if base == nil || state[base] == entered { // built on each other: nobody can wait
				continue
			}
			if state[base] != placed {
				place(base)
			}
			one.bases = append(one.bases, base)
		}
		state[one] = placed
		ordered = append(ordered, one)
	}
	for _, one := range all {
		if state[one] == 0 {
			place(one)
		}
	}
	return ordered
}

// basesOf are the images that a container is built on.
func (m PublishMany) basesOf(one *onePublish) []string {
	switch {
	case one.err != nil:
		return nil
	case one.container.Kind == image.KindGo:
		return []string{one.container.Base}
	case m.Bases == nil:
		return nil
	}
	text, err := fs.ReadFile(one.files, path.Join(one.container.Dir, "Dockerfile"))
	if err != nil {
		return nil
	}
	references, err := m.Bases(string(text))
	if err != nil {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(references)))
}

// await waits for what the image is built on. They have begun before it, so that they end.
func (o *onePublish) await() error {
	for _, base := range o.bases {
		<-base.done
		if base.err != nil {
			return fmt.Errorf("not built: it is built on %s, which was not published", base.args.Name)
		}
	}
	return nil
}
