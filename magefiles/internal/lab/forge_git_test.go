package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checkout is a clone that a test works in.
type checkout struct {
	*testing.T
	dir string
	env []string
}

func clone(t *testing.T, url string, env ...string) checkout {
	t.Helper()
	c := checkout{t, t.TempDir(), append(env, "PATH="+os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull,
		"GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "GIT_AUTHOR_NAME=T", "GIT_AUTHOR_EMAIL=t@lab.invalid",
		"GIT_COMMITTER_NAME=T", "GIT_COMMITTER_EMAIL=t@lab.invalid")}
	c.git("clone", "--quiet", url, ".")
	return c
}

// try runs git and returns its output.
func (c checkout) try(args ...string) (string, error) {
	cmd := exec.CommandContext(c.Context(), "git", args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (c checkout) git(args ...string) string {
	c.Helper()
	out, err := c.try(args...)
	if err != nil {
		c.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

// refused runs git, which must fail with the reason.
func (c checkout) refused(why string, args ...string) {
	c.Helper()
	if out, err := c.try(args...); err == nil || !strings.Contains(out, why) {
		c.Errorf("git %s: %v: %s; want a failure that says %q", strings.Join(args, " "), err, out, why)
	}
}

func (c checkout) commit() string {
	c.Helper()
	c.git("commit", "--quiet", "--allow-empty", "-m", "work")
	return c.git("rev-parse", "HEAD")
}

// at is the commit of a ref on the forge, read from the forge itself; "" if there is none.
func (c checkout) at(ref string) string {
	c.Helper()
	hash, _, _ := strings.Cut(c.git("ls-remote", "origin", ref), "\t")
	return hash
}

func TestForgePushOverHTTP(t *testing.T) {
	f := testForge(t)
	seedForge(t, f, "http")
	url := f.CloneURL(f.Owner, "http")
	c := clone(t, url, f.GitEnv(f.Owner, forgeToken(t, f, "write:repository"))...)
	commit := c.commit()
	c.git("push", "--quiet", "origin", "HEAD:main")
	if c.at("refs/heads/main") != commit {
		t.Error("main was not moved")
	}
	reader, err := f.Token(t.Context(), t.Name()+"-reader", "read:repository")
	must(t, err)
	for name, c := range map[string]checkout{
		"nobody": clone(t, url), "a token that may read": clone(t, url, f.GitEnv(f.Owner, reader)...),
	} {
		c.commit()
		if out, err := c.try("push", "origin", "HEAD:main"); err == nil {
			t.Errorf("%s could push: %s", name, out)
		}
	}
}

func TestForgePushOverSSH(t *testing.T) {
	f := testForge(t)
	keygen, err := exec.LookPath("ssh-keygen")
	if err == nil {
		_, err = exec.LookPath("ssh")
	}
	must(t, err)
	seedForge(t, f, "ssh")
	dir := t.TempDir()
	key, hosts := filepath.Join(dir, "key"), filepath.Join(dir, "known_hosts")
	if out, err := exec.CommandContext(t.Context(), keygen, "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	must(t, err)
	for range 2 { // an existing key is not an error
		must(t, f.AddKey(t.Context(), f.Owner, string(public)))
	}
	must(t, os.WriteFile(hosts, []byte(f.KnownHosts()), 0o600))
	ssh := "GIT_SSH_COMMAND=ssh -F none -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -i '" + key + "'"
	c := clone(t, f.SSHURL(f.Owner, "ssh"), ssh+" -o UserKnownHostsFile='\""+hosts+"\"'")
	commit := c.commit()
	c.git("push", "--quiet", "origin", "HEAD:main")
	if c.at("refs/heads/main") != commit {
		t.Error("main was not moved")
	}
	c.env = append(c.env, ssh+" -o UserKnownHostsFile=/dev/null")
	c.refused("Host key verification failed", "ls-remote", "origin")
}

func TestForgeProtectedBranch(t *testing.T) {
	f := testForge(t)
	seedForge(t, f, "protected")
	c := clone(t, f.CloneURL(f.Owner, "protected"), f.GitEnv(f.Owner, forgeToken(t, f, "write:repository"))...)
	_, err := f.AddUser(t.Context(), "robot")
	must(t, err)
	protect := func(pushers ...string) {
		t.Helper()
		must(t, f.Protect(t.Context(), f.Owner, "protected", "main", ProtectOptions{Pushers: pushers}))
	}
	before := c.at("refs/heads/main")
	c.commit()
	c.git("tag", "v1")
	protect()
	c.refused("protected branch", "push", "origin", "HEAD:main")
	protect("robot")
	c.refused("protected branch", "push", "origin", "HEAD:main")
	c.refused("protected branch", "push", "--atomic", "origin", "HEAD:main", "v1")
	if main, tag := c.at("refs/heads/main"), c.at("refs/tags/v1"); main != before || tag != "" {
		t.Errorf("after a push that was refused whole: main %s, tag %q", main, tag)
	}
	protect(f.Owner)
	c.git("push", "--quiet", "--atomic", "origin", "HEAD:main", "v1")
	c.git("commit", "--quiet", "--amend", "--allow-empty", "-m", "other")
	c.refused("protected from force push", "push", "--force", "origin", "HEAD:main")
}

func TestForgeWithoutAtomicPush(t *testing.T) {
	f := startForge(t, Home{}, ForgeOptions{NoAtomicPush: true})
	seedForge(t, f, "r")
	c := clone(t, f.CloneURL(f.Owner, "r"), f.GitEnv(f.Owner, forgeToken(t, f, "write:repository"))...)
	c.commit()
	c.refused("does not support --atomic", "push", "--atomic", "origin", "HEAD:main")
	c.git("push", "--quiet", "origin", "HEAD:main")
}

func TestForgeManyPushesAtOnce(t *testing.T) {
	f := testForge(t)
	seedForge(t, f, "many")
	c := clone(t, f.CloneURL(f.Owner, "many"), f.GitEnv(f.Owner, forgeToken(t, f, "write:repository"))...)
	c.commit()
	const pushes = 20
	type result struct {
		out string
		err error
	}
	results := make(chan result, pushes)
	for i := range pushes {
		go func() {
			out, err := c.try("push", "origin", "HEAD:refs/heads/b"+strings.Repeat("x", i))
			results <- result{out, err}
		}()
	}
	for range pushes {
		if r := <-results; r.err != nil {
			t.Errorf("%v: %s", r.err, r.out)
		}
	}
	if got := strings.Count(c.git("ls-remote", "--heads", "origin"), "\n") + 1; got != pushes+1 {
		t.Errorf("%d branches, want %d", got, pushes+1)
	}
}

func TestForgeSeedRepeats(t *testing.T) {
	f := testForge(t)
	first := seedForge(t, f, "seeds")
	if again := seedForge(t, f, "seeds"); again != first {
		t.Errorf("another commit: %s, %s", first, again)
	}
	if _, err := f.Seed(t.Context(), f.Owner, "seeds", t.TempDir()); err == nil || !strings.Contains(err.Error(), "other commits") {
		t.Errorf("other files: %v", err)
	}
	if _, err := f.Seed(t.Context(), f.Owner, "none", filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that is not there was seeded")
	}
}

func TestForgePushOfACheckout(t *testing.T) {
	f := testForge(t)
	seedForge(t, f, "origin")
	full := clone(t, f.CloneURL(f.Owner, "origin"))
	commit := full.commit()
	must(t, os.WriteFile(filepath.Join(full.dir, ".git", "hooks", "pre-push"), []byte("#!/bin/sh\nexit 1\n"), 0o700))
	for range 2 {
		got, err := f.Push(t.Context(), f.Organisation, "full", full.dir, "HEAD")
		if err != nil || got != commit {
			t.Fatalf("pushed %s, %v; want %s", got, err, commit)
		}
	}
	full.git("worktree", "add", "--quiet", "--detach", full.dir+"/linked")
	if got, err := f.Push(t.Context(), f.Organisation, "linked", full.dir+"/linked", "HEAD"); err != nil || got != commit {
		t.Errorf("of a linked worktree: %s, %v", got, err)
	}

	shallow := clone(t, "file://"+full.dir)
	shallow.git("fetch", "--quiet", "--depth=1", "origin")
	if shallow.git("rev-parse", "--is-shallow-repository") != "true" {
		t.Fatal("the clone is not shallow")
	}
	got, err := f.Push(t.Context(), f.Organisation, "shallow", shallow.dir, "HEAD")
	must(t, err)
	pushed := clone(t, f.CloneURL(f.Organisation, "shallow"))
	if pushed.git("rev-parse", "HEAD") != got || pushed.git("rev-parse", "HEAD^{tree}") != full.git("rev-parse", "HEAD^{tree}") {
		t.Error("the files of the shallow clone are not there")
	}
	if pushed.git("rev-list", "--count", "HEAD") != "1" {
		t.Error("more than one commit")
	}

	_, err = f.Push(t.Context(), f.Organisation, "none", full.dir, "no-such-ref")
	if err == nil || !strings.Contains(err.Error(), "no-such-ref") {
		t.Errorf("a ref that is not there: %v", err)
	}
}
