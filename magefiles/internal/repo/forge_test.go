package repo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

// forged is a clone of a repository on a real forge.
type forged struct {
	forge *lab.Forge
	name  string
	clone *clone
	token string
}

// onForge makes a repository for one test on the forge, and a clone of it.
func onForge(t *testing.T, f *lab.Forge) *forged {
	t.Helper()
	name := strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(t.Name(), "-"))
	c := fixture(t)
	_, err := f.Seed(t.Context(), f.Owner, name, c.dir)
	must(t, err)
	local := c.at(filepath.Join(t.TempDir(), "clone"))
	cmd := c.command("clone", "-q", f.CloneURL(f.Owner, name), local.dir)
	cmd.Env = append(cmd.Env, "GIT_ALLOW_PROTOCOL=http")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	token, err := f.Token(t.Context(), t.Name(), "write:repository")
	must(t, err)
	return &forged{f, name, local, token}
}

// as are the options with a token.
func (f *forged) as(token string) RemoteOptions {
	return RemoteOptions{Credentials: func(_ context.Context, host string) (string, string, bool, error) {
		if !strings.HasSuffix(f.forge.URL(), "//"+host) {
			return "", "", false, fmt.Errorf("asked for %s", host)
		}
		return "", token, token != "", nil
	}}
}

func TestForgeHTTP(t *testing.T) {
	f := onForge(t, testForge(t))
	r := f.clone.open()
	m := remoteOf(t, r, f.as(f.token))
	must(t, m.PushRight(t.Context()))
	o := pushable(t, r, m, "v1.0.0")
	must(t, m.Push(t.Context(), o))
	refs, err := m.Refs(t.Context())
	if err != nil || refs.Heads["main"] != o.New || refs.Tags["v1.0.0"].Commit != o.New || refs.Default != "main" {
		t.Errorf("%+v, %v", refs, err)
	}
	var found struct{ Message string }
	must(t, f.forge.API(t.Context(), http.MethodGet, "/api/v1/repos/"+f.forge.Owner+"/"+f.name+"/git/tags/"+o.TagHash, f.token, nil, &found))
	if found.Message != "v1.0.0\n" && found.Message != "v1.0.0" {
		t.Errorf("the forge's tag: %+v", found)
	}
	sound(t, f.clone)
	f.unseen(t, f.token)
}

// unseen searches all files of a clone for a secret.
func (f *forged) unseen(t *testing.T, secret string) {
	t.Helper()
	must(t, filepath.WalkDir(f.clone.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if strings.Contains(string(raw), secret) {
			t.Errorf("%s holds the token", path)
		}
		return err
	}))
}

func TestForgeDenies(t *testing.T) {
	f := onForge(t, testForge(t))
	reader, err := f.forge.Token(t.Context(), t.Name()+"-reader", "read:repository")
	must(t, err)
	_, err = f.forge.AddUser(t.Context(), "stranger")
	must(t, err)
	stranger, err := f.forge.TokenOf(t.Context(), "stranger", t.Name(), "write:repository")
	must(t, err)
	r := f.clone.open()
	o := pushable(t, r, remoteOf(t, r, f.as(f.token)), "v1")
	for name, token := range map[string]string{
		"nobody": "", "a token that may read": reader, "another account": stranger, "no such token": "canary0123456789canary0123456789",
	} {
		m := remoteOf(t, r, f.as(token))
		for what, err := range map[string]error{"right": m.PushRight(t.Context()), "push": m.Push(t.Context(), o)} {
			if what == "right" && token == stranger {
				continue // readers may begin a push here, for a review: only the push itself is refused
			}
			if !errors.Is(err, ErrDenied) || token != "" && strings.Contains(err.Error(), token) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
	none := f.as(f.token)
	none.URL = f.forge.CloneURL(f.forge.Owner, "none")
	if _, err := remoteOf(t, r, none).Refs(t.Context()); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "repository not found") {
		t.Errorf("no repository: %v", err)
	}
	failing := RemoteOptions{Credentials: func(context.Context, string) (string, string, bool, error) { return "", "", false, ErrKey }}
	if _, err := remoteOf(t, r, failing).Refs(t.Context()); !errors.Is(err, ErrKey) {
		t.Errorf("a secret that cannot be had: %v", err)
	}
}

func TestForgeProtectedBranch(t *testing.T) {
	f := onForge(t, testForge(t))
	r := f.clone.open()
	m := remoteOf(t, r, f.as(f.token))
	o := pushable(t, r, m, "v1")
	must(t, f.forge.Protect(t.Context(), f.forge.Owner, f.name, "main", lab.ProtectOptions{}))
	err := m.Push(t.Context(), o)
	if !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "protected branch") {
		t.Errorf("%v", err)
	}
	wantHint(t, err, "branch's protection")
	refs, err := m.Refs(t.Context())
	if err != nil || refs.Heads["main"] != o.Old || len(refs.Tags) > 0 {
		t.Errorf("%+v, %v", refs, err)
	}
	must(t, f.forge.Protect(t.Context(), f.forge.Owner, f.name, "main", lab.ProtectOptions{Pushers: []string{f.forge.Owner}}))
	must(t, m.Push(t.Context(), o))
}

func TestForgeProtectedTag(t *testing.T) {
	f := onForge(t, testForge(t))
	r := f.clone.open()
	m := remoteOf(t, r, f.as(f.token))
	_, err := f.forge.AddUser(t.Context(), "tagger")
	must(t, err)
	rule := map[string]any{"name_pattern": "v*", "whitelist_usernames": []string{"tagger"}}
	must(t, f.forge.API(t.Context(), "POST", "/api/v1/repos/"+f.forge.Owner+"/"+f.name+"/tag_protections", f.token, rule, nil))
	o := pushable(t, r, m, "v1")
	err = m.Push(t.Context(), o)
	if !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "Tag v1 is protected") {
		t.Errorf("%v", err)
	}
	wantHint(t, err, "protects v1 in the repository's settings (Tags)")
	err = m.PushTag(t.Context(), "v2", o.Old)
	if !errors.Is(err, ErrDenied) {
		t.Errorf("%v", err)
	}
	wantHint(t, err, "protects v2 in the repository's settings (Tags)")
	if refs, err := m.Refs(t.Context()); err != nil || refs.Heads["main"] != o.Old || len(refs.Tags) > 0 {
		t.Errorf("%+v, %v", refs, err)
	}
}

func TestForgeWithoutAtomicPush(t *testing.T) {
	f := onForge(t, startForge(t, lab.ForgeOptions{NoAtomicPush: true}))
	r := f.clone.open()
	m := remoteOf(t, r, f.as(f.token))
	o := pushable(t, r, m, "v1")
	for name, err := range map[string]error{"right": m.PushRight(t.Context()), "push": m.Push(t.Context(), o)} {
		if !errors.Is(err, ErrNotAtomic) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refs, err := m.Refs(t.Context())
	if err != nil || refs.Heads["main"] != o.Old || len(refs.Tags) > 0 {
		t.Errorf("%+v, %v", refs, err)
	}
}

// TestForgeRaces has twenty concurrent pushes, repeatedly: one wins each time, and the others get an ErrRace.
func TestForgeRaces(t *testing.T) {
	const rounds, pushers = 2, 20
	f := onForge(t, testForge(t))
	home := f.clone.open()
	m := remoteOf(t, home, f.as(f.token))
	for round := range rounds {
		base, err := m.Fetch(t.Context(), "main")
		must(t, err)
		results := make([]error, pushers)
		var all sync.WaitGroup
		for n := range pushers {
			r := f.clone.open()
			m := remoteOf(t, r, f.as(f.token))
			o := pushableOn(t, r, base.Hash, fmt.Sprintf("v%d.%d", round, n))
			if n%2 == 0 { // half of them push the same version
				o.Tag = fmt.Sprintf("v%d", round)
			}
			all.Go(func() { results[n] = m.Push(t.Context(), o) })
		}
		all.Wait()
		won := 0
		for n, err := range results {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, ErrRace):
				t.Errorf("round %d, pusher %d: %v", round, n, err)
			}
		}
		refs, err := m.Refs(t.Context())
		must(t, err)
		if won != 1 || len(refs.Tags) != round+1 {
			t.Errorf("round %d: %d won, %d tags", round, won, len(refs.Tags))
		}
		tip, err := m.Fetch(t.Context(), "main")
		must(t, err)
		on := 0
		for _, tag := range refs.Tags {
			if tag.Commit == tip.Hash {
				on++
			}
		}
		if f.clone.git("rev-parse", tip.Hash+"~1") != base.Hash || on != 1 {
			t.Errorf("round %d: main is not one release on", round)
		}
	}
	sound(t, f.clone)
	for tag := range strings.Lines(f.clone.git("tag", "--list")) {
		f.clone.git("merge-base", "--is-ancestor", strings.TrimSpace(tag)+"^{commit}", "origin/main")
	}
}

func TestForgeFaults(t *testing.T) {
	f := onForge(t, startForge(t, lab.ForgeOptions{})) // its own forge, as its faults would affect other tests
	r := f.clone.open()
	m := remoteOf(t, r, f.as(f.token))
	push := regexp.MustCompile(`/git-receive-pack$`)
	gate := f.forge.Proxy()
	other := f.clone.at(filepath.Join(t.TempDir(), "other")) // which stays behind
	f.clone.git("clone", "-q", f.clone.dir, other.dir)
	other.git("remote", "set-url", "origin", f.forge.CloneURL(f.forge.Owner, f.name))
	for name, test := range map[string]struct {
		fault  faultproxy.Fault
		want   error // nil: the push succeeds
		landed bool
	}{
		"the answer is cut":               {faultproxy.Fault{Kind: faultproxy.Cut, Path: push, Bytes: 0, Times: 1}, nil, true},
		"the answer is cut in the middle": {faultproxy.Fault{Kind: faultproxy.Cut, Path: push, Bytes: 20, Times: 1}, nil, true},
		"the request is cut":              {faultproxy.Fault{Kind: faultproxy.CutRequest, Path: push, Bytes: 100, Times: 1}, ErrLost, false},
		"taken and forgotten":             {faultproxy.Fault{Kind: faultproxy.Drop, Path: push, Times: 1}, ErrLost, false},
		"out of order":                    {faultproxy.Fault{Kind: faultproxy.Status, Path: push, Times: 1}, ErrLost, false},
		"expired":                         {faultproxy.Fault{Kind: faultproxy.Expire, Path: push, Times: 1}, ErrDenied, false},
	} {
		o := pushable(t, r, m, "v-"+strings.ReplaceAll(name, " ", "-"))
		restore := gate.Fail(test.fault)
		err := m.Push(t.Context(), o)
		restore()
		if !errors.Is(err, test.want) || strings.Contains(fmt.Sprint(err), f.token) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		refs, err := m.Refs(t.Context())
		must(t, err)
		if landed := refs.Tags[o.Tag].Commit == o.New && refs.Heads["main"] == o.New; landed != test.landed {
			t.Errorf("%s: landed: %v", name, landed)
		}
		must(t, m.Push(t.Context(), o)) // the next run finishes it, or finds it done
	}
	// An interrupted fetch keeps none of its objects.
	restore := gate.Fail(faultproxy.Fault{Kind: faultproxy.Cut, Path: regexp.MustCompile(`/git-upload-pack$`), Bytes: 300, Times: 1})
	late := remoteOf(t, other.open(), f.as(f.token))
	if _, err := late.Fetch(t.Context(), "main"); err == nil {
		t.Error("half a pack was taken")
	}
	restore()
	if left, _ := filepath.Glob(filepath.Join(other.dir, ".git/objects/pack/tmp_*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	_, err := late.Fetch(t.Context(), "main")
	must(t, err)
	sound(t, other)
}

func TestForgeIsGivenUpOn(t *testing.T) {
	f := onForge(t, startForge(t, lab.ForgeOptions{}))
	r := f.clone.open()
	m := remoteOf(t, r, f.as(f.token))
	o := pushable(t, r, m, "v1")
	reason := errors.New("the user has had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	restore := f.forge.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Delay, Path: regexp.MustCompile(`/git-receive-pack$`), Times: 1,
		Hit: func(*http.Request) { cancel(reason) }})
	defer restore()
	if err := m.Push(ctx, o); !errors.Is(err, ErrLost) || !errors.Is(err, reason) {
		t.Errorf("%v", err)
	}
	if _, err := m.Refs(ctx); !errors.Is(err, reason) {
		t.Errorf("%v", err)
	}
}

func TestForgeSSH(t *testing.T) {
	f := onForge(t, testForge(t))
	private, public := sshKey(t, "ed25519")
	must(t, f.forge.AddKey(t.Context(), f.forge.Owner, public))
	hosts := filepath.Join(t.TempDir(), "known_hosts")
	must(t, os.WriteFile(hosts, []byte(f.forge.KnownHosts()), 0o600))
	with := func(key []byte, hosts ...string) RemoteOptions {
		return RemoteOptions{
			URL: f.forge.SSHURL(f.forge.Owner, f.name), KnownHosts: hosts,
			SSHKey: func(context.Context) ([]byte, error) { return key, nil },
		}
	}
	r := f.clone.open()
	m := remoteOf(t, r, with(private, hosts))
	must(t, m.PushRight(t.Context()))
	o := pushable(t, r, m, "v1.0.0")
	must(t, m.Push(t.Context(), o))
	if refs, err := m.Refs(t.Context()); err != nil || refs.Tags["v1.0.0"].Commit != o.New {
		t.Errorf("%+v, %v", refs, err)
	}
	if err := m.Push(t.Context(), pushableOn(t, r, o.Old, "v1.0.1")); !errors.Is(err, ErrRace) {
		t.Errorf("a race: %v", err)
	}
	must(t, f.forge.Protect(t.Context(), f.forge.Owner, f.name, "main", lab.ProtectOptions{}))
	if err := m.Push(t.Context(), pushable(t, r, m, "v2")); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "protected branch") {
		t.Errorf("protected: %v", err)
	}

	unknown, _ := sshKey(t, "ed25519")
	if err := remoteOf(t, r, with(unknown, hosts)).PushRight(t.Context()); !errors.Is(err, ErrDenied) {
		t.Errorf("a key that the forge does not know: %v", err)
	}
	stranger, line := sshKey(t, "ed25519")
	_, err := f.forge.AddUser(t.Context(), "stranger")
	must(t, err)
	must(t, f.forge.AddKey(t.Context(), "stranger", line))
	must(t, f.forge.Protect(t.Context(), f.forge.Owner, f.name, "main", lab.ProtectOptions{Pushers: []string{f.forge.Owner}}))
	if err := remoteOf(t, r, with(stranger, hosts)).Push(t.Context(), pushable(t, r, m, "v3")); !errors.Is(err, ErrDenied) {
		t.Errorf("another account's key: %v", err)
	}
	f.hostKeys(t, r, func(hosts ...string) RemoteOptions { return with(private, hosts...) })
}

// hostKeys tries known_hosts that do not match.
func (f *forged) hostKeys(t *testing.T, r *Repo, with func(hosts ...string) RemoteOptions) {
	t.Helper()
	address, port, _ := strings.Cut(f.forge.SSHAddr(), ":")
	scan := "ssh-keyscan -p " + port + " " + address + " >> ~/.ssh/known_hosts"
	empty, other := filepath.Join(t.TempDir(), "empty"), filepath.Join(t.TempDir(), "other")
	must(t, os.WriteFile(empty, nil, 0o600))
	_, public := sshKey(t, "ed25519")
	must(t, os.WriteFile(other, []byte("["+address+"]:"+port+" "+public+"\n"), 0o600))
	for name, test := range map[string]struct {
		file string
		says string
	}{
		"not known": {empty, "known_hosts has no key"}, "another": {other, "another server may have answered"},
	} {
		err := remoteOf(t, r, with(test.file)).PushRight(t.Context())
		if !errors.Is(err, ErrHostKey) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), scan) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := remoteOf(t, r, with("/none")).PushRight(t.Context()); !errors.Is(err, ErrHostKey) || !strings.Contains(err.Error(), "ssh-keyscan") {
		t.Errorf("no file: %v", err)
	}
}

// TestSSHWithoutAnAnswer dials a server that accepts connections and sends nothing.
func TestSSHWithoutAnAnswer(t *testing.T) {
	silent := silence(t)
	private, _ := sshKey(t, "ed25519")
	hosts := filepath.Join(t.TempDir(), "known_hosts")
	must(t, os.WriteFile(hosts, nil, 0o600))
	m := remoteOf(t, fixture(t).open(), RemoteOptions{
		URL: "ssh://git@" + silent + "/a/b", KnownHosts: []string{hosts},
		SSHKey: func(context.Context) ([]byte, error) { return private, nil },
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := m.Refs(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestSSHWithoutAKey(t *testing.T) {
	m := remoteOf(t, fixture(t).open(), RemoteOptions{URL: "git@forge.example:a/b"})
	if _, err := m.Refs(t.Context()); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "ssh-add") {
		t.Errorf("%v", err)
	}
}
