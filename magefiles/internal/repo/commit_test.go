package repo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tree is a checkout with one of each kind of file.
func tree(t testing.TB) (c *clone, base string) {
	c = newClone(t)
	c.write("CHANGELOG.md", "# Changelog\n")
	c.write("changelog.d/1.feature.md", "One\n")
	c.write("changelog.d/2.bugfix.md", "Two\n")
	c.write("run", "#!/bin/sh\n")
	must(t, os.Chmod(filepath.Join(c.dir, "run"), 0o755))
	c.write("docs/a.md", "a\n")
	c.write("docs/deep/er/b.md", "b\n")
	c.write("docs.md", "sorts between docs and docs/\n")
	must(t, os.Symlink("docs/a.md", filepath.Join(c.dir, "link")))
	must(t, os.Symlink("deep", filepath.Join(c.dir, "docs", "way")))
	must(t, os.Symlink("../..", filepath.Join(c.dir, "docs", "out")))
	return c, c.commit("base")
}

func TestCommit(t *testing.T) {
	c, base := tree(t)
	r := c.open()
	changes := []Change{
		{Path: "changelog.d/1.feature.md", Delete: true},
		{Path: "changelog.d/2.bugfix.md", Delete: true},
		{Path: "CHANGELOG.md", Content: []byte("# Changelog\n\nnew\n")},
		{Path: "run", Content: []byte("#!/bin/sh\ntrue\n")},
		{Path: "new/er/x", Content: []byte("x")},
		{Path: "docs/deep/er/c.md", Content: nil},
		{Path: "docs/out", Delete: true},
	}
	o := someone("\nRelease v1.2.3 [skip ci]\n\nbody\n\n")
	hash, err := r.Commit(t.Context(), base, changes, o)
	must(t, err)
	// git makes the same commit with its own commands.
	c.git("rm", "-q", "-r", "changelog.d", "docs/out")
	c.write("CHANGELOG.md", "# Changelog\n\nnew\n")
	must(t, os.WriteFile(filepath.Join(c.dir, "run"), []byte("#!/bin/sh\ntrue\n"), 0o755))
	c.write("new/er/x", "x")
	c.write("docs/deep/er/c.md", "")
	c.git("add", "-A")
	if got, want := c.git("rev-parse", hash+"^{tree}"), c.git("write-tree"); got != want {
		t.Errorf("tree %s, git makes %s\n%s", got, want, c.git("diff-tree", "-r", want, got))
	}
	want := "tree " + c.git("write-tree") + "\nparent " + base + "\nauthor Release Bot <bot@example.org> 1772967600 +0100\n" +
		"committer Release Bot <bot@example.org> 1772967600 +0100\n\nRelease v1.2.3 [skip ci]\n\nbody"
	if got := c.git("cat-file", "commit", hash); got != want {
		t.Errorf("commit\n%s\nwant\n%s", got, want)
	}
	again, err := c.open().Commit(t.Context(), base, changes, o)
	if err != nil || again != hash {
		t.Errorf("again: %s, %v", again, err)
	}
	if head := c.git("rev-parse", "HEAD"); head != base {
		t.Error("HEAD has moved")
	}
	c.git("reset", "-q", "--hard", hash)
	sound(t, c)
}

func TestCommitRefuses(t *testing.T) {
	c, _ := tree(t)
	c.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--force", c.dir, "sub")
	base := c.commit("submodule")
	r := c.open()
	write := func(path string) Change { return Change{Path: path, Content: []byte("x")} }
	for name, changes := range map[string][]Change{
		"leaves": {write("../x")}, "absolute": {write("/x")}, "empty": {write("")}, "root": {write(".")}, "dot": {write("a/./b")},
		"slash": {write("a/")}, "git": {write("a/.GIT/config")}, "git with dot": {write(".git./x")}, "short git": {write("GIT~1/x")},
		"zero": {write("a\x00b")}, "backslash": {write(`a\..\b`)},
		"folder": {write("docs")}, "folder deleted": {{Path: "docs", Delete: true}}, "below a file": {write("run/x")},
		"below a link": {write("docs/way/er/b.md")}, "link": {write("link")}, "submodule": {write("sub")}, "in a submodule": {write("sub/x")},
		"submodule deleted": {{Path: "sub", Delete: true}},
		"not there":         {{Path: "docs/none.md", Delete: true}}, "not there, new folder": {{Path: "none/none.md", Delete: true}},
		"twice": {write("x"), write("x")}, "file and folder": {write("x"), write("x/y")}, "folder and file": {write("x/y"), write("x")},
	} {
		if hash, err := r.Commit(t.Context(), base, changes, someone("m")); !errors.Is(err, ErrPath) {
			t.Errorf("%s: %s, %v", name, hash, err)
		}
	}
	for name, changes := range map[string][]Change{"nothing": nil, "the same": {{Path: "docs/a.md", Content: []byte("a\n")}}} {
		if _, err := r.Commit(t.Context(), base, changes, someone("m")); !errors.Is(err, ErrUnchanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, o := range map[string]CommitOptions{
		"no message": {Name: "a", Email: "b", When: time.Now()}, "no name": {Message: "m", Email: "b", When: time.Now()},
		"name": {Message: "m", Name: "a\nb", Email: "b", When: time.Now()}, "email": {Message: "m", Name: "a", Email: "<b>", When: time.Now()},
		"no time": {Message: "m", Name: "a", Email: "b"}, "zero": {Message: "m\x00", Name: "a", Email: "b", When: time.Now()},
	} {
		if _, err := r.Commit(t.Context(), base, []Change{write("x")}, o); err == nil {
			t.Errorf("%s: it was committed", name)
		}
	}
	if _, err := r.Commit(t.Context(), strings.Repeat("1", 40), []Change{write("x")}, someone("m")); !errors.Is(err, ErrUnknownCommit) {
		t.Errorf("unknown base: %v", err)
	}
}

func TestSigned(t *testing.T) {
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		c, base := tree(t)
		private, public := sshKey(t, kind)
		signer, err := ParseSigner(private)
		must(t, err)
		allowed := filepath.Join(c.home, "allowed")
		must(t, os.WriteFile(allowed, []byte("bot@example.org "+public+"\n"), 0o600))
		c.git("config", "gpg.ssh.allowedSignersFile", allowed)
		o := someone("signed")
		o.Signer = signer
		r := c.open()
		changes := []Change{{Path: "x", Content: []byte("x")}}
		commit, err := r.Commit(t.Context(), base, changes, o)
		must(t, err)
		if said := verified(c, "verify-commit", commit); !strings.Contains(said, `Good "git" signature for bot@example.org`) {
			t.Errorf("%s: %s", kind, said)
		}
		tag, err := r.Tag(t.Context(), "v1.0.0", commit, o)
		must(t, err)
		c.git("update-ref", "refs/tags/v1.0.0", tag)
		if said := verified(c, "verify-tag", "v1.0.0"); !strings.Contains(said, `Good "git" signature for bot@example.org`) {
			t.Errorf("%s: %s", kind, said)
		}
		if again, err := r.Commit(t.Context(), base, changes, o); kind != "ecdsa" && (err != nil || again != commit) {
			t.Errorf("%s: again: %s, %v", kind, again, err)
		}
		sound(t, c)
	}
}

func verified(c *clone, command, object string) string {
	out, _ := c.command(command, "-v", object).CombinedOutput()
	return string(out)
}

func TestSigningKeyRefused(t *testing.T) {
	for _, bad := range []string{"", "hunter2-canary", "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary\n-----END OPENSSH PRIVATE KEY-----\n"} {
		if _, err := ParseSigner([]byte(bad)); !errors.Is(err, ErrKey) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	file := filepath.Join(t.TempDir(), "key")
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", file)
	private, err := os.ReadFile(file)
	must(t, err)
	if _, err := ParseSigner(private); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "passphrase") {
		t.Errorf("with a passphrase: %v", err)
	}
}

func TestTag(t *testing.T) {
	c, base := tree(t)
	r := c.open()
	o := someone("v1.2.3")
	got, err := r.Tag(t.Context(), "v1.2.3", base, o)
	must(t, err)
	cmd := c.command("tag", "-a", "-m", "v1.2.3", "v1.2.3", base)
	cmd.Env = append(cmd.Env, "GIT_COMMITTER_NAME=Release Bot", "GIT_COMMITTER_EMAIL=bot@example.org", "GIT_COMMITTER_DATE=2026-03-08T12:00:00+01:00")
	must(t, cmd.Run())
	if want := c.git("rev-parse", "refs/tags/v1.2.3"); got != want {
		t.Errorf("tag %s, git makes %s", got, want)
	}
	for _, name := range []string{"", "-x", "a b", "a..b", "x.lock", "a\nb"} {
		if _, err := r.Tag(t.Context(), name, base, o); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
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
