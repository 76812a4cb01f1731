package objects

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestGlobMatcher(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no string // paths, with blanks between them
	}{
		{"*", "a .hid", "a/b"},
		{"**", "a a/b .hid/e.txt", ""},
		{"**/*.txt", "a.txt sub/deep/d.txt", "a.md"},
		{"sub/*", "sub/c.txt", "sub sub/deep/d.txt"},
		{"sub/**", "sub/c.txt sub/deep/d.txt", "sub"},
		{"sub/", "sub", "sub/c.txt"},
		{"./a.txt", "a.txt", "b"},
		{"/a.txt", "", "a.txt"},
		{"{a,b}.*", "", "a.txt"},
		{"[a-c].md", "b.md", "d.md"},
		{`a\*`, "a*", "ab"},
	} {
		match, err := globMatcher(c.pattern)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		for _, p := range strings.Fields(c.yes) {
			if !match(p) {
				t.Errorf("%q does not match %s", c.pattern, p)
			}
		}
		for _, p := range strings.Fields(c.no) {
			if match(p) {
				t.Errorf("%q matches %s", c.pattern, p)
			}
		}
	}
	for _, bad := range []string{"", "[", "[]"} {
		if _, err := globMatcher(bad); err == nil {
			t.Errorf("%q is a pattern", bad)
		}
	}
}

func FuzzGlobMatcher(f *testing.F) {
	f.Add("**/*.t?t", "a/b.txt")
	f.Add("[a-", "x")
	f.Fuzz(func(_ *testing.T, pattern, name string) {
		if match, err := globMatcher(pattern); err == nil {
			match(name)
		}
	})
}

func TestGitignorePatterns(t *testing.T) {
	got := gitignorePatterns("sub", []byte("# comment\n\n*.log\n/top\na/b/\n!keep.log\n\\#odd\nspace \n"))
	want := []string{"sub/**/*.log", "sub/top", "sub/a/b", "!sub/**/keep.log", "sub/**/#odd", "sub/**/space"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzGitignorePatterns(f *testing.F) {
	f.Add("*.log\n!x\n")
	f.Add("/!x\n//!\n!/!")
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range gitignorePatterns(".", []byte(text)) {
			if strings.Trim(p, "!") == "" {
				t.Errorf("%q gives an empty pattern", text)
			}
		}
	})
}

func TestLimitLines(t *testing.T) {
	for _, c := range []struct {
		offset, limit int
		want          string
	}{{0, 0, "a\nb\nc"}, {1, 0, "b\nc"}, {1, 1, "b\n"}, {9, 1, ""}, {0, 9, "a\nb\nc"}} {
		if got := string(limitLines([]byte("a\nb\nc"), c.offset, c.limit)); got != c.want {
			t.Errorf("offset %d, limit %d: got %q, want %q", c.offset, c.limit, got, c.want)
		}
	}
}

func TestTail(t *testing.T) {
	if got := tail([]byte("out\n")); got != "out" {
		t.Errorf("got %q", got)
	}
	long := strings.Repeat("x", maxStream+5)
	if got, want := tail([]byte(long)), "[omitting 5 bytes]..."+long[5+len("[omitting 5 bytes]..."):]; got != want {
		t.Errorf("a long stream is cut to %d bytes that start %q", len(got), got[:30])
	}
	if got := tail([]byte{'a', 0xff}); got != "a\uFFFD" {
		t.Errorf("got %q", got)
	}
}

func TestReplaced(t *testing.T) {
	const text = "one\ntwo one\nthree\n"
	for _, c := range []struct {
		search, replacement string
		firstFrom           int
		all                 bool
		want, err           string
	}{
		{"two", "2", 0, false, "one\n2 one\nthree\n", ""},
		{"one", "1", 0, false, "", "search string found multiple times: line 1 (0-3), line 2 (4-7)"},
		{"one", "1", 1, false, "1\ntwo one\nthree\n", ""},
		{"one", "1", 2, false, "one\ntwo 1\nthree\n", ""},
		{"one", "1", 3, false, "", "search string not found"},
		{"one", "1", 0, true, "1\ntwo 1\nthree\n", ""},
		{"one", "1", 2, true, "one\ntwo 1\nthree\n", ""},
		{"none", "1", 0, true, text, ""},
		{"one\ntwo", "12", 0, false, "12 one\nthree\n", ""},
		{"one", "1", 99, false, "", "search string not found"},
	} {
		got, err := replaced(text, c.search, c.replacement, c.firstFrom, c.all)
		if msg := fmt.Sprint(err); got != c.want || (c.err != "" && msg != c.err) || (c.err == "" && err != nil) {
			t.Errorf("%q from %d, all %v: got %q, %v", c.search, c.firstFrom, c.all, got, err)
		}
	}
}

func TestOwnerNames(t *testing.T) {
	const passwd, group = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n", "daemon:x:1:\n"
	if uid, err := findUser(strings.NewReader(passwd), "nobody"); uid != 65534 || err != nil {
		t.Errorf("nobody is %d, %v", uid, err)
	}
	if gid, err := findGroup(strings.NewReader(group), "daemon"); gid != 1 || err != nil {
		t.Errorf("daemon is %d, %v", gid, err)
	}
	if _, err := findUser(strings.NewReader(passwd), "nosuch"); err == nil {
		t.Error("an unknown name is a user")
	}
	if _, err := findGroup(strings.NewReader(group), "nosuch"); err == nil {
		t.Error("an unknown name is a group")
	}
}

func TestPairs(t *testing.T) {
	var p pairs
	p = p.set("z", "1").set("a", "2").set("z", "3").set("gone", "x").unset("gone").unset("never")
	if got := fmt.Sprint(p.env()); got != "[z=3 a=2]" {
		t.Errorf("got %s", got)
	}
}

func TestRegistryHost(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:5000/a/b:c": "127.0.0.1:5000", "localhost/x": "localhost", "https://r.example/v2": "r.example",
		"debian": "registry-1.docker.io", "docker.io/library/debian": "registry-1.docker.io",
	} {
		if got := registryHost(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
