package pipeline

import (
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
)

// bases are the images that a Dockerfile takes from registries: in FROM, COPY --from and
// RUN --mount. What cannot be understood here is left for the engine.
type bases struct {
	text  string
	found []dockerfile.Image
}

// findBases reads a Dockerfile. The arguments replace the defaults of ARG.
func findBases(text string, args map[string]string) bases {
	file, err := dockerfile.ParseWith(text, args)
	if err != nil {
		return bases{text: text}
	}
	return bases{text, file.Images}
}

// ofTarget are the references whose images must have the platform that is built for. That
// of FROM --platform, COPY --from and RUN --mount is their own.
func (b bases) ofTarget() []string {
	var refs []string
	for _, i := range b.found {
		if i.Instruction == "FROM" && i.Platform == "" && !slices.Contains(refs, i.Reference) {
			refs = append(refs, i.Reference)
		}
	}
	return refs
}

// all are the references of all images.
func (b bases) all() []string {
	refs := make([]string, len(b.found))
	for i, one := range b.found {
		refs[i] = one.Reference
	}
	return refs
}

// mirrored is the Dockerfile with every image taken from its mirror. Lines keep their
// numbers, so that the engine's errors name the right ones.
func (b bases) mirrored(site Site) string {
	text := b.text
	for _, i := range slices.Backward(b.found) { // they are in the order of the text
		if mirror := site.Mirrored(i.Reference); mirror != i.Reference && i.End > 0 {
			text = text[:i.Start] + mirror + text[i.End:]
		}
	}
	return text
}
