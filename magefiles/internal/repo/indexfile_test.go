package repo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// indexes are what git itself writes, in all versions and with all that it may put in.
func indexes(t testing.TB) map[string][]byte {
	list := map[string][]byte{}
	for _, version := range []string{"2", "3", "4"} {
		c := newClone(t)
		for n := range 40 {
			c.write(fmt.Sprintf("dir%d/file%d", n%3, n), "x")
		}
		c.write("dir1/"+string(bytes.Repeat([]byte("n"), 200)), "long")
		c.commit("base") // caches trees
		c.git("update-index", "--index-version", version)
		if version != "2" {
			c.git("update-index", "--skip-worktree", "dir1/file1")
			c.write("later", "x")
			c.git("add", "-N", "later")
		}
		c.git("update-index", "--assume-unchanged", "dir2/file2")
		raw, err := os.ReadFile(filepath.Join(c.dir, ".git", "index"))
		must(t, err)
		list[version] = raw
	}
	return list
}

func TestIndexFileIsKept(t *testing.T) {
	for version, raw := range indexes(t) {
		x, err := parseIndex(raw)
		must(t, err)
		if got := x.encode(); !bytes.Equal(got, raw) {
			t.Errorf("version %s: %d bytes became %d", version, len(raw), len(got))
		}
	}
}

func TestIndexFileWithoutASum(t *testing.T) {
	raw := bytes.Clone(indexes(t)["2"])
	clear(raw[len(raw)-sumSize:])
	x, err := parseIndex(raw)
	must(t, err)
	if !bytes.Equal(x.encode(), raw) {
		t.Error("it changed")
	}
	raw[len(raw)-1] = 1
	if _, err := parseIndex(raw); err == nil {
		t.Error("a wrong sum was taken")
	}
}

func FuzzIndexFile(f *testing.F) {
	for _, raw := range indexes(f) {
		f.Add(raw[:len(raw)-sumSize])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		raw := append(bytes.Clone(body), make([]byte, sumSize)...) // not summed
		x, err := parseIndex(raw)
		if err != nil {
			return
		}
		x.forget([]string{"dir1/file1", "a/b/c"})
		once := x.encode()
		again, err := parseIndex(once)
		if err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
		if !bytes.Equal(again.encode(), once) || len(again.entries) != len(x.entries) {
			t.Fatal("it changes each time")
		}
	})
}

func FuzzCachedTrees(f *testing.F) {
	x, err := parseIndex(indexes(f)["2"])
	must(f, err)
	f.Add(x.extensions[0].data)
	f.Fuzz(func(t *testing.T, raw []byte) {
		tree, err := parseTrees(raw)
		if err != nil {
			return
		}
		tree.forget("dir1/file1")
		var out bytes.Buffer
		tree.encode(&out)
		if _, err := parseTrees(out.Bytes()); err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
	})
}

func FuzzCheckPath(f *testing.F) {
	for _, s := range []string{"a/b", "../a", ".git/x", "a/.GIT", "", "."} {
		f.Add(s)
	}
	c, base := tree(f)
	r := c.open()
	f.Fuzz(func(t *testing.T, name string) {
		hash, err := r.Commit(t.Context(), base, []Change{{Path: name, Content: []byte(name)}}, someone("m"))
		if err != nil {
			return
		}
		if _, err := r.Tree(hash, name); err != nil {
			t.Fatalf("it is not in the commit: %v", err)
		}
	})
}
