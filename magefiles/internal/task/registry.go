package task

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// TagRegistry is the registry of published images.
type TagRegistry interface {
	// Tags lists the tags of a reference's repository; the reference's own tag is ignored. A
	// missing repository has none.
	Tags(context.Context, image.Reference) ([]string, error)
	// Look reads the image under a reference; ok is false if the registry says that there is
	// nothing.
	Look(context.Context, image.Reference) (found image.Found, ok bool, err error)
}
