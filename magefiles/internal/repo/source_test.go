package repo

import (
	"net/url"
	"strings"
	"testing"
)

func TestSourceURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://forge.example/eblume/blumeops.git":           "https://forge.example/eblume/blumeops",
		"https://forge.example/eblume/blumeops/":              "https://forge.example/eblume/blumeops",
		"https://user:token@forge.example:8443/a/b.git?x=1#y": "https://forge.example:8443/a/b",
		"http://token@127.0.0.1:3000/a/b":                     "http://127.0.0.1:3000/a/b",
		"HTTPS://forge.example/a":                             "https://forge.example/a",
		"ssh://git@forge.example:2222/a/b.git":                "https://forge.example/a/b",
		"ssh://git:secret@[2001:db8::1]:22/a/b":               "https://[2001:db8::1]/a/b",
		"git+ssh://forge.example/a":                           "https://forge.example/a",
		"git://forge.example:9418/a.git":                      "https://forge.example/a",
		"git@forge.example:a/b.git":                           "https://forge.example/a/b",
		"git@forge.example:/a/b.git":                          "https://forge.example/a/b",
		"forge.example:a/b":                                   "https://forge.example/a/b",
		"git@[2001:db8::1]:a/b":                               "https://[2001:db8::1]/a/b",
		"https://forge.example/a b/c":                         "https://forge.example/a%20b/c",
		"https://forge.example":                               "",
		"https://forge.example/.git":                          "",
		"/srv/git/a.git":                                      "",
		"../a":                                                "",
		"./x:y":                                               "",
		"file:///srv/git/a.git":                               "",
		`C:\git\a`:                                            "",
		"":                                                    "",
		"https://exa mple/a":                                  "",
		"ext::sh -c evil":                                     "",
		"https://forge.example/a%2fb":                         "https://forge.example/a/b",
		"git@forge.example:secret@host/a":                     "https://forge.example/secret@host/a",
		"https://forge.example/a/b.git.git":                   "https://forge.example/a/b.git",
	} {
		if got := sourceURL(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSourceURLOfRemote(t *testing.T) {
	c := newClone(t)
	source := func(want string) {
		t.Helper()
		if got := c.open().SourceURL(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	source("")
	c.git("remote", "add", "forge", "https://u:p@forge.example/a.git")
	source("https://forge.example/a")
	c.git("remote", "add", "mirror", "https://mirror.example/a.git")
	source("") // two remotes, and neither is origin
	c.git("remote", "add", "origin", "ssh://git@forge.example:2222/b.git")
	source("https://forge.example/b")
}

func FuzzSourceURL(f *testing.F) {
	f.Add("https://user:hunter2@forge.example/a/b.git?token=hunter2#hunter2")
	f.Add("git@forge.example:a/b.git")
	f.Add("ssh://git:hunter2@[::1]:22/a")
	f.Add("https://a:80:90/x")
	f.Add("ssh://git:hunter2@a:@a::12/[")
	f.Fuzz(func(t *testing.T, remote string) {
		got := sourceURL(remote)
		if got == "" {
			return
		}
		u, err := url.Parse(got)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q: %q (%v)", remote, got, err)
		}
		if strings.ContainsAny(got, " \n\t\"<>") {
			t.Errorf("%q: %q", remote, got)
		}
	})
}
