package gitremote

import (
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust/trusttest"
)

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// repository is root/repo.git with one commit.
func repository(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	work := filepath.Join(root, "work")
	git(t, root, "init", "-q", "-b", "main", work)
	if err := os.WriteFile(filepath.Join(work, "file"), []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	git(t, work, "add", ".")
	git(t, work, "commit", "-q", "-m", "one")
	git(t, root, "clone", "-q", "--bare", work, "repo.git")
	return root
}

func TestACheckoutWithAuthorities(t *testing.T) {
	root := repository(t)
	backend := filepath.Join(git(t, root, "--exec-path"), "git-http-backend")
	server, file := trusttest.Server(t, trusttest.None, &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}})
	all := filepath.Join(t.TempDir(), "all.pem")
	if err := WriteAuthorities(all, file); err != nil {
		t.Fatal(err)
	}
	r := Remote{URL: server.URL + "/repo.git", Authorities: all}
	refs, err := r.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head, err := refs.Lookup("HEAD")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := Store{t.TempDir()}.Checkout(t.Context(), r, Wanted{Ref: head, Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(text) != "content" {
		t.Errorf("got %q, %v", text, err)
	}
	r.Authorities = ""
	if _, err := r.List(t.Context()); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("the list without the authority: %v", err)
	}
	if _, err := (Store{t.TempDir()}).Checkout(t.Context(), r, Wanted{Ref: head, Depth: 1}); !errors.Is(err, ErrCertificate) {
		t.Errorf("the checkout without the authority: %v", err)
	}
}

// Many processes, here goroutines, use a store at once. What nobody used for long is removed.
func TestTheStoreIsShared(t *testing.T) {
	root := repository(t)
	commit := git(t, filepath.Join(root, "work"), "rev-parse", "HEAD")
	remote, store := Remote{URL: "file://" + filepath.Join(root, "repo.git")}, Store{t.TempDir()}
	checkout := func(r Remote, depth int) string {
		t.Helper()
		dir, err := store.Checkout(t.Context(), r, Wanted{Ref: Ref{SHA: commit}, Depth: depth})
		if err != nil {
			t.Error(err)
		}
		return dir
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() { checkout(remote, i%3) })
	}
	all.Wait()
	old, other := checkout(remote, 1), Remote{URL: remote.URL + "/"}
	mirror := filepath.Dir(filepath.Dir(checkout(other, 1)))
	past := time.Now().Add(-40 * 24 * time.Hour)
	for _, path := range []string{old + ".used", filepath.Join(mirror, "lock")} {
		if err := os.Chtimes(path, past, past); err != nil {
			t.Fatal(err)
		}
	}
	current := checkout(remote, 2)
	for path, want := range map[string]bool{old: false, mirror: false, current: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it to exist: %t", path, err, want)
		}
	}
	if freed := store.Prune(); freed != 0 {
		t.Errorf("%d bytes that are in use are freed", freed)
	}
	if err := os.Chtimes(filepath.Join(filepath.Dir(filepath.Dir(current)), "lock"), past, past); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if freed := store.Prune(); freed == 0 {
			t.Error("nothing is freed")
		}
		if left, _ := filepath.Glob(filepath.Join(store.Dir, "*")); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	}()
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(current), ".checkout-*")); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// A repository of an unknown origin must not give access to another one on this machine.
func TestIsolate(t *testing.T) {
	root := repository(t)
	secret := git(t, filepath.Join(root, "work"), "rev-parse", "HEAD")
	for name, plant := range map[string]func(dir string) error{
		"alternates": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "objects/info/alternates"), []byte(filepath.Join(root, "repo.git/objects")+"\n"), 0o644)
		},
		"common folder": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "commondir"), []byte(filepath.Join(root, "repo.git")), 0o644)
		},
		"linked objects": func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "objects")), os.Symlink(filepath.Join(root, "repo.git/objects"), filepath.Join(dir, "objects")))
		},
		"a command": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "config"), []byte("[core]\n\tbare = true\n[uploadpack]\n\tpackObjectsHook = touch "+filepath.Join(root, "ran")+"\n"), 0o644)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "other.git")
			git(t, root, "init", "-q", "--bare", dir)
			if err := plant(dir); err != nil {
				t.Fatal(err)
			}
			if err := Isolate(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Join(dir, "objects"), 0o755); err != nil {
				t.Fatal(err)
			}
			if _, err := (Store{t.TempDir()}).Checkout(t.Context(), Remote{URL: dir}, Wanted{Ref: Ref{SHA: secret}, Depth: 1}); err == nil {
				t.Error("a commit of another repository is checked out")
			}
			if _, err := os.Stat(filepath.Join(root, "ran")); err == nil {
				t.Error("a command of the repository ran")
			}
		})
	}
	if got := reduced("[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n"); !strings.Contains(got, "objectformat = sha256") {
		t.Errorf("got %s", got)
	}
}

// The address of a submodule comes from the repository: it must not name a folder of this machine.
func TestASubmoduleOfThisMachine(t *testing.T) {
	root := repository(t)
	outer := filepath.Join(t.TempDir(), "outer")
	git(t, root, "init", "-q", "-b", "main", outer)
	git(t, outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", filepath.Join(root, "repo.git"), "inner")
	git(t, outer, "commit", "-q", "-m", "with a submodule")
	commit := git(t, outer, "rev-parse", "HEAD")
	if _, err := (Store{t.TempDir()}).Checkout(t.Context(), Remote{URL: "file://" + outer}, Wanted{Ref: Ref{SHA: commit}, Depth: 1}); err == nil || !strings.Contains(err.Error(), "git error: ") {
		t.Errorf("got %v", err)
	}
}

// checkedOut is the folder of a reference.
func checkedOut(t *testing.T, s Store, r Remote, name string, w Wanted) string {
	t.Helper()
	refs, err := r.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w.Ref, err = refs.Lookup(name); err != nil {
		t.Fatal(err)
	}
	if w.Tags != "" {
		w.Tags = refs.TagsKey()
	}
	w.Git = true
	dir, err := s.Checkout(t.Context(), r, w)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOddBranchesAreCheckedOut(t *testing.T) {
	root := repository(t)
	bare := filepath.Join(root, "repo.git")
	remote, store := Remote{URL: "file://" + bare}, Store{t.TempDir()}
	commit := git(t, bare, "rev-parse", "main")
	for _, name := range []string{"HEAD", "-x", "@", "-", commit[:8], "v1"} {
		git(t, bare, "update-ref", "refs/heads/"+name, commit)
		git(t, bare, "update-ref", "refs/tags/v1", commit)
		dir := checkedOut(t, store, remote, "refs/heads/"+name, Wanted{Depth: 1, Tags: "all"})
		if got := git(t, dir, "symbolic-ref", "HEAD"); got != "refs/heads/"+name {
			t.Errorf("%s: the current branch is %s", name, got)
		}
		if got := git(t, dir, "-c", "core.warnAmbiguousRefs=false", "status", "--porcelain"); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	git(t, bare, "update-ref", "--no-deref", "HEAD", commit)
	dir := checkedOut(t, store, remote, "HEAD", Wanted{Depth: 1})
	if got := git(t, dir, "for-each-ref") + git(t, dir, "rev-parse", "HEAD"); got != commit {
		t.Errorf("a detached HEAD: %s", got)
	}
}

// A tag that is removed or moved on the server is not in a later checkout as it was.
func TestTagsFollowTheServer(t *testing.T) {
	root := repository(t)
	work, bare := filepath.Join(root, "work"), filepath.Join(root, "repo.git")
	remote, store := Remote{URL: "file://" + bare}, Store{t.TempDir()}
	for _, change := range [][]string{{"tag", "a"}, {"tag", "moved"}, {"tag", "-d", "a"}, {"tag", "a/b"}, {"commit", "--allow-empty", "-m", "two"}, {"tag", "-f", "moved"}} {
		git(t, work, change...)
		git(t, work, "push", "-q", "--prune", "--force", bare, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")
		dir := checkedOut(t, store, remote, "main", Wanted{Depth: 1, Tags: "all"})
		if got, want := git(t, dir, "for-each-ref", "refs/tags"), git(t, bare, "for-each-ref", "refs/tags"); got != want {
			t.Errorf("after git %q:\n%s\nwant\n%s", change, got, want)
		}
	}
}

// A killed git leaves locks, and a killed session half a repository.
func TestTheLeftoversOfAKilledSessionAreRemoved(t *testing.T) {
	root := repository(t)
	work, bare := filepath.Join(root, "work"), filepath.Join(root, "repo.git")
	remote, store := Remote{URL: "file://" + bare}, Store{t.TempDir()}
	mirror := filepath.Join(store.Dir, nameOf(remote.URL))
	for _, leave := range []func(commit string) error{
		func(string) error {
			return os.MkdirAll(filepath.Join(mirror, ".init-1", "repository.git", "refs"), 0o755)
		},
		func(commit string) error {
			var all error
			for _, name := range []string{"shallow.lock", "packed-refs.lock", "config.lock", "HEAD.lock", "refs/fetched/" + commit + ".lock"} {
				all = errors.Join(all, os.WriteFile(filepath.Join(mirror, "repository.git", name), nil, 0o600))
			}
			return all
		},
	} {
		git(t, work, "commit", "-q", "--allow-empty", "-m", "next")
		git(t, work, "push", "-q", bare, "main")
		if err := leave(git(t, work, "rev-parse", "HEAD")); err != nil {
			t.Fatal(err)
		}
		checkedOut(t, store, remote, "main", Wanted{Depth: 1, Tags: "all"})
	}
	if left, _ := filepath.Glob(filepath.Join(mirror, ".init-*")); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// Prune removes a mirror, and its lock, while another session waits for the lock.
func TestPruneWhileAnotherSessionWaits(t *testing.T) {
	store := Store{t.TempDir()}
	m, unlock, err := store.open(t.Context(), Remote{URL: "x"})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var holders atomic.Int32
	for range 4 {
		all.Go(func() {
			m, unlock, err := store.open(t.Context(), Remote{URL: "x"})
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			if n := holders.Add(1); n > 1 {
				t.Errorf("%d sessions use the mirror", n)
			}
			if _, err := os.Stat(filepath.Join(m.dir, "lock")); err != nil {
				t.Error(err)
			}
			time.Sleep(100 * time.Millisecond)
			holders.Add(-1)
		})
	}
	time.Sleep(200 * time.Millisecond) // all of them wait
	if err := os.RemoveAll(m.dir); err != nil {
		t.Fatal(err)
	}
	unlock()
	all.Wait()
}

// git runs no hook, of a template either.
func TestNoHookRuns(t *testing.T) {
	root := repository(t)
	remote := Remote{URL: "file://" + filepath.Join(root, "repo.git")}
	m := mirror{remote: remote, dir: t.TempDir()}
	if err := m.ready(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	hooks, ran := filepath.Join(m.bare(), "hooks"), filepath.Join(root, "ran")
	script := []byte("#!/bin/sh\ntouch " + ran + "\n")
	if err := errors.Join(os.MkdirAll(hooks, 0o755), os.WriteFile(filepath.Join(hooks, "reference-transaction"), script, 0o755)); err != nil {
		t.Fatal(err)
	}
	commit := git(t, filepath.Join(root, "work"), "rev-parse", "HEAD")
	if err := m.fetch(t.Context(), Wanted{Ref: Ref{SHA: commit}}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a hook ran")
	}
}

// The credential is for one server.
func TestARedirectToAnotherServer(t *testing.T) {
	root := repository(t)
	backend := filepath.Join(git(t, root, "--exec-path"), "git-http-backend")
	var got atomic.Value
	real := &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := r.Header.Get("Authorization"); h != "" {
			got.Store(h)
		}
		real.ServeHTTP(w, r)
	}))
	defer other.Close()
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, same := strings.CutPrefix(r.URL.Path, "/old"); same {
			http.Redirect(w, r, "/repo.git"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
			return
		}
		if r.URL.Path == "/away/info/refs" {
			http.Redirect(w, r, other.URL+"/repo.git/info/refs?"+r.URL.RawQuery, http.StatusMovedPermanently)
			return
		}
		real.ServeHTTP(w, r)
	}))
	defer first.Close()
	checkedOut(t, Store{t.TempDir()}, Remote{URL: first.URL + "/old", Header: "basic secret"}, "main", Wanted{Depth: 1})
	checkedOut(t, Store{t.TempDir()}, Remote{URL: first.URL + "/away"}, "main", Wanted{Depth: 1})
	if _, err := (Remote{URL: first.URL + "/away", Header: "basic secret"}).List(t.Context()); err == nil || !strings.Contains(err.Error(), "must not get the credential") {
		t.Errorf("got %v", err)
	}
	if h := got.Load(); h != nil {
		t.Errorf("the other server got %v", h)
	}
}

func TestUnrelatedCommitsHaveNoCommonAncestor(t *testing.T) {
	root := repository(t)
	work := filepath.Join(root, "work")
	first := git(t, work, "rev-parse", "HEAD")
	git(t, work, "checkout", "-q", "--orphan", "other")
	git(t, work, "commit", "-q", "-m", "other")
	second := git(t, work, "rev-parse", "HEAD")
	remote := Remote{URL: "file://" + work}
	_, err := Store{t.TempDir()}.CommonAncestor(t.Context(), remote, Ref{SHA: first}, remote, Ref{SHA: second})
	if err == nil || err.Error() != first+" and "+second+" have no common ancestor" {
		t.Errorf("got %v", err)
	}
}

func TestAServerThatDoesNotAnswerIsNamed(t *testing.T) {
	testenv.Program(t, "ssh", "apt-get install openssh-client")
	for address, want := range map[string]string{
		"ssh://git@127.0.0.1:1/x": "failed to list the references of ssh://git@127.0.0.1:1/x: git error: exit status 128: ssh: connect to host 127.0.0.1 port 1: Connection refused",
		"git://127.0.0.1:1/x":     "failed to list the references of git://127.0.0.1:1/x: git error: exit status 128: fatal: unable to connect to 127.0.0.1:",
	} {
		if _, err := (Remote{URL: address}).List(t.Context()); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
