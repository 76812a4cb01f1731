package task

import (
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// places lists uses, with blanks between them.
func places(uses []image.Use) string {
	texts := make([]string, len(uses))
	for i, u := range uses {
		texts[i] = u.String()
	}
	return strings.Join(texts, " ")
}
