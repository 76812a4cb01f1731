package repo

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path"
	"strings"
	"testing"
)

// ignoredWithParents decides on a path of files as git does: what lies in an ignored folder is ignored.
func ignoredWithParents(ig *ignores, name string) bool {
	for i, c := range name {
		if c == '/' && ig.ignored(name[:i], true) {
			return true
		}
	}
	return ig.ignored(name, false)
}

var interestingPatterns = []string{
	"foo", "/foo", "foo/", "foo/bar", "/foo/bar", "*.c", "foo*", "*", "**", "**/foo", "foo/**", "a/**/b", "**/a/**", "a**b", "a/**b", "**a/b",
	"foo**/bar", "x/foo**", "a*/**/c", "?", "a?c", "[ab]c", "[!ab]c", "[^ab]c", "[a-c]x", "[]a]", "[!]a]", "[a", "[[:alpha:]]x", "[[:digit:]_]",
	"[[:nope:]]", "[[:space:]]", `\#x`, `\!x`, "!foo", `a\*`, `a\`, `\a`, "foo ", `foo\ `, "foo  \\ ", "#c", "", " ", "/", "//", "a//b", "*/foo", "foo/*",
	"foo/*/", "**/", "/**", "a/**/", "[a-]", "[-a]", `[\]]`, `[a-\c]`, "[z-a]", "[/]", "a[/]b", "a/[!x]b", "ä", "?ä", "[ä]", "*.[ch]", "foo\r", "***", "a***b",
	"***/b", `**\/b`, "[[:alpha:]-z]", "[[a]", "[[:a]", "*a*b*", ".*", "!*/", "\t", "a/**/**/b", "[]-a]", "[,-.]", "[!/]",
}

var interestingPaths = []string{
	"foo", "foo/bar", "foo/bar/baz", "x/foo", "x/y/foo/bar", "a/b", "a/x/b", "a/x/y/b", "ab", "axb", "a/xb", "xa/b", "x.c", "x/y.c", "foox", "foox/bar", "x/foo/z",
	"foo x/y/bar", "c", "ac", "bc", "cc", "abc", "ax", "zx", "]", "a", "b", "-", "z", "_", "1", " ", "#x", "!x", "a*", "a\\", "foo ", "foo  ", "ä", "xä", "a-b", ".x",
	"a/b/c", "a1/x/c", "a/", "[a", "[", "x/a", "x/a/b", "[[:a]", ":", "a+b", "deep/er/x.h", "foo\r", "\t", "/", "^", "\\", "b/", ".", "q/,",
}

// Each pattern gets a folder with an ignore file of its own; git decides on all in one run.
func compareWithGit(t *testing.T, patterns, paths []string) {
	t.Helper()
	c := newClone(t)
	ig := &ignores{root: c.dir, files: map[string][]pattern{}}
	var names []string
	owner := map[string]string{}
	for i, p := range patterns {
		folder := fmt.Sprintf("d%04d", i)
		c.write(folder+"/.gitignore", p+"\n")
		for _, name := range paths {
			full := folder + "/" + name
			if path.Clean(full) != full || strings.ContainsAny(name, "\x00\n") {
				continue
			}
			names = append(names, full)
			owner[full] = p
		}
	}
	cmd := c.command("check-ignore", "--no-index", "-z", "--stdin")
	cmd.Stdin = strings.NewReader(strings.Join(names, "\x00") + "\x00")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // 1: none is ignored
		t.Fatalf("git check-ignore: %v", err)
	}
	git := map[string]bool{}
	for name := range bytes.SplitSeq(out, []byte{0}) {
		git[string(name)] = true
	}
	wrong := 0
	for _, name := range names {
		if got := ignoredWithParents(ig, name); got != git[name] {
			if wrong++; wrong <= 40 {
				t.Errorf("pattern %q, path %q: ignored %v, git says %v", owner[name], name[6:], got, git[name])
			}
		}
	}
	if len(git) < 2 {
		t.Error("git ignores nothing: the comparison says nothing")
	}
}

func TestPatternsAgreeWithGit(t *testing.T) {
	compareWithGit(t, interestingPatterns, interestingPaths)
}

func TestRandomPatternsAgreeWithGit(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	parts := []string{"a", "b", "c", "/", "/", "*", "**", "?", "[", "]", "!", "^", "-", "\\", " ", "[a-c]", "[!b]", "[[:alpha:]]", ".", "#"}
	random := func(from []string, n int) string {
		var b strings.Builder
		for range 1 + r.IntN(n) {
			b.WriteString(from[r.IntN(len(from))])
		}
		return b.String()
	}
	var patterns, paths []string
	for range 1500 {
		patterns = append(patterns, random(parts, 6))
	}
	for range 60 {
		paths = append(paths, random([]string{"a", "b", "c", "/", "-", "]", "[", "\\", "!", "^", " ", ".", "#"}, 6))
	}
	compareWithGit(t, patterns, append(paths, "a/b", "a/b/c", "ab/c", "a/ab/b/c", "abc"))
}

func FuzzPattern(f *testing.F) {
	for _, p := range interestingPatterns {
		f.Add(p, "a/b/foo")
	}
	f.Fuzz(func(t *testing.T, line, name string) {
		for _, p := range parsePatterns(line) {
			p.match(name, false)
			p.match(name, true)
		}
	})
}
