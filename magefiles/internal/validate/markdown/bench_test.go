package markdown

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// a page of about 6 KB with an example of each construct.
func somePage(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "---\ntitle: Page %d\n---\n\n", i)
	for s := range 18 {
		fmt.Fprintf(&b, "## Section %d\n\nText with *emphasis*, `code`, a [page](other.md#part-%d),\n[[page-%d]] and **more** of it.\n\n", s, s, (i+s)%1000)
		b.WriteString("- one\n- two\n  - three with `code`\n\n1. first\n2. second\n\n> A quote that goes\n> over two lines.\n\n")
		b.WriteString("```sh\nmage container:build example\necho \"$HOME\"\n```\n\n| a | b |\n| --- | --- |\n| c | `d` |\n| e | f |\n\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// BenchmarkLint lints 1,000 pages on one core. It does not measure the reading of them.
func BenchmarkLint(b *testing.B) {
	pages := make([]*page.Page, 1000)
	size := 0
	for i := range pages {
		text := somePage(i)
		size += len(text)
		pages[i] = page.Parse(fmt.Sprintf("docs/page-%d.md", i), text)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	began := processTime(b)
	for b.Loop() {
		for _, p := range pages {
			if found := Lint(p, Defaults()); len(found) > 0 {
				b.Fatalf("%+v", found)
			}
		}
	}
	b.ReportMetric(float64((processTime(b)-began).Milliseconds())/float64(b.N), "cpu-ms/op")
}

// processTime is the processor time of this process. Other processes do not change it.
func processTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
