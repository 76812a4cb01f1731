package repo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPushTag(t *testing.T) {
	remote, c := forge(t)
	r := c.open()
	m := remoteOf(t, r, RemoteOptions{})
	head, err := r.Head()
	must(t, err)
	c.write("later.txt", "later")
	later := c.commit("later")
	c.git("push", "-q", "origin", "main") // the branch moves on, which does not matter to a tag
	far, refs := c.at(remote), c.git("show-ref")
	tag, err := r.Tag(t.Context(), "devpi-v1.0.0", head.Hash, someone("devpi v1.0.0"))
	must(t, err)
	for range 2 { // a repeat succeeds
		must(t, m.PushTag(t.Context(), "devpi-v1.0.0", tag))
	}
	must(t, m.PushTag(t.Context(), "light-v1.0.0", head.Hash))
	if got := far.git("rev-parse", "devpi-v1.0.0", "devpi-v1.0.0^{commit}", "light-v1.0.0", "main"); got != strings.Join([]string{tag, head.Hash, head.Hash, later}, "\n") {
		t.Errorf("the remote has %s", got)
	}
	sound(t, far)
	want := strings.Join([]string{refs, tag + " refs/tags/devpi-v1.0.0", head.Hash + " refs/tags/light-v1.0.0"}, "\n")
	if got := c.git("show-ref"); got != want {
		t.Errorf("the clone has\n%s\nwant\n%s", got, want)
	}
	other, err := r.Tag(t.Context(), "devpi-v1.0.0", later, someone("devpi v1.0.0"))
	must(t, err)
	if err := m.PushTag(t.Context(), "devpi-v1.0.0", other); !errors.Is(err, ErrRace) || !strings.Contains(err.Error(), "tag devpi-v1.0.0 already exists") {
		t.Errorf("another commit: %v", err)
	}
}

func TestPushTagNeedsNoAtomicServer(t *testing.T) {
	remote, c := forge(t)
	c.at(remote).git("config", "receive.advertiseAtomic", "false")
	r := c.open()
	head, err := r.Head()
	must(t, err)
	m := remoteOf(t, r, RemoteOptions{})
	must(t, m.TagRight(t.Context()))
	must(t, m.PushTag(t.Context(), "a-v1.0.0", head.Hash))
}

// TestPushTagBringsNoCommit: a tag would otherwise carry a commit past the rules of every branch.
func TestPushTagBringsNoCommit(t *testing.T) {
	remote, c := forge(t)
	c.write("secret.txt", "not pushed")
	only := c.commit("only here")
	r := c.open()
	tag, err := r.Tag(t.Context(), "devpi-v1.0.0", only, someone("devpi v1.0.0"))
	must(t, err)
	m := remoteOf(t, r, RemoteOptions{})
	if err := m.PushTag(t.Context(), "devpi-v1.0.0", tag); err == nil {
		t.Error("a commit that the remote lacks was tagged there")
	}
	if tags := c.at(remote).git("tag", "--list"); tags != "" {
		t.Errorf("tags %q", tags)
	}
	if tags := c.git("tag", "--list"); tags != "" {
		t.Errorf("here: tags %q", tags)
	}
	for name, hash := range map[string]string{"a b": only, "-x": only, "x-v1": "1234", "y-v1": strings.Repeat("1", 40)} {
		if err := m.PushTag(t.Context(), name, hash); err == nil {
			t.Errorf("%q on %s was pushed", name, hash)
		}
	}
}

func TestPushTagIsDenied(t *testing.T) {
	remote, c := forge(t)
	must(t, os.WriteFile(filepath.Join(remote, "hooks", "pre-receive"), []byte("#!/bin/sh\necho tags are protected >&2\nexit 1\n"), 0o755))
	r := c.open()
	head, err := r.Head()
	must(t, err)
	err = remoteOf(t, r, RemoteOptions{}).PushTag(t.Context(), "a-v1.0.0", head.Hash)
	if !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "tags are protected") {
		t.Errorf("%v", err)
	}
	wantHint(t, err, "rules and hooks of the remote")
}

// wantHint checks the advice of an error.
func wantHint(t *testing.T, err error, says string) {
	t.Helper()
	var hinter interface{ Hint() string }
	if !errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), says) {
		t.Errorf("%v has no hint that says %q", err, says)
	}
}
