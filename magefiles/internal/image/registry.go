package image

import (
	"context"
)

// Registry is the registry of published images.
type Registry interface {
	// Tags lists the tags of a reference's repository; the reference's own tag is ignored. A
	// missing repository has none.
	Tags(context.Context, Reference) ([]string, error)
	// Look reads the image under a reference; ok is false if the registry says that there is
	// nothing.
	Look(context.Context, Reference) (found Found, ok bool, err error)
}
