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
		return fmt.Sprintf("tag %s not found at the forge", e.Tag)
	}
	return fmt.Sprintf("tag %s is on another commit at the forge: %.12s (checked out: %.12s)", e.Tag, e.Commit, e.Head)
}

// Hint says what to do.
func (e *movedTagError) Hint() string {
	if e.Commit == "" {
		return fmt.Sprintf("make and push it with `container:release %s %s`", e.Tag.Name, e.Tag.Version)
	}
	return fmt.Sprintf("check out the tag; if it was moved, the run of its new commit publishes it; or release the version after %s", e.Tag.Version)
}
