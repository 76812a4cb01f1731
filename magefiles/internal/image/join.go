package image

import (
	"strings"
)

// JoinUses lists uses, with blanks between them.
func JoinUses(uses []Use) string {
	texts := make([]string, len(uses))
	for i, u := range uses {
		texts[i] = u.String()
	}
	return strings.Join(texts, " ")
}
