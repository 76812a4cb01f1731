package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var checkoutTime = time.Date(2026, 3, 1, 11, 30, 45, 0, time.UTC)

// whole is all of a commit.
var whole = []Part{{Path: "."}}

func (c *clone) checkOut(cache string, parts ...Part) (*CheckedOut, error) {
	c.t.Helper()
	s, err := c.open().snapshot(c.git("rev-parse", "HEAD"), true)
	must(c.t, err)
	out, err := s.CheckOut(c.t.Context(), cache, checkoutTime, parts)
	if err == nil {
		c.t.Cleanup(out.Release)
	}
	return out, err
}

// filed describes a file by mode and content.
func filed(mode fs.FileMode, content string) string { return fmt.Sprintf("%v %q", mode, content) }

// onDisk lists the content of a folder, with mistakes in its folders and times.
func onDisk(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
		must(t, err)
		rel, err := filepath.Rel(root, name)
		must(t, err)
		info, err := os.Lstat(name)
		must(t, err)
		if !info.ModTime().Equal(checkoutTime) {
			found[rel] += "time " + info.ModTime().String()
		}
		switch {
		case info.IsDir():
			if info.Mode() != fs.ModeDir|0o755 {
				found[rel] += info.Mode().String()
			}
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			must(t, err)
			found[rel] += filed(fs.ModeSymlink, target)
		default:
			content, err := os.ReadFile(name)
			must(t, err)
			found[rel] += filed(info.Mode(), string(content))
		}
		return nil
	}))
	return found
}

// inGit lists the same according to git ls-tree and git cat-file, which ignore attributes and settings.
func (c *clone) inGit() map[string]string {
	c.t.Helper()
	out, err := c.command("ls-tree", "-r", "-z", "HEAD").Output()
	must(c.t, err)
	found := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		about, name, _ := strings.Cut(line, "\t")
		fields := strings.Fields(about)
		content, err := c.command("cat-file", "blob", fields[2]).Output()
		must(c.t, err)
		mode := map[string]fs.FileMode{"100644": 0o644, "100755": 0o755, "120000": fs.ModeSymlink}[fields[0]]
		found[name] = filed(mode, string(content))
	}
	return found
}

func sameFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%q is %s; git has %s", name, got[name], w)
		}
	}
	for name, g := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%q is %s; git does not have it", name, g)
		}
	}
}

// randomTree writes files of all kinds, with names and contents that settings and attributes affect.
func (c *clone) randomTree(random *rand.Rand) {
	c.t.Helper()
	names := []string{"a", "Ünï code", "b\"q", "tab\there", "back\\slash", "new\nline", "x.sh", "-f", "deep/er/f", "deep/g.txt", "é/è"}
	contents := []string{"", "lf\n", "crlf\r\nlf\n", "$Id$ $Format:%H$\n", "\x00\x01binary\r\n", strings.Repeat("long ", 3000), "no end"}
	for _, name := range names {
		if random.IntN(4) == 0 {
			continue
		}
		c.write(name, contents[random.IntN(len(contents))])
		mode := []fs.FileMode{0o644, 0o755, 0o600, 0o664}[random.IntN(4)]
		must(c.t, os.Chmod(filepath.Join(c.dir, name), mode))
	}
	for i, target := range []string{"a", "../out", "/etc/passwd", "nowhere", "deep"} {
		if random.IntN(2) == 0 {
			must(c.t, os.Symlink(target, filepath.Join(c.dir, fmt.Sprint("link", i))))
		}
	}
	c.write("always", "x\n")
	c.commit("random")
}

// TestCheckOutIsTheCommit has clones whose settings, filters, umask and work tree would give other files for the same
// commit.
func TestCheckOutIsTheCommit(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	for seed := range uint64(6) {
		c := newClone(t)
		c.randomTree(rand.New(rand.NewPCG(seed, 1)))
		if seed > 2 {
			c.write(".gitattributes", "* text eol=crlf ident export-subst filter=up\n*.txt export-ignore\n")
			c.commit("attributes")
		}
		for _, setting := range []string{"core.autocrlf=true", "core.fileMode=false", "filter.up.smudge=tr a-z A-Z", "filter.up.clean=cat"} {
			key, value, _ := strings.Cut(setting, "=")
			c.git("config", key, value)
		}
		if seed%2 == 0 {
			c.git("gc", "-q")
		}
		want := c.inGit()
		c.write("ignored", "x")
		c.write(".git/info/exclude", "ignored\n")
		c.write("always", "changed")
		out, err := c.checkOut(t.TempDir(), whole...)
		must(t, err)
		sameFiles(t, onDisk(t, out.Root), want)
	}
}

// TestCheckOutIsCheckedBeforeItIsUsedAgain damages a kept checkout in all ways except its times.
func TestCheckOutIsCheckedBeforeItIsUsedAgain(t *testing.T) {
	c, cache := newClone(t), t.TempDir()
	c.write("d/f", "content")
	c.write("e", "")
	must(t, os.Symlink("e", filepath.Join(c.dir, "l")))
	c.commit("one")
	first, err := c.checkOut(cache, whole...)
	must(t, err)
	first.Release()
	before, err := os.Stat(first.Root)
	must(t, err)
	again, err := c.checkOut(cache, whole...)
	must(t, err)
	again.Release()
	if after, err := os.Stat(again.Root); err != nil || !os.SameFile(before, after) {
		t.Errorf("unchanged files were written again: %v", err)
	}
	at := func(name string) string { return filepath.Join(first.Root, name) }
	for name, damage := range map[string]func() error{
		"content":    func() error { return os.WriteFile(at("d/f"), []byte("CONTENT"), 0o600) },
		"mode":       func() error { return os.Chmod(at("d/f"), 0o755) },
		"gone":       func() error { return os.Remove(at("e")) },
		"more":       func() error { return os.WriteFile(at("more"), nil, 0o600) },
		"folder":     func() error { return os.Mkdir(at("d/new"), 0o755) },
		"link":       func() error { return errors.Join(os.Remove(at("l")), os.Symlink("d", at("l"))) },
		"time":       func() error { return os.Chtimes(at("e"), time.Now(), time.Now()) },
		"half":       func() error { return os.RemoveAll(at("d")) },
		"all":        func() error { return os.RemoveAll(first.Root) },
		"left there": func() error { return os.MkdirAll(filepath.Dir(first.Root)+".new/files", 0o755) },
	} {
		must(t, damage())
		for _, n := range []string{"d/f", "d", "e", "more", "d/new", "."} {
			if name != "time" {
				_ = setTime(at(n), checkoutTime)
			}
		}
		out, err := c.checkOut(cache, whole...)
		must(t, err)
		sameFiles(t, onDisk(t, out.Root), c.inGit())
		out.Release()
		if t.Failed() {
			t.Fatalf("after damage: %s", name)
		}
	}
}

// TestCheckOutsAreFew checks that the last checkouts, and those in use, are kept.
func TestCheckOutsAreFew(t *testing.T) {
	c, cache := newClone(t), t.TempDir()
	c.write("f", "x")
	s, err := c.open().snapshot(c.commit("one"), true)
	must(t, err)
	var used *CheckedOut
	for n := range keptCheckouts + 6 {
		out, err := s.CheckOut(t.Context(), cache, checkoutTime.Add(time.Duration(n)*time.Second), whole)
		must(t, err)
		if n == 0 {
			used = out
			defer used.Release()
			past := time.Now().Add(-time.Hour)
			must(t, os.Chtimes(filepath.Dir(out.Root)+".lock", past, past))
			continue
		}
		out.Release()
	}
	if _, err := os.Stat(filepath.Join(used.Root, "f")); err != nil {
		t.Errorf("one in use was removed: %v", err)
	}
	if places, err := filepath.Glob(filepath.Join(cache, "*", "files")); err != nil || len(places) != keptCheckouts+1 {
		t.Errorf("%d are kept", len(places))
	}
}

// TestCheckOutOfParts checks out only the files that a build needs, with the targets of links.
func TestCheckOutOfParts(t *testing.T) {
	c := newClone(t)
	c.write("app/main.go", "main")
	c.write("app/main_test.go", "test")
	c.write("lib/lib.go", "lib")
	c.write("lib/notes.md", "notes")
	c.write("other/f", "f")
	c.write("real/r.go", "r")
	c.write("shared/s.go", "s")
	must(t, os.Symlink("../shared/s.go", filepath.Join(c.dir, "app/linked.go")))
	must(t, os.Symlink("real", filepath.Join(c.dir, "way")))
	c.commit("one")
	goFiles := func(name string) bool { return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") }
	out, err := c.checkOut(t.TempDir(),
		Part{Path: "app", Needed: goFiles, Links: true}, Part{Path: "lib/lib.go", Links: true}, Part{Path: "way", Needed: goFiles, Links: true}, Part{Path: "absent"})
	must(t, err)
	sameFiles(t, onDisk(t, out.Root), map[string]string{
		"app/main.go": filed(0o644, "main"), "app/linked.go": filed(fs.ModeSymlink, "../shared/s.go"), "shared/s.go": filed(0o644, "s"),
		"lib/lib.go": filed(0o644, "lib"), "way": filed(fs.ModeSymlink, "real"), "real/r.go": filed(0o644, "r"),
	})
}

// TestCheckOutStaysInside has trees that git's own commands would not make, and checks out those that git checks out.
func TestCheckOutStaysInside(t *testing.T) {
	refused := 0
	for _, name := range []string{"..", ".git", ".GIT", "git~1", ".", ".git ", ".git.. .", "git~1.", ".git:x", `.git\x`, "...", " ", ". ", "..a", ".gitx", "git~2", "a:b", `a\b`} {
		c := newClone(t)
		blob := c.git("hash-object", "-w", "--stdin")
		cmd := c.command("mktree")
		cmd.Stdin = strings.NewReader("100644 blob " + blob + "\t" + name + "\n")
		out, err := cmd.Output()
		must(t, err)
		c.git("reset", "-q", "--soft", c.git("commit-tree", "-m", "hostile", strings.TrimSpace(string(out))))
		git := c.command("reset", "-q", "--hard").Run()
		if git != nil {
			refused++
		}
		if _, err := c.checkOut(t.TempDir(), whole...); (err == nil) != (git == nil) || err != nil && !errors.Is(err, ErrPath) {
			t.Errorf("%q: %v; git: %v", name, err, git)
		}
	}
	if refused < 5 {
		t.Errorf("git refused %d names", refused)
	}
}

// TestCheckOutOfDamagedObjects has an object with the content of another, which only its hash reveals.
func TestCheckOutOfDamagedObjects(t *testing.T) {
	c, cache := newClone(t), t.TempDir()
	c.write("a", "aaaa")
	c.write("b", "bbbb")
	c.commit("one")
	object := func(name string) string {
		hash := c.git("rev-parse", "HEAD:"+name)
		return filepath.Join(c.dir, ".git/objects", hash[:2], hash[2:])
	}
	other, err := os.ReadFile(object("b"))
	must(t, err)
	must(t, errors.Join(os.Remove(object("a")), os.WriteFile(object("a"), other, 0o600)))
	if _, err := c.checkOut(cache, whole...); err == nil || !strings.Contains(err.Error(), "git fsck") {
		t.Errorf("%v", err)
	}
	if kept, err := filepath.Glob(filepath.Join(cache, "*", "files")); err != nil || len(kept) > 0 {
		t.Errorf("kept %q, %v", kept, err)
	}
}

func TestCheckOutAtOnce(t *testing.T) {
	t.Parallel()
	c, cache := newClone(t), t.TempDir()
	c.write("d/f", "content")
	c.commit("one")
	failed := make(chan error, 8)
	hash := c.git("rev-parse", "HEAD")
	for range cap(failed) {
		go func() {
			s, err := c.open().snapshot(hash, true)
			if err != nil {
				failed <- err
				return
			}
			out, err := s.CheckOut(t.Context(), cache, checkoutTime, whole)
			if err == nil {
				_, err = os.ReadFile(filepath.Join(out.Root, "d/f"))
				out.Release()
			}
			failed <- err
		}()
	}
	for range cap(failed) {
		must(t, <-failed)
	}
}

// TestIsLargeAsGitSaysSo compares with git check-attr.
func TestIsLargeAsGitSaysSo(t *testing.T) {
	c := newClone(t)
	for name, text := range map[string]string{
		".gitattributes": "[attr]big filter=lfs diff=lfs -text\n*.bin filter=lfs diff=lfs merge=lfs -text\n/top.dat big\n\"with space.x\" filter=lfs\n" +
			"data/** filter=lfs\ndata/small/* -filter\n# *.md filter=lfs\n!*.no filter=lfs\nfolder/ filter=lfs\n*.both filter=lfs filter=other\n*.crlf filter=lfs\r\n",
		"sub/.gitattributes":      "*.bin !filter\nkept.bin filter=lfs\n*.other filter=other\n[attr]late filter=lfs\n*.late late\n",
		"sub/deep/.gitattributes": "x* filter=lfs\nxy* filter\n",
	} {
		c.write(name, text)
	}
	names := []string{
		"a.bin", "top.dat", "sub/top.dat", "with space.x", "data/x", "data/deep/x", "data/small/x", "a.md", "a.no", "folder/x", "a.both", "a.crlf",
		"sub/a.bin", "sub/kept.bin", "sub/a.other", "sub/a.late", "sub/deep/x", "sub/deep/xy", "sub/deep/a.bin", "plain",
	}
	for _, name := range names {
		c.write(name, "x")
	}
	c.commit("one")
	s, err := c.open().snapshot(c.git("rev-parse", "HEAD"), true)
	must(t, err)
	large := 0
	for _, name := range names {
		n, err := s.find("open", name, true)
		must(t, err)
		got, err := s.isLarge(n)
		must(t, err)
		want := strings.HasSuffix(c.git("check-attr", "filter", "--", name), "filter: lfs")
		if got != want {
			t.Errorf("%s: %t, git says %t", name, got, want)
		}
		if want {
			large++
		}
	}
	if large < 6 || large > len(names)-6 {
		t.Errorf("%d of %d files are large", large, len(names))
	}
}

// pointerTo stores a file as Git LFS does, and returns the pointer.
func (c *clone) pointerTo(content string) string {
	c.t.Helper()
	cmd := exec.Command("sha256sum")
	cmd.Stdin = strings.NewReader(content)
	out, err := cmd.Output()
	must(c.t, err)
	sum := string(out[:64])
	c.write(".git/lfs/objects/"+sum[:2]+"/"+sum[2:4]+"/"+sum, content)
	return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", sum, len(content))
}

func TestCheckOutOfLargeFiles(t *testing.T) {
	c, cache := newClone(t), t.TempDir()
	c.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
	c.write("app/a.bin", c.pointerTo(strings.Repeat("large", 500)))
	c.write("app/text", c.pointerTo("no attribute says that it is large"))
	c.write("other/b.bin", c.pointerTo("elsewhere"))
	c.commit("large")
	out, err := c.checkOut(cache, Part{Path: "app"})
	must(t, err)
	want := map[string]string{"app/a.bin": filed(0o644, strings.Repeat("large", 500)), "app/text": c.inGit()["app/text"]}
	sameFiles(t, onDisk(t, out.Root), want)
	out.Release()
	must(t, os.WriteFile(filepath.Join(out.Root, "app/a.bin"), []byte(c.git("show", "HEAD:app/a.bin")+"\n"), 0o600)) // the pointer itself is not written
	out, err = c.checkOut(cache, Part{Path: "app"})
	must(t, err)
	sameFiles(t, onDisk(t, out.Root), want)
	objects := filepath.Join(c.dir, ".git/lfs/objects")
	damaged, err := filepath.Glob(filepath.Join(objects, "*/*/*"))
	must(t, err)
	for _, name := range damaged {
		info, err := os.Stat(name)
		must(t, err)
		must(t, os.WriteFile(name, []byte(strings.Repeat("x", int(info.Size()))), 0o600))
	}
	if _, err := c.checkOut(t.TempDir(), Part{Path: "app"}); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("damaged: %v", err)
	}
	must(t, os.RemoveAll(objects))
	out, err = c.checkOut(t.TempDir(), Part{Path: "app", Needed: func(name string) bool { return name != "app/a.bin" }, All: true})
	must(t, err)
	sameFiles(t, onDisk(t, out.Root), map[string]string{"app/a.bin": c.inGit()["app/a.bin"], "app/text": c.inGit()["app/text"]})
	s, err := c.open().snapshot(c.git("rev-parse", "HEAD"), true)
	must(t, err)
	_, outErr := c.checkOut(t.TempDir(), Part{Path: "app"})
	_, readErr := fs.ReadFile(s, "app/a.bin")
	for what, err := range map[string]error{"check": s.Check(t.Context(), []Part{{Path: "app"}}), "check out": outErr, "read": readErr} {
		var missing *MissingError
		if !errors.As(err, &missing) || missing.Path != "app/a.bin" || !strings.Contains(missing.Hint(), `git lfs fetch --include="app/a.bin"`) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestCheckOutOfSubmodules finds the recorded commits of submodules, even if another commit is checked out there.
func TestCheckOutOfSubmodules(t *testing.T) {
	inner, lib, c := newClone(t), newClone(t), newClone(t)
	inner.write("i", "inner")
	inner.commit("one")
	lib.write("f", "old")
	add := []string{"-c", "protocol.file.allow=always", "submodule", "--quiet", "add"}
	lib.git(append(add, inner.dir, "in")...)
	recorded := lib.commit("one")
	c.git(append(add, "--name", "odd name", lib.dir, "app/sub")...)
	c.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive")
	c.write("app/own", "own")
	c.write("free/f", "free")
	c.commit("with a submodule")
	sub := c.at(filepath.Join(c.dir, "app/sub"))
	sub.write("f", "new")
	sub.write("untracked", "x")
	want := map[string]string{
		"app/own": filed(0o644, "own"), "app/sub/f": filed(0o644, "old"), "app/sub/in/i": filed(0o644, "inner"),
		"app/sub/.gitmodules": filed(0o644, lib.git("show", recorded+":.gitmodules")+"\n"),
	}
	for _, state := range []func(){
		func() {}, // checked out, and changed
		func() { sub.commit("moved on") },
		func() { c.git("submodule", "--quiet", "deinit", "--all", "-f") },
	} {
		state()
		out, err := c.checkOut(t.TempDir(), Part{Path: "app"})
		must(t, err)
		sameFiles(t, onDisk(t, out.Root), want)
	}
	linked := c.at(filepath.Join(t.TempDir(), "linked"))
	c.git("worktree", "add", "-q", linked.dir)
	out, err := linked.checkOut(t.TempDir(), Part{Path: "app"})
	must(t, err)
	sameFiles(t, onDisk(t, out.Root), want)
	bare := newClone(t)
	must(t, os.RemoveAll(bare.dir))
	bare.at("/").git("clone", "-q", c.dir, bare.dir)
	s, err := bare.open().snapshot(bare.git("rev-parse", "HEAD"), true)
	must(t, err)
	_, outErr := bare.checkOut(t.TempDir(), Part{Path: "app"})
	_, readErr := fs.ReadDir(s, "app/sub")
	for what, err := range map[string]error{"check": s.Check(t.Context(), []Part{{Path: "app/sub/f"}}), "check out": outErr, "read": readErr} {
		var missing *MissingError
		if !errors.As(err, &missing) || missing.Path != "app/sub" || !strings.Contains(missing.Error(), recorded) || !strings.Contains(missing.Hint(), "git submodule update --init") {
			t.Errorf("%s: %v", what, err)
		}
	}
	out, err = bare.checkOut(t.TempDir(), Part{Path: "free"}, Part{Path: "app", All: true, Needed: func(name string) bool { return name == "app/own" }})
	must(t, err)
	sameFiles(t, onDisk(t, out.Root), map[string]string{"free/f": filed(0o644, "free"), "app/own": filed(0o644, "own")})
	if info, err := os.Stat(filepath.Join(out.Root, "app/sub")); err != nil || !info.IsDir() {
		t.Errorf("git leaves an empty folder: %v", err)
	}
}
