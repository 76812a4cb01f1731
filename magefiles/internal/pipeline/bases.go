package pipeline

import (
	"cmp"
	"fmt"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
)

// bases are the images that a Dockerfile takes from registries: in FROM, COPY --from and
// RUN --mount. What cannot be understood here is left for the engine.
type bases struct {
	text    string
	found   []dockerfile.Image
	instead map[string]string // references to take in place of those that are written
}

// findBases reads a Dockerfile. The arguments replace the defaults of ARG.
func findBases(text string, args, instead map[string]string) bases {
	file, err := dockerfile.ParseWith(text, args)
	if err != nil {
		return bases{text: text}
	}
	return bases{text, file.Images, instead}
}

// of is the reference that is taken.
func (b bases) of(i dockerfile.Image) string { return cmp.Or(b.instead[i.Reference], i.Reference) }

// replaceable refuses what is to be taken from elsewhere, and is written so that it cannot be replaced.
func (b bases) replaceable() error {
	for _, i := range b.found {
		if to := b.of(i); to != i.Reference && i.End == 0 {
			return fmt.Errorf("line %d: %s is to be taken in place of %s: write the reference on one line, without quotes and escapes", i.Place.Line, to, i.Reference)
		}
	}
	return nil
}

// ofTarget are the references whose images must have the platform that is built for. That
// of FROM --platform, COPY --from and RUN --mount is their own.
func (b bases) ofTarget() []string {
	var refs []string
	for _, i := range b.found {
		if i.Instruction == "FROM" && i.Platform == "" && !slices.Contains(refs, b.of(i)) {
			refs = append(refs, b.of(i))
		}
	}
	return refs
}

// all are the references of all images.
func (b bases) all() []string {
	refs := make([]string, len(b.found))
	for i, one := range b.found {
		refs[i] = b.of(one)
	}
	return refs
}

// mirrored is the Dockerfile with every image that is taken in place of another, and taken from its mirror. Lines keep their
// numbers, so that the engine's errors name the right ones.
func (b bases) mirrored(site Site) string {
	text := b.text
	for _, i := range slices.Backward(b.found) { // they are in the order of the text
		if mirror := site.Mirrored(b.of(i)); mirror != i.Reference && i.End > 0 {
			text = text[:i.Start] + mirror + text[i.End:]
		}
	}
	return text
}
