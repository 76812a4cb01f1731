package repo

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// pushable makes a commit and a tag on the remote's main, ready to be pushed.
func pushable(t testing.TB, r *Repo, m *Remote, name string) PushOptions {
	t.Helper()
	base, err := m.Fetch(t.Context(), "main")
	must(t, err)
	return pushableOn(t, r, base.Hash, name)
}

func pushableOn(t testing.TB, r *Repo, base, name string) PushOptions {
	t.Helper()
	o := someone(name)
	commit, err := r.Commit(t.Context(), base, []Change{{Path: "notes/" + name, Content: []byte(name)}}, o)
	must(t, err)
	tag, err := r.Tag(t.Context(), name, commit, o)
	must(t, err)
	return PushOptions{Branch: "main", Old: base, New: commit, Tag: name, TagHash: tag}
}

func remoteOf(t testing.TB, r *Repo, o RemoteOptions) *Remote {
	t.Helper()
	m, err := r.Remote(o)
	must(t, err)
	return m
}

func TestPush(t *testing.T) {
	remote, c := forge(t)
	r := c.open()
	m := remoteOf(t, r, RemoteOptions{})
	must(t, m.PushRight(t.Context()))
	o := pushable(t, r, m, "v1.0.0")
	for range 2 { // a repeat succeeds
		must(t, m.Push(t.Context(), o))
	}
	far := c.at(remote)
	if got := far.git("rev-parse", "main", "v1.0.0", "v1.0.0^{commit}"); got != strings.Join([]string{o.New, o.TagHash, o.New}, "\n") {
		t.Errorf("the remote has %s", got)
	}
	sound(t, far)
	if got := c.git("rev-parse", "origin/main", "v1.0.0"); got != o.New+"\n"+o.TagHash {
		t.Errorf("the clone follows with %s", got)
	}
	if got := c.git("reflog", "-1", "--format=%H %gs", "origin/main"); got != o.New+" update by push" {
		t.Errorf("reflog %s", got)
	}
	refs, err := m.Refs(t.Context())
	if want := (Tagged{o.TagHash, o.New}); err != nil || refs.Heads["main"] != o.New || refs.Tags["v1.0.0"] != want || refs.Default != "main" {
		t.Errorf("%+v, %v", refs, err)
	}
	sound(t, c)
	// A branch alone, of two commits; then a tag alone, without an object.
	first := pushable(t, r, m, "v2")
	second := pushableOn(t, r, first.New, "v3")
	must(t, m.Push(t.Context(), PushOptions{Branch: "main", Old: o.New, New: second.New}))
	must(t, m.Push(t.Context(), PushOptions{Branch: "main", Old: second.New, New: second.New, Tag: "light", TagHash: second.New}))
	if got := far.git("rev-parse", "main", "light"); got != second.New+"\n"+second.New {
		t.Errorf("the remote has %s", got)
	}
	sound(t, far)
}

func TestPushRaces(t *testing.T) {
	remote, c := forge(t)
	r := c.open()
	m := remoteOf(t, r, RemoteOptions{})
	o := pushable(t, r, m, "v1")
	other := pushable(t, r, m, "v2")
	must(t, m.Push(t.Context(), other))
	late := o
	late.Old = other.New
	for name, o := range map[string]PushOptions{
		"the branch moved": o,
		"the tag is there": func() PushOptions { n := pushable(t, r, m, "v3"); n.Tag, n.TagHash = "v2", n.New; return n }(),
	} {
		if err := m.Push(t.Context(), o); !errors.Is(err, ErrRace) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := m.Push(t.Context(), late); err == nil || errors.Is(err, ErrRace) {
		t.Errorf("a commit that does not follow: %v", err)
	}
	wrong := pushable(t, r, m, "v4")
	wrong.TagHash = other.TagHash
	if err := m.Push(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "tag the commit of the release") {
		t.Errorf("a tag of another commit: %v", err)
	}
	if tags := c.at(remote).git("tag", "--list"); tags != "v2" {
		t.Errorf("tags %q", tags)
	}
	for _, o := range []PushOptions{
		{}, {Branch: "main"}, {Branch: "refs/heads/main", Old: o.Old, New: o.New}, {Branch: "main", Old: strings.Repeat("0", 40), New: o.New},
		{Branch: "main", Old: o.Old, New: o.New, Tag: "v", TagHash: "v"}, {Branch: "main", Old: o.Old, New: o.New, Tag: "a b", TagHash: o.New},
	} {
		if err := m.Push(t.Context(), o); err == nil {
			t.Errorf("%+v was pushed", o)
		}
	}
}

// TestPushRacesWithin has a rival push between reading the remote's state and the push: only the server can notice.
func TestPushRacesWithin(t *testing.T) {
	remote, c := forge(t)
	r := c.open()
	m := remoteOf(t, r, RemoteOptions{})
	o, rival := pushable(t, r, m, "v1"), pushable(t, r, m, "v2")
	c.git("push", "-q", "origin", rival.New+":refs/heads/rival")
	hook := "#!/bin/sh\nunset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/main " + rival.New + "\n"
	must(t, os.WriteFile(filepath.Join(remote, "hooks", "pre-receive"), []byte(hook), 0o755))
	err := m.Push(t.Context(), o)
	if !errors.Is(err, ErrRace) {
		t.Errorf("%v", err)
	}
	if tags := c.at(remote).git("tag", "--list"); tags != "" {
		t.Errorf("a tag without its branch: %s", tags)
	}
	if got := c.at(remote).git("rev-parse", "main"); got != rival.New {
		t.Errorf("main is at %s, not at the rival's", got)
	}
}

func TestPushIsDenied(t *testing.T) {
	remote, c := forge(t)
	r := c.open()
	m := remoteOf(t, r, RemoteOptions{})
	must(t, os.WriteFile(filepath.Join(remote, "hooks", "pre-receive"), []byte("#!/bin/sh\necho main is frozen till Monday >&2\nexit 1\n"), 0o755))
	o := pushable(t, r, m, "v1")
	if err := m.Push(t.Context(), o); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "main is frozen till Monday") {
		t.Errorf("%v", err)
	}
}

func TestPushWithoutAtomic(t *testing.T) {
	remote, c := forge(t)
	c.at(remote).git("config", "receive.advertiseAtomic", "false")
	r := c.open()
	m := remoteOf(t, r, RemoteOptions{})
	o := pushable(t, r, m, "v1")
	for name, err := range map[string]error{"right": m.PushRight(t.Context()), "push": m.Push(t.Context(), o)} {
		if !errors.Is(err, ErrNotAtomic) || !strings.Contains(err.Error(), "receive.advertiseAtomic") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := c.at(remote).git("rev-parse", "main"); got != o.Old {
		t.Errorf("main was moved to %s", got)
	}
	o.Tag = ""
	must(t, m.Push(t.Context(), o)) // one reference needs no atomic push
}

func TestFetch(t *testing.T) {
	remote, c := forge(t)
	behind := c.at(filepath.Join(t.TempDir(), "behind"))
	c.git("clone", "-q", remote, behind.dir)
	for n := range 30 {
		c.write("dir/b.txt", strings.Repeat("x", n))
		c.commit("more")
	}
	c.git("tag", "-a", "-m", "v", "v1")
	c.git("push", "-q", "origin", "main", "v1")
	want := c.git("rev-parse", "HEAD")
	head, index := behind.git("rev-parse", "HEAD", "origin/main"), snapshotOf(t, behind.dir)
	r := behind.open()
	m := remoteOf(t, r, RemoteOptions{})
	for _, ref := range []string{"main", "refs/heads/main", "refs/tags/v1"} {
		got, err := m.Fetch(t.Context(), ref)
		if err != nil || got.Hash != want || got.Time.IsZero() {
			t.Errorf("%s: %+v, %v", ref, got, err)
		}
	}
	behind.git("rev-list", "--objects", want) // no object is missing
	sound(t, behind)
	if behind.git("rev-parse", "HEAD", "origin/main") != head || snapshotOf(t, behind.dir) != index {
		t.Error("a reference or a file has moved")
	}
	if _, err := m.Fetch(t.Context(), "none"); !errors.Is(err, ErrNoSuchRef) {
		t.Errorf("none: %v", err)
	}
	if ok, err := r.Contains(t.Context(), want, strings.Fields(head)[0]); err != nil || !ok {
		t.Errorf("contains: %v, %v", ok, err)
	}
	if ok, err := r.Contains(t.Context(), strings.Fields(head)[0], want); err != nil || ok {
		t.Errorf("contains, the other way round: %v, %v", ok, err)
	}
	empty := filepath.Join(t.TempDir(), "empty.git")
	c.git("init", "-q", "--bare", empty)
	m = remoteOf(t, r, RemoteOptions{URL: empty})
	if refs, err := m.Refs(t.Context()); err != nil || len(refs.Heads) > 0 {
		t.Errorf("empty: %+v, %v", refs, err)
	}
	if _, err := m.Fetch(t.Context(), "main"); !errors.Is(err, ErrNoSuchRef) {
		t.Errorf("empty: %v", err)
	}
}

// TestReleaseFromEveryClone releases from clones like those of CI, each behind the remote.
func TestReleaseFromEveryClone(t *testing.T) {
	testenv.Slow(t, "makes many clones")
	remote, c := forge(t)
	c.git("config", "uploadpack.allowFilter", "true")
	for n := range 5 {
		c.write("dir/b.txt", strings.Repeat("y", n))
		c.commit("more")
	}
	c.git("push", "-q", "origin", "main")
	for name, make := range map[string]func(dir string){
		"shallow":  func(dir string) { c.git("clone", "-q", "--depth=1", "file://"+remote, dir) },
		"detached": func(dir string) { c.git("clone", "-q", remote, dir); c.at(dir).git("checkout", "-q", "--detach") },
		"detached, shallow, one branch, as in actions/checkout": func(dir string) {
			c.git("init", "-q", dir)
			c.at(dir).git("remote", "add", "origin", "file://"+remote)
			c.at(dir).git("fetch", "-q", "--depth=1", "--no-tags", "origin", c.at(remote).git("rev-parse", "main"))
			c.at(dir).git("checkout", "-q", "--detach", "FETCH_HEAD")
		},
		"linked": func(dir string) {
			full := c.at(filepath.Join(t.TempDir(), "full"))
			c.git("clone", "-q", remote, full.dir)
			full.git("worktree", "add", "-q", "-b", "w", dir)
		},
		"packed":    func(dir string) { c.git("clone", "-q", remote, dir); c.at(dir).git("gc", "-q") },
		"reference": func(dir string) { c.git("clone", "-q", "--shared", remote, dir) },
	} {
		t.Run(name, func(t *testing.T) {
			local := c.at(filepath.Join(t.TempDir(), "clone"))
			make(local.dir)
			c.write("dir/b.txt", name)
			c.git("pull", "-q", "--ff-only", "origin", "main")
			c.commit("meanwhile")
			c.git("push", "-q", "origin", "main")
			r := local.open()
			m := remoteOf(t, r, RemoteOptions{})
			tag := "v-" + strings.Fields(strings.ReplaceAll(name, ",", " "))[0] + "-" + string(rune('a'+len(name)))
			must(t, m.Push(t.Context(), pushable(t, r, m, tag)))
			sound(t, c.at(remote))
			sound(t, local)
			if got := local.git("cat-file", "-t", tag); got != "tag" {
				t.Errorf("tag is a %s", got)
			}
		})
	}
}

func TestRemoteAddresses(t *testing.T) {
	c := fixture(t)
	if _, err := c.open().Remote(RemoteOptions{}); err == nil || !strings.Contains(err.Error(), "git remote add origin") {
		t.Errorf("no remote: %v", err)
	}
	for url, want := range map[string]string{
		"https://user:canary@forge.example/a/b.git": "https://forge.example/a/b.git",
		"https://canary@forge.example/a/b.git":      "https://forge.example/a/b.git",
		"ssh://git:canary@forge.example:2222/a":     "ssh://git@forge.example:2222/a",
		"git@forge.example:a/b.git":                 "ssh://git@forge.example/a/b.git",
		"../there":                                  "file://" + filepath.Join(filepath.Dir(c.dir), "there"),
	} {
		m, err := c.open().Remote(RemoteOptions{URL: url})
		if err != nil || m.String() != want {
			t.Errorf("%s: %s, %v", url, m, err)
		}
	}
	for _, url := range []string{"git://forge.example/a", "ftp://forge.example/a", "https://user:canary@forge.example:port/a", "ext::sh"} {
		if _, err := c.open().Remote(RemoteOptions{URL: url}); err == nil && url != "ext::sh" || err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", url, err)
		}
	}
	m := remoteOf(t, c.open(), RemoteOptions{URL: "http://canary@forge.example/a", Transport: noNetwork{}})
	if _, err := m.Refs(t.Context()); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "https") {
		t.Errorf("a token over plain HTTP: %v", err)
	}
	m = remoteOf(t, c.open(), RemoteOptions{URL: filepath.Join(c.dir, "none")})
	if _, err := m.Refs(t.Context()); !errors.Is(err, ErrDenied) {
		t.Errorf("no repository: %v", err)
	}
}

// noNetwork fails a test that makes an unexpected request, with the request in the error.
type noNetwork struct{}

func (noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, errors.New("asked " + r.URL.String() + " with " + r.Header.Get("Authorization"))
}
