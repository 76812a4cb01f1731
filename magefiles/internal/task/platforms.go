package task

import "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"

// Platforms are the platforms of containers of a kind that do not state their own.
type Platforms map[image.Kind][]image.Platform

// of are the platforms that a container is published for.
func (p Platforms) of(c image.Container) []image.Platform {
	switch {
	case len(c.Platforms) > 0:
		return c.Platforms
	case len(p[c.Kind]) > 0:
		return p[c.Kind]
	default:
		return []image.Platform{image.NativePlatform()}
	}
}
