package repo

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestHistory(t *testing.T) {
	remote, c := forge(t)
	first := c.git("rev-parse", "HEAD")
	main := c.commit("on main")
	c.git("push", "-q", "origin", "main")
	c.git("checkout", "-q", "-b", "side", first)
	side := c.commit("on the side")
	c.git("checkout", "-q", "--detach", first)
	lost := c.commit("on no branch")
	a, err := c.open().History(t.Context(), main, side)
	must(t, err)
	for commit, want := range map[string]bool{first: true, main: true, side: true, lost: false} {
		if a.Holds(commit) != want || a.Cut {
			t.Errorf("%s: %v, cut %v", commit, a.Holds(commit), a.Cut)
		}
	}
	if _, err := c.open().History(t.Context(), "0123456789012345678901234567890123456789"); !errors.Is(err, ErrUnknownCommit) {
		t.Errorf("err = %v", err)
	}

	shallow := c.at(filepath.Join(t.TempDir(), "shallow"))
	c.git("clone", "-q", "--depth=1", "file://"+remote, shallow.dir)
	a, err = shallow.open().History(t.Context(), main)
	must(t, err)
	if a.Holds(first) || !a.Cut {
		t.Errorf("%+v", a)
	}
	for dir, want := range map[*clone]bool{c: false, shallow: true} {
		if got, err := dir.open().Shallow(); got != want || err != nil {
			t.Errorf("%s: %v, %v", dir.dir, got, err)
		}
	}
}
