package repo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// forge is a bare remote with a clone of it.
func forge(t *testing.T) (remote string, c *clone) {
	c = fixture(t)
	remote = filepath.Join(t.TempDir(), "remote.git")
	c.git("init", "-q", "--bare", "-b", "main", remote)
	c.git("remote", "add", "origin", remote)
	c.git("push", "-q", "origin", "main")
	return remote, c
}

func onDefault(t *testing.T, c *clone, hash string, want bool, wantBranch string) {
	t.Helper()
	ok, branch, err := c.open().OnDefaultBranch(t.Context(), hash)
	if err != nil || ok != want || branch != wantBranch {
		t.Errorf("%s: ok=%v branch=%q err=%v", hash, ok, branch, err)
	}
}

func TestOnDefaultBranch(t *testing.T) {
	remote, c := forge(t)
	first := c.git("rev-parse", "HEAD")
	onDefault(t, c, first, true, "main")
	ahead := c.commit("not pushed")
	onDefault(t, c, ahead, false, "main")
	c.git("push", "-q", "origin", "main")
	onDefault(t, c, ahead, true, "main")
	onDefault(t, c, first, true, "main")
	c.git("checkout", "-q", "-b", "feature")
	feature := c.commit("feature")
	c.git("push", "-q", "origin", "feature")
	onDefault(t, c, feature, false, "main")
	c.git("checkout", "-q", "main")
	c.git("merge", "-q", "--no-ff", "-m", "merge", "feature")
	c.git("push", "-q", "origin", "main")
	onDefault(t, c, feature, true, "main")

	// A clone knows the remote's HEAD under any name; packed references and a linked work tree make no difference.
	c.git("push", "-q", "origin", "main:refs/heads/team/trunk")
	c.git("-C", remote, "symbolic-ref", "HEAD", "refs/heads/team/trunk")
	c.git("push", "-q", "origin", ":main")
	other := c.at(filepath.Join(t.TempDir(), "other"))
	c.git("clone", "-q", remote, other.dir)
	other.git("pack-refs", "--all")
	onDefault(t, other, feature, true, "team/trunk")
	linked := c.at(filepath.Join(t.TempDir(), "linked"))
	other.git("worktree", "add", "-q", "-b", "w", linked.dir)
	onDefault(t, linked, feature, true, "team/trunk")
	onDefault(t, linked, linked.commit("in the work tree"), false, "team/trunk")
}

func TestOnDefaultBranchWithoutRemote(t *testing.T) {
	c := fixture(t)
	c.git("checkout", "-q", "-b", "side")
	side := c.commit("side")
	onDefault(t, c, side, false, "main")
	c.git("branch", "-q", "-D", "main")
	if _, _, err := c.open().OnDefaultBranch(t.Context(), side); !errors.Is(err, ErrNoDefaultBranch) {
		t.Errorf("err = %v", err)
	}
	c.git("branch", "-q", "-m", "master")
	onDefault(t, c, side, true, "master")
}

func TestOnDefaultBranchErrors(t *testing.T) {
	remote, c := forge(t)
	for _, hash := range []string{"", "HEAD", "abc", strings.Repeat("0", 40)} {
		if _, _, err := c.open().OnDefaultBranch(t.Context(), hash); !errors.Is(err, ErrUnknownCommit) {
			t.Errorf("%q: err = %v", hash, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lost := c.commit("x")
	if _, _, err := c.open().OnDefaultBranch(ctx, lost); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	fresh := newClone(t)
	fresh.git("remote", "add", "origin", remote)
	fresh.commit("own")
	_, _, err := fresh.open().OnDefaultBranch(t.Context(), fresh.git("rev-parse", "HEAD"))
	if !errors.Is(err, ErrNoDefaultBranch) || !strings.Contains(err.Error(), "git fetch origin") {
		t.Errorf("err = %v", err)
	}
}

func TestOnDefaultBranchOfShallowClone(t *testing.T) {
	remote, c := forge(t)
	first := c.git("rev-parse", "HEAD")
	for range 3 {
		c.commit("more")
	}
	tip := c.git("rev-parse", "HEAD")
	c.git("push", "-q", "origin", "main")
	shallow := c.at(filepath.Join(t.TempDir(), "shallow"))
	c.git("clone", "-q", "--depth=2", "file://"+remote, shallow.dir)
	onDefault(t, shallow, tip, true, "main")
	onDefault(t, shallow, shallow.git("rev-parse", "HEAD~1"), true, "main") // the end of the history
	shallow.git("checkout", "-q", "-b", "side")
	side := shallow.commit("side")
	_, _, err := shallow.open().OnDefaultBranch(t.Context(), side)
	if !errors.Is(err, ErrShallow) || !strings.Contains(err.Error(), "git fetch --unshallow") {
		t.Errorf("err = %v", err)
	}
	shallow.git("fetch", "-q", "--unshallow")
	onDefault(t, shallow, side, false, "main")
	onDefault(t, shallow, first, true, "main")
}

func TestHead(t *testing.T) {
	c := newClone(t)
	if _, err := c.open().Head(); !errors.Is(err, ErrNoCommit) {
		t.Errorf("err = %v", err)
	}
	c.write("x", "")
	hash := c.commit("first")
	want := time.Date(2026, 3, 1, 11, 30, 45, 0, time.UTC)
	check := func(r *Repo) {
		t.Helper()
		got, err := r.Head()
		if err != nil || got.Hash != hash || !got.Time.Equal(want) {
			t.Errorf("%+v %v", got, err)
		}
	}
	check(c.open())
	c.git("checkout", "-q", "--detach")
	check(c.open())
	c.mkdir("deep/er")
	check(c.at(filepath.Join(c.dir, "deep/er")).open())
	linked := filepath.Join(t.TempDir(), "linked")
	c.git("worktree", "add", "-q", linked)
	check(c.at(linked).open())
	if root := c.at(linked).open().root; root != linked {
		t.Errorf("root %s", root)
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNoRepository) {
		t.Errorf("err = %v", err)
	}
	bare := t.TempDir()
	newClone(t).git("init", "-q", "--bare", bare)
	if _, err := Open(bare); !errors.Is(err, ErrNoRepository) {
		t.Errorf("bare: err = %v", err)
	}
	sparse := fixture(t)
	sparse.git("sparse-checkout", "set", "--no-cone", "/a.txt")
	if _, err := Open(sparse.dir); err == nil || !strings.Contains(err.Error(), "a sparse checkout leaves out files") {
		t.Errorf("sparse: err = %v", err)
	}
	broken := newClone(t)
	if err := os.WriteFile(filepath.Join(broken.dir, ".git", "config"), []byte("[core"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(broken.dir); err == nil {
		t.Error("a broken configuration was read")
	}
}
