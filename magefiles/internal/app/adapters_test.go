package app

import (
	"slices"
	"strings"
	"testing"
)

// A remote is at the forge if its host is, with SSH on whichever port.
func TestSameHost(t *testing.T) {
	const forge = "https://forge.example"
	for remote, want := range map[string]bool{
		"https://forge.example/me/homelab": true, "https://other.example/me/homelab": false, "": false, "/srv/git/homelab": false, "https://%zz": false,
		"https://forge.example:8443/me/homelab": false,
	} {
		if got := sameHost(remote, forge); got != want {
			t.Errorf("%s: %t", remote, got)
		}
	}
	if !sameHost("https://forge.example/me/homelab", "https://forge.example:3000") {
		t.Error("an address without a port is not at the forge, which has one")
	}
	if sameHost("https://forge.example:1/me/homelab", "https://forge.example:3000") {
		t.Error("another port is taken for the forge")
	}
}

// What has changed here counts also where it is not committed, and a container is named once.
func TestChangedHere(t *testing.T) {
	h := newHomelab(t)
	head := h.git(h.root, "rev-parse", "HEAD")
	h.publish("a:v1.0.0", head)
	h.publish("b:v1.0.0", head)
	if found, err := h.changedHere(t.Context(), ""); err != nil || len(found) != 0 {
		t.Errorf("nothing changed: %v, %v", found, err)
	}
	h.write("containers/a/file", "1")
	h.commit("Change a")
	h.write("containers/a/file", "2")
	h.write("containers/b/file", "1")
	found, err := h.changedHere(t.Context(), "")
	if err != nil || found.String() != "a\nb" {
		t.Errorf("against the registry: %q, %v", found, err)
	}
	if found, err = h.changedHere(t.Context(), "HEAD~1"); err != nil || found.String() != "a\nb" {
		t.Errorf("since a revision: %q, %v", found, err)
	}
}

// A file that differs from HEAD, but not from the commit that is released, was pushed already.
func TestUnpushed(t *testing.T) {
	h := newHomelab(t)
	client, err := h.forge()
	if err != nil {
		t.Fatal(err)
	}
	from, err := h.origin(client)
	if err != nil {
		t.Fatal(err)
	}
	h.write("docs/index.md", "new\n")
	h.write("docs/gone.md", "old\n")
	pushed := h.commit("What the forge has")
	h.git(h.root, "rm", "--quiet", "docs/gone.md")
	pushed2 := h.commit("Without a page")
	h.git(h.root, "reset", "--quiet", "--hard", "HEAD~2")
	h.write("docs/index.md", "new\n") // as a fast-forward that was cut off leaves it
	h.write("docs/own.md", "mine\n")
	h.write("containers/a/file", "elsewhere")
	for _, commit := range []string{pushed, pushed2} {
		got, err := from.Unpushed(t.Context(), commit, "docs")
		if err != nil || !slices.Equal(got, []string{"docs/own.md"}) {
			t.Errorf("%v, %v", got, err)
		}
	}
	if strings.Contains(h.out.String(), "is not on") {
		t.Errorf("HEAD is an ancestor: %s", h.out)
	}
	h.commit("Of this clone alone")
	if _, err := from.Unpushed(t.Context(), pushed2, "docs"); err != nil || !strings.Contains(h.out.String(), "is not on") {
		t.Errorf("a commit that the forge has not: %v, %s", err, h.out)
	}
}
