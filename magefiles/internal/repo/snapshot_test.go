package repo

import (
	"errors"
	"io/fs"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

func TestSnapshot(t *testing.T) {
	c, base := tree(t)
	c.remove("docs") // the checkout does not matter
	s, err := c.open().Snapshot(base)
	must(t, err)
	must(t, fstest.TestFS(sub(t, s, "docs/deep"), "er/b.md"))
	must(t, fstest.TestFS(sub(t, s, "changelog.d"), "1.feature.md", "2.bugfix.md"))
	for name, want := range map[string]string{
		"docs/a.md": "a\n", "link": "a\n", "docs/way/er/b.md": "b\n", "run": "#!/bin/sh\n",
	} {
		if got, err := fs.ReadFile(s, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]fs.FileMode{
		".": fs.ModeDir | 0o755, "docs": fs.ModeDir | 0o755, "run": 0o755, "docs/a.md": 0o644, "link": fs.ModeSymlink | 0o777, "docs/way/er": fs.ModeDir | 0o755,
	} {
		info, err := s.Lstat(name)
		if err != nil || info.Mode() != want || !info.ModTime().Equal(time.Date(2026, 3, 1, 11, 30, 45, 0, time.UTC)) {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if target, err := s.ReadLink("link"); err != nil || target != "docs/a.md" {
		t.Errorf("link: %q, %v", target, err)
	}
	for name, want := range map[string]error{
		"none": fs.ErrNotExist, "docs/none": fs.ErrNotExist, "run/x": fs.ErrNotExist, "../x": fs.ErrInvalid, "/x": fs.ErrInvalid, "docs/out": errLeaves,
	} {
		if _, err := s.Open(name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if _, err := s.ReadFile("docs"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a folder was read: %v", err)
	}
}

func sub(t *testing.T, s *Snapshot, dir string) fs.FS {
	t.Helper()
	f, err := fs.Sub(s, dir)
	must(t, err)
	return f
}

func TestSnapshotOfLinksThatGoRound(t *testing.T) {
	c := newClone(t)
	c.symlink("b", "a")
	c.symlink("a", "b")
	s, err := c.open().Snapshot(c.commit("links"))
	must(t, err)
	if _, err := s.Open("a"); err == nil {
		t.Error("it was opened")
	}
}

func TestTree(t *testing.T) {
	c, base := tree(t)
	r := c.open()
	for _, path := range []string{".", "docs", "docs/deep/er", "docs/a.md"} {
		want := base + "^{tree}"
		if path != "." {
			want = base + ":" + path
		}
		if got, err := r.Tree(base, path); err != nil || got != c.git("rev-parse", want) {
			t.Errorf("%s: %s, %v", path, got, err)
		}
	}
	if _, err := r.Tree(base, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	if _, err := r.Tree("HEAD", "."); !errors.Is(err, ErrUnknownCommit) {
		t.Errorf("HEAD: %v", err)
	}
}

func TestSideBySide(t *testing.T) {
	c, base := tree(t)
	r := c.open()
	s, err := r.Snapshot(base)
	must(t, err)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			if err := fs.WalkDir(s, ".", func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
				t.Error(err)
			}
			if _, err := r.Commit(t.Context(), base, []Change{{Path: "x", Content: []byte{byte(n)}}}, someone("m")); err != nil {
				t.Error(err)
			}
			if _, err := r.Changed(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := r.Dates(t.Context(), base, "docs"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
