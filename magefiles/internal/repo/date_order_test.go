package repo

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The line is in git's order, with any branches and merges.
func TestLineIsGitsDateOrder(t *testing.T) {
	c := newClone(t)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a repeatable history
	var in strings.Builder
	const commits = 300
	for n := 1; n <= commits; n++ {
		fmt.Fprintf(&in, "commit refs/heads/b%d\nmark :%d\ncommitter c <c@example.org> %d +0100\ndata 1\nc\n", n, n, 1700000000+n*10-random.IntN(200))
		if n > 1 {
			first := max(1, n-1-random.IntN(4))
			fmt.Fprintf(&in, "from :%d\n", first)
			if other := 1 + random.IntN(n-1); other != first && random.IntN(3) == 0 {
				fmt.Fprintf(&in, "merge :%d\n", other)
			}
		}
		fmt.Fprintf(&in, "M 644 inline f\ndata <<E\n%d\nE\n\n", n)
	}
	fill(t, c, in.String())
	tip := c.git("rev-parse", fmt.Sprint("b", commits))
	want := strings.Fields(c.git("rev-list", "--date-order", tip))
	line, err := c.open().Line(t.Context(), tip)
	must(t, err)
	got := make([]string, len(want))
	for hash, place := range line.places {
		got[place] = hash.String()
	}
	// git does not define the order of commits of the same second.
	times := map[string]string{}
	for _, l := range strings.Split(c.git("log", "--format=%H %ct", tip), "\n") {
		hash, when, _ := strings.Cut(l, " ")
		times[hash] = when
	}
	for i := range want {
		if got[i] != want[i] && times[got[i]] != times[want[i]] {
			t.Fatalf("place %d is %s, to git %s", i, got[i], want[i])
		}
	}
	if hash, place, ok := line.Find(strings.ToUpper(want[3][:12])); hash != want[3] || got[place] != hash || !ok {
		t.Error(hash, place, ok)
	}
	for _, no := range []string{"", strings.Repeat("0", 40), "xyz"} {
		if hash, _, ok := line.Find(no); ok {
			t.Errorf("%q is %s", no, hash)
		}
	}
	must(t, line.Whole())
}

func TestLineOfAShallowClone(t *testing.T) {
	c := newClone(t)
	for range 3 {
		c.git("commit", "-q", "--allow-empty", "-m", "c")
	}
	to := t.TempDir()
	c.git("clone", "-q", "--depth=2", "file://"+c.dir, to)
	line, err := c.at(to).open().Line(t.Context(), c.git("rev-parse", "HEAD"))
	must(t, err)
	if _, _, ok := line.Find(c.git("rev-parse", "HEAD~1")); !ok || len(line.places) != 2 {
		t.Error(line.places)
	}
	if err := line.Whole(); !errors.Is(err, ErrShallow) {
		t.Error(err)
	}
	if _, err := c.open().Line(t.Context(), strings.Repeat("1", 40)); !errors.Is(err, ErrUnknownCommit) {
		t.Error(err)
	}
}

func TestCompare(t *testing.T) {
	c := newClone(t)
	c.write("a/b/c", "1")
	c.write("a/d", "1")
	c.write("e", "1")
	c.git("add", "-A")
	c.git("commit", "-q", "-m", "1")
	old := c.git("rev-parse", "HEAD")
	c.write("a/b/c", "2")
	c.write("f/g", "1")
	c.git("add", "-A")
	c.git("commit", "-q", "-m", "2")
	now := c.git("rev-parse", "HEAD")
	compare := c.open().Compare()
	var differ []string
	for _, path := range []string{".", "a", "a/b", "a/b/c", "a/b/c/below", "a/d", "e", "f", "f/g", "none", "none/below", "a/bb"} {
		for range 2 { // the second time it is cached
			is, err := compare.Differs(t.Context(), old, now, path)
			must(t, err)
			if is && !slices.Contains(differ, path) {
				differ = append(differ, path)
			}
		}
	}
	if want := []string{".", "a", "a/b", "a/b/c", "f", "f/g"}; !slices.Equal(differ, want) {
		t.Errorf("got %q, want %q", differ, want)
	}
	if _, err := compare.Differs(t.Context(), strings.Repeat("1", 40), now, "a"); !errors.Is(err, ErrUnknownCommit) {
		t.Error(err)
	}
}
