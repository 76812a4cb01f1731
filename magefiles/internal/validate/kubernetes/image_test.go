package kubernetes

import "testing"

func TestCommit(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"v4.1.1-r1-ab34cbd":     "ab34cbd",
		"v2.17.0-cd57814-nix":   "cd57814",
		"v1.0.0-3-gab34cbd":     "ab34cbd",
		"main-1234567":          "1234567",
		"v1.0.0-20260307":       "",
		"v1.0.0-20260307123456": "",
		"defaced":               "",
		"v1.0.0":                "",
		"27-dind":               "",
		"0.17.0-rc2-tensorrt":   "",
		"ab34cb":                "",
		"0123456789abcdef0123456789abcdef01234567":  "0123456789abcdef0123456789abcdef01234567",
		"0123456789abcdef0123456789abcdef012345678": "",
	} {
		if got := Commit(tag); got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
}

func TestSplitImage(t *testing.T) {
	t.Parallel()
	for reference, want := range map[string][3]string{
		"a":                           {"a", "", ""},
		"localhost:5000/a":            {"localhost:5000/a", "", ""},
		"localhost:5000/a:v1":         {"localhost:5000/a", "v1", ""},
		"r.example/a/b:v1@sha256:abc": {"r.example/a/b", "v1", "sha256:abc"},
	} {
		name, tag, digest := SplitImage(reference)
		if got := [3]string{name, tag, digest}; got != want {
			t.Errorf("%s: %q, want %q", reference, got, want)
		}
	}
}

func TestSourceIn(t *testing.T) {
	t.Parallel()
	addresses := []string{"https://forge.example/owner/site", "https://inside.example:3000/owner/site"}
	for repo, want := range map[string]bool{
		"https://forge.example/owner/site":            true,
		"https://forge.example/owner/site.git":        true,
		"https://FORGE.example/owner/site.git/":       true,
		"ssh://git@forge.example:2222/owner/site.git": true,
		"git@inside.example:owner/site.git":           true,
		"https://forge.example/owner/other":           false,
		"https://forge.example/mirrors/site":          false,
	} {
		if got := (Source{RepoURL: repo}).In(addresses); got != want {
			t.Errorf("%s: %v, want %v", repo, got, want)
		}
	}
	if !(Source{RepoURL: "x"}).In(nil) {
		t.Error("without addresses, every repository counts")
	}
}
