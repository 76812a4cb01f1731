package gitfetch

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup/procgrouptest"
)

const hash = "21dd4bae5fb7c1eec5262151ba5387c506e82913"

func TestParse(t *testing.T) {
	dir := t.TempDir()
	odd := filepath.Join(dir, "a#b")
	if err := os.Mkdir(odd, 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]Source{
		dir: {Dir: dir},
		odd: {Dir: odd},
		"https://forge.example/mirrors/quartz.git#" + hash: {URL: "https://forge.example/mirrors/quartz.git", Ref: hash},
		"ssh://git@forge.example:2222/a/b.git#v4":          {URL: "ssh://git@forge.example:2222/a/b.git", Ref: "v4"},
		"git@forge.example:a/b.git#refs/tags/v4.5.2":       {URL: "git@forge.example:a/b.git", Ref: "refs/tags/v4.5.2"},
		"file:///srv/quartz#main":                          {URL: "file:///srv/quartz", Ref: "main"},
		"/srv/quartz.git#main":                             {URL: "/srv/quartz.git", Ref: "main"},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", text, got, err, want)
		}
		if err == nil && got.String() != text {
			t.Errorf("Parse(%q).String() = %q", text, got)
		}
		if got.Pinned() != strings.HasSuffix(text, hash) {
			t.Errorf("Parse(%q).Pinned() = %v", text, got.Pinned())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":                                      "is empty",
		"no/such/folder":                        "is not a folder",
		"https://forge.example/a/b.git":         "has no commit",
		"git@forge.example:a/b.git":             "has no commit",
		"https://forge.example/a/b.git#":        "no commit, branch or tag",
		"https://forge.example/a/b.git#--exec":  "no commit, branch or tag",
		"https://forge.example/a/b.git#a..b":    "no commit, branch or tag",
		"--upload-pack=x#main":                  "no URL",
		"#main":                                 "no URL",
		"ext::sh -c x#main":                     "no URL",
		"ext::x#main":                           "neither a folder nor a URL",
		"ftp://forge.example/a#main":            "must begin with https",
		"relative/repo#main":                    "neither a folder nor a URL",
		"https://ci:canary@forge.example/a#b":   "credential helper",
		"https://canary@forge.example/a#b":      "credential helper",
		"ssh://git:canary@forge.example/a#main": "credential helper",
	} {
		_, err := Parse(text)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("Parse(%q): error %v, want %q", text, err, says)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("Parse(%q): the error shows a secret: %v", text, err)
		}
	}
}

var helper = regexp.MustCompile(`^[A-Za-z0-9+.-]+::`)

// FuzzParse: from any text, git never gets an option, or a transport that runs a command.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"https://a/b#c", "a@b:c#d", "-x#y", "file:///a#b", "ext::x#y", "#", "/a\x00::b#c", "http://[::1]:3000/a#b", "https::a://b#c"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil || s.Dir != "" {
			return
		}
		if s.String() != text {
			t.Errorf("Parse(%q) is %q", text, s)
		}
		// git takes letters, digits, '+', '-' and '.' before the colons for the name of a helper.
		if strings.HasPrefix(s.URL, "-") || strings.HasPrefix(s.Ref, "-") || helper.MatchString(s.URL) || strings.ContainsRune(s.URL, 0) {
			t.Errorf("Parse(%q) = %+v", text, s)
		}
	})
}

// upstream is a repository of two commits; it returns them, the older first.
func upstream(t *testing.T) (dir string, commits [2]string) {
	t.Helper()
	dir = t.TempDir()
	git(t, dir, "init", "--quiet", "--initial-branch=v4", ".")
	for i, text := range []string{"one\r\n", "two\n"} {
		for name, content := range map[string]string{
			"package.json": text, "sub/a.txt": text, ".gitattributes": "*.txt text=auto eol=lf\nsub/kept export-ignore\n", "sub/kept": "kept",
		} {
			file := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		git(t, dir, "add", "--all")
		git(t, dir, "commit", "--quiet", "--message=c")
		commits[i] = git(t, dir, "rev-parse", "HEAD")
	}
	git(t, dir, "tag", "--annotate", "--message=t", "v4.5.2")
	return dir, commits
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.test", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.test")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// fetch returns the text of sub/a.txt in the tree, and the commit.
func fetch(t *testing.T, g Git, s Source) (text, commit string, err error) {
	t.Helper()
	tree, err := g.Fetch(t.Context(), s)
	if err != nil {
		return "", "", err
	}
	content, err := os.ReadFile(filepath.Join(tree.Dir, "sub", "a.txt"))
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(tree.Dir, "sub", "kept")); err != nil {
		t.Errorf("a file that archives leave out is missing: %v", err)
	}
	if err := tree.Release(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(tree.Dir); s.Dir == "" && !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %s", tree.Dir)
	}
	return string(content), tree.Commit, nil
}

func TestFetch(t *testing.T) {
	dir, commits := upstream(t)
	// The server does not serve single commits, and a hook's variables name another repository.
	url := "file://" + dir
	g := Git{Cache: t.TempDir(), Environ: append(os.Environ(), "GIT_DIR=/nowhere", "GIT_INDEX_FILE=/nowhere/index", "GIT_CONFIG_GLOBAL="+os.DevNull)}
	for ref, want := range map[string]struct{ text, commit string }{
		commits[0]:         {"one\n", commits[0]},
		commits[1]:         {"two\n", commits[1]},
		"v4":               {"two\n", commits[1]},
		"v4.5.2":           {"two\n", commits[1]},
		"refs/tags/v4.5.2": {"two\n", commits[1]},
	} {
		text, commit, err := fetch(t, g, Source{URL: url, Ref: ref})
		if err != nil || commit != want.commit || text != want.text {
			t.Errorf("%s: %q of %s, %v; want %q of %s", ref, text, commit, err, want.text, want.commit)
		}
	}
	// A pinned commit that was fetched does not need its repository any more.
	if err := os.Rename(dir, dir+".gone"); err != nil {
		t.Fatal(err)
	}
	if text, _, err := fetch(t, g, Source{URL: url, Ref: commits[0]}); err != nil || text != "one\n" {
		t.Errorf("without the repository: %q, %v", text, err)
	}
	if _, _, err := fetch(t, g, Source{URL: url, Ref: "v4"}); err == nil {
		t.Error("a branch was had without its repository")
	}
	if _, err := (Git{Cache: t.TempDir(), Environ: g.Environ}).Fetch(t.Context(), Source{URL: url, Ref: commits[0]}); err == nil || !strings.Contains(err.Error(), "cannot be fetched") {
		t.Errorf("error %v", err)
	}
}

// TestFetchWhateverTheUmask checks that files get the modes that git stores.
func TestFetchWhateverTheUmask(t *testing.T) {
	dir, commits := upstream(t)
	defer syscall.Umask(syscall.Umask(0o077))
	g := Git{Cache: t.TempDir(), Environ: append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull)}
	tree, err := g.Fetch(t.Context(), Source{URL: "file://" + dir, Ref: commits[0]})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Release() }()
	for name, want := range map[string]os.FileMode{".": os.ModeDir | 0o755, "sub": os.ModeDir | 0o755, "sub/a.txt": 0o644} {
		if info, err := os.Stat(filepath.Join(tree.Dir, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
}

// A changed file of the kept repository is noticed, or has no effect.
func TestFetchGivesTheCommitOrNothing(t *testing.T) {
	dir, commits := upstream(t)
	g := Git{Cache: t.TempDir(), Environ: append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull)}
	tag := git(t, dir, "rev-parse", "v4.5.2")
	var failed *GitError
	for name, ref := range map[string]string{"a tag's hash": tag, "a tree's hash": git(t, dir, "rev-parse", "HEAD^{tree}"), "no such commit": strings.Repeat("a", 40)} {
		if _, err := g.Fetch(t.Context(), Source{URL: "file://" + dir, Ref: ref}); !errors.As(err, &failed) || failed.Hint() == "" {
			t.Errorf("%s: error %v", name, err)
		}
	}
	src := Source{URL: "file://" + dir, Ref: commits[0]}
	if _, _, err := fetch(t, g, src); err != nil {
		t.Fatal(err)
	}
	// An interrupted fetch leaves a commit without its files.
	objects, err := filepath.Glob(filepath.Join(g.Cache, "*.git", "objects", "pack", "*.pack"))
	if err != nil {
		t.Fatal(err)
	}
	loose, err := filepath.Glob(filepath.Join(g.Cache, "*.git", "objects", "??", "*"))
	if err != nil || len(objects)+len(loose) == 0 {
		t.Fatalf("no objects, %v", err)
	}
	blob := git(t, dir, "rev-parse", commits[0]+":sub/a.txt")
	for _, file := range loose {
		if strings.HasSuffix(file, filepath.Join(blob[:2], blob[2:])) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	if text, _, err := fetch(t, g, src); err != nil || text != "one\n" {
		t.Errorf("after objects were lost: %q, %v", text, err)
	}
}

func TestFetchDir(t *testing.T) {
	dir, _ := upstream(t)
	tree, err := Git{}.Fetch(t.Context(), Source{Dir: dir})
	if err != nil || tree.Dir != dir || tree.Commit != "" {
		t.Fatalf("%+v, %v", tree, err)
	}
	if err := tree.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "package.json")); err != nil {
		t.Errorf("the user's folder is gone: %v", err)
	}
}

func TestNoGit(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Git{Cache: t.TempDir()}.Fetch(t.Context(), Source{URL: "https://forge.example/a", Ref: hash})
	var failed *GitError
	if !errors.As(err, &failed) || !strings.Contains(failed.Hint(), "install git") {
		t.Errorf("error %v", err)
	}
}

func TestHints(t *testing.T) {
	for stderr, want := range map[string]string{
		"fatal: could not read Username for 'https://forge.example': terminal prompts disabled": "credential helper",
		"git@forge.example: Permission denied (publickey).":                                     "SSH key",
		"fatal: unable to access": "BLUMEOPS_DOCS_SOURCE",
	} {
		if got := (&GitError{Stderr: stderr}).Hint(); !strings.Contains(got, want) {
			t.Errorf("%q: hint %q, want %q", stderr, got, want)
		}
	}
}

// git runs helpers and hooks of any repository: it gets no token of the run.
func TestGitGetsNoSecret(t *testing.T) {
	procgrouptest.Secrets(t)
	from := t.TempDir()
	if err := os.WriteFile(filepath.Join(from, "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"add", "file"},
		{"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message=x"},
	} {
		if out, err := exec.Command("git", append([]string{"-C", from}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	environments := procgrouptest.Witness(t, "git")
	tree, err := Git{Cache: t.TempDir(), Environ: os.Environ()}.Fetch(t.Context(), Source{URL: "file://" + from, Ref: "main"})
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Release(); err != nil {
		t.Error(err)
	}
	if leaks := procgrouptest.Leaks(environments()); len(leaks) > 0 {
		t.Errorf("git was given %q", leaks)
	}
}
