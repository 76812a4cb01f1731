package markdown

import (
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// TestHostile checks that 64 KiB of any construct end without a panic. The time was measured to be linear in the size; the test does not
// assert it.
func TestHostile(*testing.T) {
	for _, unit := range map[string]string{
		"brackets": "[a", "closed brackets": "[a][b] ", "tags": "<b> x ", "emphasis": "*a ", "both": "*a* b_ ", "quotes": "> a\n\n", "lazy": "> - a\nb\n",
		"items": "- a\n", "fences": "```\n\n", "html": "<p>\n\n", "definitions": "[a]: b\n\n", "pipes": "| a ", "headings": "# a\n",
		"comments": "<!-- a ", "switches": "<!-- markdownlint-disable MD001 --> ", "configured": "<!-- markdownlint-configure-file {} -->\n",
		"addresses": "https://x.y ", "mails": "a.b@c.d@", "spaces": "a  \n\n", "table": "| a |\n| - |\n\n", "code": "` a` ", "reversed": "(a)[b]", "attributes": "<a id=",
	} {
		Lint(page.Parse("page.md", strings.Repeat(unit, 1<<16/len(unit))), everything)
	}
}
