package containerrelease

import (
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// tagTakenError says that a container's tag is on another commit.
type tagTakenError struct {
	Tag    image.Tag
	Commit string // of the tag
	Head   string // the commit to release
}

func (e *tagTakenError) Error() string {
	return fmt.Sprintf("tag %s is already on another commit at the forge: %.12s (this commit: %.12s)", e.Tag, e.Commit, e.Head)
}

// Hint says what to do.
func (e *tagTakenError) Hint() string {
	return "release the next version (patch, minor, major): a published tag never moves"
}
