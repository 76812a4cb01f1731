package markdown

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// TestHostile holds rules to time in proportion to the size: the longer page is eight times the shorter one.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	for name, unit := range map[string]string{
		"brackets": "[a", "closed brackets": "[a][b] ", "tags": "<b> x ", "emphasis": "*a ", "both": "*a* b_ ", "quotes": "> a\n\n", "lazy": "> - a\nb\n",
		"items": "- a\n", "fences": "```\n\n", "html": "<p>\n\n", "definitions": "[a]: b\n\n", "pipes": "| a ", "headings": "# a\n",
		"comments": "<!-- a ", "switches": "<!-- markdownlint-disable MD001 --> ", "configured": "<!-- markdownlint-configure-file {} -->\n",
		"addresses": "https://x.y ", "mails": "a.b@c.d@", "spaces": "a  \n\n", "table": "| a |\n| - |\n\n", "code": "` a` ", "reversed": "(a)[b]", "attributes": "<a id=",
	} {
		took := func(n int) time.Duration {
			p := page.Parse("page.md", strings.Repeat(unit, n/len(unit)))
			began := processTime(t)
			Lint(p, everything)
			return processTime(t) - began
		}
		if short, long := took(1<<13), took(1<<16); long > 40*short+10*time.Millisecond && long > 100*time.Millisecond {
			t.Errorf("%s: %v for 8 KiB, %v for 64 KiB", name, short, long)
		}
	}
}

// processTime is what the processors did for this process, which other processes do not change.
func processTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
