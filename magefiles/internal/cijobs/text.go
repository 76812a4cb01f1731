package cijobs

import "strings"

// code is text as code in a cell of a Markdown table, where a pipe ends the cell even then.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", `\|`).Replace(text) + "`"
}
