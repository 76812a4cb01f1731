package cijobs

import (
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// maxText is the maximum number of characters of a finding; the log has the full text.
const maxText = 400

// oneLine is text on one line without control characters.
func oneLine(text string) string { return plain.Short(text, maxText) }

// code is text as code in a cell of a Markdown table, where a pipe ends the cell even then.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", `\|`).Replace(text) + "`"
}
