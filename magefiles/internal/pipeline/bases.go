package pipeline

import (
	"cmp"
	"fmt"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
)

// bases are the images that a Dockerfile takes from registries: in FROM, COPY --from and RUN --mount. Forms that cannot be parsed here are left
// to the engine.
type bases struct {
	text    string
	found   []dockerfile.Image
	instead map[string]string // replacements of references in the text
}

// findBases reads a Dockerfile. The arguments replace the defaults of ARG.
func findBases(text string, args, instead map[string]string) bases {
	file, err := dockerfile.ParseWith(text, args)
	if err != nil {
		return bases{text: text}
	}
	return bases{text, file.Images, instead}
}

// of returns the reference that is used for the image.
func (b bases) of(i dockerfile.Image) string { return cmp.Or(b.instead[i.Reference], i.Reference) }

// replaceable returns an error for an image that must be replaced but is written in a form that cannot be replaced.
func (b bases) replaceable() error {
	for _, i := range b.found {
		if to := b.of(i); to != i.Reference && i.End == 0 {
			return fmt.Errorf("line %d: cannot replace %s by %s: write the reference on one line, without quotes and escapes", i.Place.Line, i.Reference, to)
		}
	}
	return nil
}

// ofTarget are the references whose images must have the target platform. Images of FROM --platform, COPY --from and RUN --mount have their own
// platform.
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

// mirrored is the Dockerfile with each replaced or mirrored image in place. Lines keep their numbers, so that the engine's errors name the right
// ones.
func (b bases) mirrored(site Site) string {
	text := b.text
	for _, i := range slices.Backward(b.found) { // in the order of the text
		if mirror := site.Mirrored(b.of(i)); mirror != i.Reference && i.End > 0 {
			text = text[:i.Start] + mirror + text[i.End:]
		}
	}
	return text
}
