package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// worker releases in a checkout, repeatedly, until it is killed or has made the given number of releases; 0 is no
// limit.
func worker(dir, name string, most int) error {
	ctx := context.Background()
	r, err := Open(dir)
	if err != nil {
		return err
	}
	m, err := r.Remote(RemoteOptions{})
	if err != nil {
		return err
	}
	made := 0
	for n := 0; most == 0 || made < most; n++ {
		base, err := m.Fetch(ctx, "main")
		if err != nil {
			return err
		}
		if err := toCommit(ctx, r, base.Hash); err != nil { // the state in which the previous one was killed
			return err
		}
		err = release(ctx, r, m, base.Hash, fmt.Sprintf("%s.%d", name, n))
		if err != nil && !errors.Is(err, ErrRace) { // another was faster, or the server was still busy with the push of the previous one
			return err
		}
		if err == nil {
			made++
		}
	}
	return nil
}

// toCommit moves the checkout to a commit of main.
func toCommit(ctx context.Context, r *Repo, to string) error {
	head, err := r.Head()
	if err != nil {
		return err
	}
	if why, err := r.FastForward(ctx, "main", head.Hash, to); err != nil || why != "" {
		return fmt.Errorf("forward: %q %w", why, err)
	}
	return nil
}

func release(ctx context.Context, r *Repo, m *Remote, base, name string) error {
	o := someone("release " + name)
	changes := []Change{{Path: "notes/" + name + ".md", Content: []byte(strings.Repeat(name+"\n", 2000))}, {Path: "newest", Content: []byte(name)}}
	commit, err := r.Commit(ctx, base, changes, o)
	if err != nil {
		return err
	}
	object, err := r.Tag(ctx, "v"+name, commit, o)
	if err != nil {
		return err
	}
	if err := m.Push(ctx, PushOptions{Branch: "main", Old: base, New: commit, Tag: "v" + name, TagHash: object}); err != nil {
		return err
	}
	return toCommit(ctx, r, commit)
}

// someone is the committer of tests.
func someone(message string) CommitOptions {
	return CommitOptions{Message: message, Name: "Release Bot", Email: "bot@example.org", When: time.Date(2026, 3, 8, 12, 0, 0, 0, time.FixedZone("", 3600))}
}

// TestKilled kills a program that releases, at any moment, and expects sound repositories on both sides, and the next run to
// continue.
func TestKilled(t *testing.T) {
	testenv.Slow(t, "kills a program many times")
	const kills = 25
	remote, c := forge(t)
	released := 0
	for n := 0; n < kills || released < kills; n++ {
		if n == 10*kills {
			t.Fatalf("only %d releases in %d runs", released, n)
		}
		self, err := os.Executable()
		must(t, err)
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), "REPO_TEST_WORKER="+c.dir, fmt.Sprintf("REPO_TEST_NAME=k%d", n))
		var said strings.Builder
		cmd.Stderr = &said
		must(t, cmd.Start())
		time.Sleep(time.Duration(60+n*13) * time.Millisecond) // not for readiness: to kill at a different moment each time
		must(t, cmd.Process.Kill())
		if err := cmd.Wait(); err == nil || said.Len() > 0 {
			t.Fatalf("kill %d: it ended by itself: %v: %s", n, err, said.String())
		}
		sound(t, c.at(remote))
		sound(t, c)
		released = len(strings.Fields(c.at(remote).git("tag", "--list")))
	}
	for _, tag := range releases(t, c.at(remote)) {
		c.at(remote).git("merge-base", "--is-ancestor", tag+"^{commit}", "main")
	}
	must(t, toCommit(t.Context(), c.open(), c.at(remote).git("rev-parse", "main")))
	if left := c.status(); len(left) > 0 {
		t.Errorf("after the last run: %q", left)
	}
	for _, pattern := range []string{"*.lock", "refs/*/*.lock"} {
		if locks, _ := filepath.Glob(filepath.Join(c.dir, ".git", pattern)); len(locks) > 0 {
			t.Errorf("locks: %q", locks)
		}
	}
}

// releases are the tags of a remote, one for each commit but the first. A server that outlives a client's kill may still be busy with a push.
func releases(t *testing.T, far *clone) []string {
	t.Helper()
	const tries = 50
	for n := 1; ; n++ {
		tags, commits := strings.Fields(far.git("tag", "--list")), far.git("rev-list", "--count", "--first-parent", "main")
		if commits == fmt.Sprint(len(tags)+1) {
			return tags
		}
		if n == tries {
			t.Fatalf("%s commits, %d releases", commits, len(tags))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestManyAtOnce has several programs release concurrently, each in its own clone, which git packs meanwhile.
func TestManyAtOnce(t *testing.T) {
	testenv.Slow(t, "has several programs release")
	const programs, each = 3, 4
	remote, seed := forge(t)
	self, err := os.Executable()
	must(t, err)
	var group sync.WaitGroup
	var clones []*clone
	for n := range programs {
		c := seed.at(filepath.Join(t.TempDir(), "clone"))
		seed.git("clone", "-q", "--no-local", remote, c.dir)
		clones = append(clones, c)
		done := make(chan struct{})
		group.Go(func() {
			defer close(done)
			cmd := exec.CommandContext(t.Context(), self)
			cmd.Env = append(os.Environ(), "REPO_TEST_WORKER="+c.dir, fmt.Sprintf("REPO_TEST_NAME=p%d", n), fmt.Sprint("REPO_TEST_RELEASES=", each))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("program %d: %v: %s", n, err, out)
			}
		})
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if out, err := c.command("gc", "-q").CombinedOutput(); err != nil && !strings.Contains(string(out), "lock") { // whose lock the program held
					t.Errorf("git gc: %v: %s", err, out)
					return
				}
			}
		})
	}
	group.Wait()
	far := seed.at(remote)
	if tags := releases(t, far); len(tags) != programs*each {
		t.Errorf("%d releases: %q", len(tags), tags)
	}
	for _, c := range append(clones, far) {
		sound(t, c)
	}
}

// sound expects that git finds no error. Objects without a reference are no error. A server that outlives a client's kill may still be moving
// objects into place for some seconds.
func sound(t *testing.T, c *clone) {
	t.Helper()
	const tries = 50
	for n := 1; ; n++ {
		out, err := c.command("fsck", "--full", "--strict", "--no-dangling").CombinedOutput()
		said := string(out)
		if err == nil && !strings.Contains(said, "error") && !strings.Contains(said, "missing") && !strings.Contains(said, "broken") {
			return
		}
		if n == tries {
			t.Fatalf("git fsck in %s: %v\n%s", c.dir, err, said)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
