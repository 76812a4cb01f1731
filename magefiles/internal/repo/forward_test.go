package repo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// released makes a release's commit of a checkout, and returns it.
func released(t testing.TB, c *clone, base string) string {
	t.Helper()
	hash, err := c.open().Commit(t.Context(), base, []Change{
		{Path: "CHANGELOG.md", Content: []byte("# Changelog\n\nnew\n")},
		{Path: "changelog.d/1.feature.md", Delete: true},
		{Path: "changelog.d/2.bugfix.md", Delete: true},
		{Path: "new/er/x", Content: []byte("x")},
		{Path: "run", Content: []byte("#!/bin/sh\ntrue\n")},
	}, someone("release"))
	must(t, err)
	return hash
}

func forwarded(t testing.TB, c *clone, from, to string) (why string) {
	t.Helper()
	why, err := c.open().FastForward(t.Context(), "main", from, to)
	must(t, err)
	return why
}

// TestFastForward has indexes of every kind that git writes, and settings that act on files.
func TestFastForward(t *testing.T) {
	for version, do := range map[string]func(c *clone){
		"2":      func(c *clone) { c.git("update-index", "--index-version", "2") },
		"3":      func(c *clone) { c.git("update-index", "--index-version", "3") },
		"4":      func(c *clone) { c.git("update-index", "--index-version", "4") },
		"split":  func(c *clone) { c.git("update-index", "--split-index") },
		"cached": func(c *clone) { c.git("update-index", "--untracked-cache") },
		"no sum": func(c *clone) {
			c.git("config", "index.skipHash", "true")
			c.git("update-index", "--force-write-index")
		},
		"line ends": func(c *clone) { c.git("config", "core.autocrlf", "true") },
		"linked .git": func(c *clone) {
			c.must(os.Rename(filepath.Join(c.dir, ".git"), c.home+"/git"))
			c.symlink(c.home+"/git", ".git")
		},
	} {
		c, base := tree(t)
		do(c)
		to := released(t, c, base)
		// The user's other changes stay.
		c.write("docs/a.md", "modified")
		c.write("docs/staged.md", "staged")
		c.git("add", "docs/staged.md")
		c.write("untracked", "untracked")
		c.git("update-index", "--assume-unchanged", "docs.md")
		before := c.status()
		if why := forwarded(t, c, base, to); why != "" {
			t.Fatalf("version %s: left alone: %s", version, why)
		}
		if after := c.status(); strings.Join(after, " ") != strings.Join(before, " ") {
			t.Errorf("version %s: status %q, before %q", version, after, before)
		}
		if head := c.git("symbolic-ref", "HEAD") + c.git("rev-parse", "HEAD"); head != "refs/heads/main"+to {
			t.Errorf("HEAD: %s", head)
		}
		if got := c.git("diff", "--stat", to, "--", "CHANGELOG.md", "changelog.d", "new", "run"); got != "" {
			t.Errorf("not as released: %s", got)
		}
		if _, err := os.Stat(filepath.Join(c.dir, "changelog.d")); err == nil {
			t.Error("the empty folder is there yet")
		}
		if got := c.git("ls-files", "-v", "docs.md"); got != "h docs.md" {
			t.Errorf("the mark is gone: %s", got)
		}
		if got := c.git("reflog", "-1", "--format=%H %gs"); got != to+" merge "+to+": Fast-forward" {
			t.Errorf("reflog: %s", got)
		}
		if got, want := c.git("ls-files", "--stage", "run"), "100755 "; !strings.HasPrefix(got, want) {
			t.Errorf("modes: %s", got)
		}
		if got := c.agree(); len(got) == 0 {
			t.Error("Changed sees nothing")
		}
		c.git("commit", "-q", "-m", "the next") // with git's cache of trees in the index
		sound(t, c)
		if got := c.git("show", "--name-only", "--format=", "HEAD"); got != "docs/staged.md" {
			t.Errorf("the next commit has %s", got)
		}
	}
}

func TestFastForwardLeavesAlone(t *testing.T) {
	cases := map[string]struct {
		do  func(c *clone)
		why string
	}{
		"modified":          {func(c *clone) { c.write("CHANGELOG.md", "mine") }, "CHANGELOG.md has uncommitted changes"},
		"mode":              {func(c *clone) { c.chmod("CHANGELOG.md", 0o755) }, "CHANGELOG.md has uncommitted changes"},
		"staged":            {func(c *clone) { c.write("run", "mine"); c.git("add", "run") }, "run has staged changes"},
		"staged and back":   {func(c *clone) { c.write("run", "mine"); c.git("add", "run"); c.write("run", "#!/bin/sh\n") }, "run has staged changes"},
		"deleted":           {func(c *clone) { c.remove("changelog.d/1.feature.md"); c.remove("CHANGELOG.md") }, "CHANGELOG.md has uncommitted changes"},
		"deletion staged":   {func(c *clone) { c.git("rm", "-q", "--cached", "CHANGELOG.md") }, "CHANGELOG.md has staged changes"},
		"untracked":         {func(c *clone) { c.write("new/er/x", "mine") }, "new/er/x has uncommitted changes"},
		"ignored":           {func(c *clone) { c.write(".git/info/exclude", "x\n"); c.write("new/er/x", "mine") }, "new/er/x has uncommitted changes"},
		"file for a folder": {func(c *clone) { c.write("new", "mine") }, "'new"},
		"link for a folder": {func(c *clone) { c.symlink("docs", "new") }, "'new"},
		"folder for a file": {func(c *clone) { c.mkdir("new/er/x") }, "new/er/x has uncommitted changes"},
		"link for a file":   {func(c *clone) { c.remove("run"); c.symlink("docs/a.md", "run") }, "run has uncommitted changes"},
		"hidden":            {func(c *clone) { c.git("update-index", "--assume-unchanged", "run"); c.write("run", "mine") }, "'run'"},
		"detached":          {func(c *clone) { c.git("checkout", "-q", "--detach") }, "HEAD is detached"},
		"another branch":    {func(c *clone) { c.git("checkout", "-q", "-b", "feature") }, "the current branch is feature"},
		"ahead":             {func(c *clone) { c.git("commit", "-q", "--allow-empty", "-m", "mine") }, "its main is at"},
		"a merge":           {func(c *clone) { c.git("update-ref", "MERGE_HEAD", "HEAD") }, "a merge is in progress"},
		"git at work":       {func(c *clone) { c.write(".git/index.lock", "") }, "index.lock"},
		"branch locked":     {func(c *clone) { c.write(".git/refs/heads/main.lock", "") }, "main.lock"},
		"no index":          {func(c *clone) { c.remove(".git/index") }, "has staged changes"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			c, base := tree(t)
			to := released(t, c, base)
			test.do(c)
			before := snapshotOf(t, c.dir)
			if why := forwarded(t, c, base, to); !strings.Contains(why, test.why) {
				t.Errorf("why %q, want %q", why, test.why)
			}
			if after := snapshotOf(t, c.dir); after != before {
				t.Errorf("something was touched:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

// snapshotOf is all of a checkout except its objects.
func snapshotOf(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == "objects" {
				return filepath.SkipDir
			}
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		raw, _ := os.ReadFile(path) // a link to a folder has none
		all.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String() + "\n")
		all.Write(raw)
		return nil
	}))
	return all.String()
}

// TestFastForwardAfterAKill begins at every state that a kill can leave.
func TestFastForwardAfterAKill(t *testing.T) {
	for name, do := range map[string]func(c *clone, to string){
		"some files": func(c *clone, to string) {
			c.git("show", to+":CHANGELOG.md")
			c.write("CHANGELOG.md", "# Changelog\n\nnew\n")
			c.remove("changelog.d/1.feature.md")
		},
		"files and index":             func(c *clone, to string) { c.git("read-tree", "-m", "-u", "HEAD", to) },
		"files, index and branch":     func(c *clone, to string) { c.git("merge", "-q", "--ff-only", to) },
		"only the branch, as by hand": func(c *clone, to string) { c.git("update-ref", "HEAD", to) },
	} {
		c, base := tree(t)
		to := released(t, c, base)
		do(c, to)
		if why := forwarded(t, c, base, to); why != "" {
			t.Errorf("%s: left alone: %s", name, why)
		}
		if got := c.status(); len(got) > 0 || c.git("rev-parse", "HEAD") != to {
			t.Errorf("%s: status %q", name, got)
		}
		if locks, _ := filepath.Glob(filepath.Join(c.dir, ".git", "*.lock")); len(locks) > 0 {
			t.Errorf("%s: locks %q", name, locks)
		}
	}
}

// TestFastForwardFromBehind has others push before the run, or after one that was ended: the checkout moves to the new commit, as with git.
func TestFastForwardFromBehind(t *testing.T) {
	for _, from := range []string{"made", ""} {
		c, base := tree(t)
		theirs := released(t, c, base)
		to, err := c.open().Commit(t.Context(), theirs, []Change{{Path: "argocd/x.yaml", Content: []byte("x: 1\n")}}, someone("promote"))
		must(t, err)
		if from == "made" {
			from = theirs
		}
		if why := forwarded(t, c, from, to); why != "" {
			t.Fatalf("from %q: left alone: %s", from, why)
		}
		if got := c.status(); len(got) > 0 || c.git("rev-parse", "HEAD") != to {
			t.Errorf("from %q: at %s, status %q", from, c.git("rev-parse", "HEAD"), got)
		}
		sound(t, c)
	}
}

// TestFastForwardOfNothingNew has a run without a commit: it silently leaves a checkout at another commit alone.
func TestFastForwardOfNothingNew(t *testing.T) {
	for name, do := range map[string]func(c *clone, to string){
		"there already": func(c *clone, to string) { c.git("merge", "-q", "--ff-only", to) },
		"ahead": func(c *clone, to string) {
			c.git("merge", "-q", "--ff-only", to)
			c.git("commit", "-q", "--allow-empty", "-m", "mine")
		},
		"apart":          func(c *clone, _ string) { c.git("commit", "-q", "--allow-empty", "-m", "mine") },
		"another branch": func(c *clone, _ string) { c.git("checkout", "-q", "-b", "feature") },
		"detached":       func(c *clone, _ string) { c.git("checkout", "-q", "--detach") },
		"no such branch": func(c *clone, _ string) { c.git("branch", "-q", "-m", "master") },
	} {
		c, base := tree(t)
		to := released(t, c, base)
		do(c, to)
		before := snapshotOf(t, c.dir)
		if why := forwarded(t, c, "", to); why != "" || snapshotOf(t, c.dir) != before {
			t.Errorf("%s: %q, or something was touched", name, why)
		}
	}
	c, base := tree(t)
	to := released(t, c, base)
	c.write("CHANGELOG.md", "mine")
	if why := forwarded(t, c, "", to); !strings.Contains(why, "CHANGELOG.md has uncommitted changes") {
		t.Errorf("behind, and modified: %q", why)
	}
}

func TestFastForwardOfLinkedWorktree(t *testing.T) {
	c, base := tree(t)
	to := released(t, c, base)
	c.git("checkout", "-q", "--detach")
	c.git("pack-refs", "--all")
	linked := c.at(filepath.Join(t.TempDir(), "linked"))
	c.git("worktree", "add", "-q", linked.dir, "main")
	if why := forwarded(t, linked, base, to); why != "" {
		t.Fatal(why)
	}
	if got := linked.status(); len(got) > 0 || linked.git("rev-parse", "HEAD") != to || c.git("rev-parse", "main") != to || c.git("rev-parse", "HEAD") != base {
		t.Errorf("status %q", got)
	}
	sound(t, linked)
}

// TestFastForwardKeepsDoubt changes a file within the tick in which the index was written: only its content shows the
// change, to a git that does not trust the time of the change of the file's attributes.
func TestFastForwardKeepsDoubt(t *testing.T) {
	for setting, later := range map[string]bool{ // than the second of the entry in the index: git compares seconds
		"core.trustctime=false": false, "core.trustctime=no": true, "core.checkStat=minimal": true,
	} {
		c, base := tree(t)
		to := released(t, c, base)
		same := time.Now().Add(-time.Hour)
		file, index := filepath.Join(c.dir, "docs/a.md"), filepath.Join(c.dir, ".git/index")
		must(t, os.Chtimes(file, same, same))
		key, value, _ := strings.Cut(setting, "=")
		c.git("config", key, value)
		c.git("update-index", "--refresh")
		if now := time.Now(); later {
			time.Sleep(now.Truncate(time.Second).Add(1100 * time.Millisecond).Sub(now)) // the clock of files is some milliseconds behind
		}
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteString("b\n")
		must(t, err)
		must(t, f.Close())
		must(t, os.Chtimes(file, same, same))
		must(t, os.Chtimes(index, same, same))
		if got := c.status(); len(got) != 1 {
			t.Fatalf("%s: git sees %q before", setting, got)
		}
		if why := forwarded(t, c, base, to); why != "" {
			t.Fatal(why)
		}
		if got := c.status(); len(got) != 1 || got[0] != "docs/a.md" {
			t.Errorf("%s: status %q", setting, got)
		}
	}
}

func TestFastForwardRefuses(t *testing.T) {
	c, base := tree(t)
	other := c.git("commit-tree", "-m", "other", base+"^{tree}")
	if why, err := c.open().FastForward(t.Context(), "main", base, other); err == nil {
		t.Errorf("an unrelated commit: %q", why)
	}
}
