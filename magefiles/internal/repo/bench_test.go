package repo

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// manyFiles is a checkout of a repository of 50,000 files, in 500 folders, packed and clean.
func manyFiles(b *testing.B) *clone {
	b.Helper()
	const files = 50_000
	c := newClone(b)
	var in strings.Builder
	in.WriteString("commit refs/heads/main\ncommitter c <c@example.org> 1700000000 +0000\ndata 1\nc\n")
	for n := range files {
		fmt.Fprintf(&in, "M 644 inline src/d%d/s%d/f%d\ndata <<E\nfile %d\nE\n\n", n%50, n/50%10, n, n)
	}
	for n := range 5 {
		fmt.Fprintf(&in, "M 644 inline changelog.d/%d.feature.md\ndata 2\nx\n\n", n)
	}
	in.WriteString("M 644 inline CHANGELOG.md\ndata 12\n# Changelog\n\n")
	fill(b, c, in.String())
	c.git("reset", "-q", "--hard")
	c.git("gc", "-q")
	c.git("update-index", "-q", "--refresh")
	return c
}

// BenchmarkCommit50k times a release's commit in a repository of 50,000 files against git add and git commit of the same, alternately.
// The figures are medians of wall time: ours, ours with the update of the checkout that git commit does, and git's two commands.
func BenchmarkCommit50k(b *testing.B) {
	if testing.Short() {
		b.Skip("makes a repository of 50,000 files")
	}
	c := manyFiles(b)
	base := c.git("rev-parse", "main")
	var ours, forwards, gits []time.Duration
	for n := 0; b.Loop(); n++ {
		text := fmt.Sprintf("# Changelog\n\n%d\n", n)
		started := time.Now()
		r, err := Open(c.dir, WithEnvironment(c.env))
		must(b, err)
		changes := []Change{{Path: "CHANGELOG.md", Content: []byte(text)}}
		for f := range 5 {
			changes = append(changes, Change{Path: fmt.Sprintf("changelog.d/%d.feature.md", f), Delete: true})
		}
		hash, err := r.Commit(b.Context(), base, changes, someone(fmt.Sprint("release ", n)))
		must(b, err)
		ours = append(ours, time.Since(started))
		why, err := r.FastForward(b.Context(), "main", base, hash)
		must(b, err)
		forwards = append(forwards, time.Since(started))
		if left := c.status("CHANGELOG.md", "changelog.d"); why != "" || len(left) > 0 {
			b.Fatal(why, left)
		}
		c.git("reset", "-q", "--hard", base)

		c.write("CHANGELOG.md", text)
		for f := range 5 {
			c.remove(filepath.Join("changelog.d", fmt.Sprintf("%d.feature.md", f)))
		}
		started = time.Now()
		c.git("add", "CHANGELOG.md", "changelog.d")
		c.git("commit", "-q", "-m", fmt.Sprint("release ", n))
		gits = append(gits, time.Since(started))
		if got := c.git("rev-parse", "HEAD^{tree}"); got != c.git("rev-parse", hash+"^{tree}") {
			b.Fatal("another tree than git's")
		}
		c.git("reset", "-q", "--hard", base)
	}
	b.ReportMetric(milliseconds(ours), "commit-ms")
	b.ReportMetric(milliseconds(forwards), "commit+forward-ms")
	b.ReportMetric(milliseconds(gits), "git-add+commit-ms")
}

func milliseconds(list []time.Duration) float64 {
	slices.Sort(list)
	return float64(list[len(list)/2].Microseconds()) / 1000
}
