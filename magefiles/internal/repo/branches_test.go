package repo

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTagNames compares with git's own list: tags of both kinds, also packed ones.
func TestTagNames(t *testing.T) {
	_, c := forge(t)
	c.git("tag", "stable")
	c.git("tag", "-m", "x", "side/v1.0.0")
	c.git("pack-refs", "--all")
	c.git("tag", "later")
	names, err := c.open().TagNames()
	git := strings.Fields(c.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags"))
	if got := slices.Sorted(maps.Keys(names)); err != nil || !slices.Equal(got, git) {
		t.Errorf("%v, %v; git has %v", got, err, git)
	}
}

// TestBranches compares with git's own list, before and after the remote's default branch gets another name.
func TestBranches(t *testing.T) {
	remote, c := forge(t)
	c.git("push", "-q", "origin", "HEAD:refs/heads/side/one")
	full := c.at(filepath.Join(t.TempDir(), "full"))
	c.git("clone", "-q", remote, full.dir)
	check := func(want bool) {
		t.Helper()
		names, known, err := full.open().Branches()
		git := strings.Fields(full.git("for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes/origin"))
		git = slices.DeleteFunc(git, func(name string) bool { return name == "HEAD" })
		if got := slices.Sorted(maps.Keys(names)); err != nil || known != want || known && !slices.Equal(got, git) {
			t.Errorf("%v, %v, %v; git has %v", got, known, err, git)
		}
	}
	check(true)
	c.at(remote).git("branch", "-m", "main", "trunk")
	full.git("fetch", "-q", "--prune")
	check(false) // origin/HEAD is broken
	full.git("remote", "set-head", "origin", "--auto")
	check(true)
	if names, _, _ := full.open().Branches(); names["main"] || !names["trunk"] {
		t.Errorf("%v", names)
	}
	for name, args := range map[string][]string{
		"shallow": {"clone", "-q", "--depth=1", "file://" + remote}, "one branch": {"clone", "-q", "--single-branch", remote},
	} {
		some := c.at(filepath.Join(t.TempDir(), "some"))
		c.git(append(args, some.dir)...)
		if _, known, err := some.open().Branches(); known || err != nil {
			t.Errorf("%s: %v, %v", name, known, err)
		}
	}
	if _, known, err := newClone(t).open().Branches(); known || err != nil {
		t.Errorf("no remote: %v, %v", known, err)
	}
}
