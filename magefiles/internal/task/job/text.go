package job

import (
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// maxText is as many characters as a finding may have; what is longer is cut, and stands in the log.
const maxText = 400

// oneLine is text on one line that no terminal obeys.
func oneLine(text string) string { return plain.Short(text, maxText) }

// code is text as code in a cell of a Markdown table, where a pipe ends the cell even then.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", `\|`).Replace(text) + "`"
}
