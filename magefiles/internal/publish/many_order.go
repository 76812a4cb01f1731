package publish

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
)

// order sorts the publications so that each comes after those whose published tags its image is built on, as with FROM
// REGISTRY/NAMESPACE/base:dev, and makes it wait for them: otherwise it would be built on the earlier images. With VersionAuto it is built on
// their new images, even if it names another tag. If a container's bases cannot be read, its build reports the error.
func (m Many) order(all []*onePublish) []*onePublish {
	byReference, byName := map[string]*onePublish{}, map[image.Name]*onePublish{}
	for _, one := range all {
		if one.err == nil {
			byReference[one.reference], byName[one.container.Name] = one, one
		}
	}
	var ordered []*onePublish
	state := map[*onePublish]int{}
	const entered, placed = 1, 2
	var place func(*onePublish)
	place = func(one *onePublish) {
		state[one] = entered
		one.named = m.basesOf(one)
		for _, reference := range one.named {
			base := byReference[reference]
			if name, ours := one.ours(reference); ours && one.auto {
				base = byName[name]
			}
			if base == nil || state[base] == entered { // built on each other: neither can wait
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
func (m Many) basesOf(one *onePublish) []string {
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

// ours is the name of the container of this repository whose image a reference without a digest names.
func (o *onePublish) ours(reference string) (image.Name, bool) {
	name, ok := image.OurName(reference, path.Join(o.publish.Host, o.publish.Namespace))
	if ok && name != o.container.Name {
		_, err := image.Lookup(o.files, name)
		return name, err == nil
	}
	return "", false
}

// settleBases sets the images of this site that an image is built on. With VersionAuto these belong to the commit: those published in the same run,
// else the newest published ones.
func (m Many) settleBases(ctx context.Context, one *onePublish) error {
	one.publish.Bases = map[string]string{}
	for _, reference := range one.named {
		name, ours := one.ours(reference)
		if !ours || !one.auto { // for other versions each base is the named one
			continue
		}
		at := slices.IndexFunc(one.bases, func(base *onePublish) bool { return base.container.Name == name })
		to := reference
		switch {
		case at >= 0:
			to = one.bases[at].reference
		case m.Newest != nil:
			version, err := m.Newest(ctx, name)
			if err != nil {
				return fmt.Errorf("find the newest image of its base %s: %w", name, err)
			}
			if version != "" {
				host := cmp.Or(one.args.Registry, one.publish.Host)
				to = path.Join(host, one.publish.Namespace, string(name)) + ":" + version
			}
		}
		if to != reference {
			one.publish.Bases[reference] = to
		}
	}
	return nil
}

// tellBases notes the bases of an image that differ from those in the sources.
func (m Many) tellBases(one *onePublish) {
	if one.err != nil || one.result.Status == step.StatusUnchanged {
		return
	}
	for _, reference := range one.named {
		if _, ours := one.ours(reference); !ours {
			continue
		}
		to, replaced := one.publish.Bases[reference]
		switch {
		case replaced:
			step.Say(m.Note, fmt.Sprintf("%s: built on %s instead of %s", one.container.Name, to, reference))
		case !one.auto && !slices.ContainsFunc(one.bases, func(base *onePublish) bool { return base.reference == reference }):
			step.Say(m.Note, fmt.Sprintf("%s: built on %s, which it names; the version auto uses the newest", one.container.Name, reference))
		}
	}
}

// await waits for the bases of the image. They began before it, so there is no deadlock.
func (o *onePublish) await() error {
	for _, base := range o.bases {
		<-base.done
		if base.err != nil {
			return fmt.Errorf("not built: its base %s was not published", base.args.Name)
		}
	}
	return nil
}
