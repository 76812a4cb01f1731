package repo

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// gitDates asks git for the result of Dates: the dates of the first and last commit that touched each file.
func gitDates(t *testing.T, c *clone, commit, under string) map[string]vcs.Dates {
	t.Helper()
	dates := map[string]vcs.Dates{}
	for _, name := range strings.Fields(c.git("ls-tree", "-r", "--name-only", commit, "--", under)) {
		dates[name] = vcs.Dates{}
	}
	var when time.Time
	for line := range strings.Lines(c.git("log", "--format=@%cI", "--name-only", "--no-renames", "-c", commit, "--", under)) {
		line = strings.TrimSpace(line)
		if stamp, ok := strings.CutPrefix(line, "@"); ok {
			var err error
			when, err = time.Parse(time.RFC3339, stamp)
			must(t, err)
			continue
		}
		d, ok := dates[line]
		if !ok {
			continue
		}
		if d.Created.IsZero() || when.Before(d.Created) {
			d.Created = when
		}
		if when.After(d.Modified) {
			d.Modified = when
		}
		dates[line] = d
	}
	return dates
}

func sameDates(t *testing.T, got, want map[string]vcs.Dates) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%d dates, want %d", len(got), len(want))
	}
	for name, w := range want {
		if g := got[name]; !g.Created.Equal(w.Created) || !g.Modified.Equal(w.Modified) || w.Created.IsZero() {
			t.Errorf("%s: %v, want %v", name, g, w)
		}
	}
}

func (c *clone) commitAt(day int, message string) string {
	c.t.Helper()
	c.git("add", "-A")
	cmd := c.command("commit", "-q", "-m", message)
	cmd.Env = append(cmd.Env, fmt.Sprintf("GIT_COMMITTER_DATE=2026-01-%02dT10:00:00+02:00", day))
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %s", err, out)
	}
	return c.git("rev-parse", "HEAD")
}

func TestDates(t *testing.T) {
	c := newClone(t)
	c.write("other", "x")
	c.commitAt(1, "nothing of docs")
	c.write("docs/a.md", "a")
	c.write("docs/sub/b.md", "b")
	c.write("docs/gone.md", "gone")
	c.commitAt(2, "begin")
	c.git("checkout", "-q", "-b", "side")
	c.write("docs/side.md", "side")
	c.write("docs/a.md", "a on the side")
	c.commitAt(3, "side")
	c.git("checkout", "-q", "main")
	c.write("docs/sub/b.md", "b again")
	c.write("docs/a.md", "a on main")
	c.remove("docs/gone.md")
	c.commitAt(4, "main")
	_ = c.command("merge", "-q", "side").Run() // conflicts
	c.write("docs/a.md", "a of both")
	c.commitAt(5, "merge")
	c.write("docs/gone.md", "back")
	c.git("mv", "docs/side.md", "docs/moved.md")
	c.commitAt(6, "back and moved")
	c.chmod("docs/a.md", 0o755)
	tip := c.commitAt(7, "mode")
	for _, under := range []string{"docs", "docs/sub", ".", "docs/a.md"} {
		got, err := c.open().Dates(t.Context(), tip, under)
		must(t, err)
		sameDates(t, got, gitDates(t, c, tip, under))
	}
	if got, err := c.open().Dates(t.Context(), tip, "none"); err != nil || len(got) != 0 {
		t.Errorf("none: %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.open().Dates(ctx, tip, "docs"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	shallow := c.at(filepath.Join(t.TempDir(), "shallow"))
	c.git("clone", "-q", "--depth=2", "file://"+c.dir, shallow.dir)
	if _, err := shallow.open().Dates(t.Context(), tip, "docs"); !errors.Is(err, ErrShallow) || !strings.Contains(err.Error(), "--unshallow") {
		t.Errorf("shallow: %v", err)
	}
}

// longHistory makes commits that each change some of many pages, as one stream for git fast-import.
func longHistory(t testing.TB, commits, pages, other int) *clone {
	t.Helper()
	c := newClone(t)
	var in strings.Builder
	for n := range commits {
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter c <c@example.org> %d +0000\ndata 1\nc\n", 1700000000+n*3600)
		for p := range pages {
			if n == 0 || (p+n*7)%(pages/3+1) == 0 {
				fmt.Fprintf(&in, "M 644 inline docs/s%d/p%d.md\ndata <<E\npage %d, %d\nE\n\n", p%20, p, p, n)
			}
		}
		for o := range other {
			if n == 0 || (o+n)%(other/2+1) == 0 {
				fmt.Fprintf(&in, "M 644 inline src/d%d/f%d\ndata <<E\n%d, %d\nE\n\n", o%500, o, o, n)
			}
		}
	}
	fill(t, c, in.String())
	return c
}

func fill(t testing.TB, c *clone, stream string) {
	t.Helper()
	cmd := c.command("fast-import", "--quiet")
	cmd.Stdin = strings.NewReader(stream)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestDatesOfLongHistory(t *testing.T) {
	c := longHistory(t, 300, 100, 50)
	tip := c.git("rev-parse", "main")
	got, err := c.open().Dates(t.Context(), tip, "docs")
	must(t, err)
	sameDates(t, got, gitDates(t, c, tip, "docs"))
}

// BenchmarkDates reads the dates of 500 pages from 1,000 commits.
func BenchmarkDates(b *testing.B) {
	c := longHistory(b, 1000, 500, 200)
	tip := c.git("rev-parse", "main")
	for b.Loop() {
		r, err := Open(c.dir)
		must(b, err)
		dates, err := r.Dates(b.Context(), tip, "docs")
		if err != nil || len(dates) != 500 {
			b.Fatal(len(dates), err)
		}
	}
	b.StopTimer()
	started := time.Now()
	cmd := exec.CommandContext(b.Context(), "git", "-C", c.dir, "log", "--format=%ct", "--name-status", "--no-renames", tip, "--", "docs")
	if _, err := cmd.Output(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(started).Milliseconds()), "git-log-ms")
}
