package image

// DefaultPlatforms are the platforms of containers of a kind that do not state their own.
type DefaultPlatforms map[Kind][]Platform

// Of are the platforms that a container is published for.
func (p DefaultPlatforms) Of(c Container) []Platform {
	switch {
	case len(c.Platforms) > 0:
		return c.Platforms
	case len(p[c.Kind]) > 0:
		return p[c.Kind]
	default:
		return []Platform{NativePlatform()}
	}
}
