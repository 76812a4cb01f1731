package publish

import (
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// movedTagError says that the tag to publish is not, or no longer, on HEAD.
type movedTagError struct {
	Tag    image.Tag
	Commit string // of the tag on the forge; "" if there is no such tag
	Head   string // the commit of HEAD
}

func (e *movedTagError) Error() string {
	if e.Commit == "" {
		return fmt.Sprintf("the forge has no tag %s", e.Tag)
	}
	return fmt.Sprintf("the tag %s is on commit %.12s at the forge, and %.12s is checked out", e.Tag, e.Commit, e.Head)
}

// Hint says what to do.
func (e *movedTagError) Hint() string {
	if e.Commit == "" {
		return fmt.Sprintf("`container:release %s %s` makes and pushes it", e.Tag.Name, e.Tag.Version)
	}
	return fmt.Sprintf("check out the tag; if it was moved meanwhile, the run of its new commit publishes it, or release the version after %s", e.Tag.Version)
}
