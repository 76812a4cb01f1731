package app

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// table aligns rows of a name and a value; what has no value is left out.
func table(rows [][2]string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
		}
	}
	_ = w.Flush() // a strings.Builder takes everything
	return strings.TrimSuffix(text.String(), "\n")
}
