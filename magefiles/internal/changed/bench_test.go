package changed_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// manyContainers is a repository of 1,000 containers, half of them on ten of our own bases, and 10,000 commits. Each commit changes one container,
// and all but the last hundred were published.
func manyContainers(b *testing.B) *changing {
	b.Helper()
	const containers, commits, unpublished = 1000, 10_000, 100
	c := newChanging(b)
	var in strings.Builder
	for n := range commits {
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter c <c@example.org> %d +0000\ndata 14\nthe message of\n", 1600000000+n*60)
		if n == 0 {
			for i := range containers {
				text := plain
				if i >= containers/2 {
					text = fmt.Sprintf("%sc%d:dev\n", ours, i%10)
				}
				fmt.Fprintf(&in, "M 644 inline containers/c%d/Dockerfile\ndata <<E\n%sE\n\n", i, text)
				fmt.Fprintf(&in, "M 644 inline docs/d%d/page.md\ndata <<E\n%d\nE\n\n", i, i)
			}
		}
		fmt.Fprintf(&in, "M 644 inline containers/c%d/file\ndata <<E\n%d\nE\n\n", n%containers, n)
	}
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Stdin = c.Dir, strings.NewReader(in.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	hashes := strings.Fields(c.Git("rev-list", "--reverse", "main"))
	for n, hash := range hashes[:commits-unpublished] {
		c.publish(fmt.Sprintf("c%d", n%containers), "v1.2.0-"+hash[:7], hash)
	}
	c.Git("gc", "-q")
	if packs, _ := filepath.Glob(filepath.Join(c.Dir, ".git/objects/pack/*.pack")); len(packs) != 1 {
		b.Fatal(packs)
	}
	return c
}

// BenchmarkChanged times all of container:changed except the registry's answers: it opens the repository, walks its history and compares.
func BenchmarkChanged(b *testing.B) {
	if testing.Short() {
		b.Skip("makes a repository of 10,000 commits")
	}
	c := manyContainers(b)
	var walked, all time.Duration
	for b.Loop() {
		started := time.Now()
		changed, _ := c.opened()
		walked += time.Since(started)
		found, err := changed.Run(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if len(found) < 100 || len(found) == 1000 {
			b.Fatal(len(found))
		}
		all += time.Since(started)
	}
	b.ReportMetric(float64(walked.Milliseconds())/float64(b.N), "walk-ms")
	b.ReportMetric(float64(all.Milliseconds())/float64(b.N), "all-ms")
}
