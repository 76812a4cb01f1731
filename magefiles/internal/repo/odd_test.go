package repo

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// display are settings that change how git shows or finds an answer, or its speed, and not the answer.
var display = []string{
	"status.showUntrackedFiles=no", "status.renames=copies", "status.showStash=true", "status.branch=true", "status.relativePaths=true", "status.short=true",
	"status.submoduleSummary=true", "color.ui=always", "color.status=always", "core.quotePath=true", "core.abbrev=4", "core.pager=false", "pager.status=true",
	"core.untrackedCache=true", "core.splitIndex=true", "index.version=4", "index.sparse=true", "feature.manyFiles=true", "core.preloadIndex=false",
	"core.bigFileThreshold=1", "diff.ignoreSubmodules=all", "submodule.sub.ignore=all", "submodule.recurse=true", "diff.renames=copies", "diff.noprefix=true",
	"diff.external=false", "i18n.logOutputEncoding=UTF-16", "advice.statusHints=false", "core.logAllRefUpdates=always", "core.sharedRepository=group",
	"alias.status=!false", "alias.ls-files=!false", "core.precomposeUnicode=true", "gc.auto=1", "core.commentChar=;", "column.ui=always", "log.showSignature=true",
}

// deciding are settings that define what counts as a change.
var deciding = []string{
	"core.autocrlf=true", "core.autocrlf=input", "core.fileMode=false", "core.safecrlf=true", "core.eol=crlf", "core.excludesFile=~/mine", "core.attributesFile=~/attributes",
	"include.path=~/more", "includeIf.gitdir:/.path=~/more", "includeIf.onbranch:main.path=~/more",
}

// layouts are the possible places of a checkout's git folder.
var layouts = map[string]func(c *clone) *clone{
	"plain": func(c *clone) *clone { return c },
	"symbolic link": func(c *clone) *clone {
		c.must(os.Rename(filepath.Join(c.dir, ".git"), c.home+"/git"))
		c.symlink(c.home+"/git", ".git")
		return c
	},
	"elsewhere": func(c *clone) *clone { c.git("init", "-q", "--separate-git-dir", c.home+"/git"); return c },
	"linked": func(c *clone) *clone {
		c.git("worktree", "add", "-q", c.home+"/linked")
		return c.at(c.home + "/linked")
	},
	"borrowed": func(c *clone) *clone {
		c.git("clone", "-q", "--shared", c.dir, c.home+"/shared")
		return c.at(c.home + "/shared")
	},
	"submodule": func(c *clone) *clone {
		outer := c.at(c.home + "/outer")
		c.git("init", "-q", outer.dir)
		outer.git("submodule", "--quiet", "add", c.dir, "in")
		return c.at(outer.dir + "/in")
	},
	"folder linked": func(c *clone) *clone {
		c.at(c.home).symlink(c.dir, "way")
		return c.at(c.home + "/way")
	},
}

// oddSettings gives a clone and its user some settings.
func (c *clone) oddSettings(random *rand.Rand) {
	c.t.Helper()
	home := c.at(c.home)
	home.write("mine", "*.swp\n!keep.log\n")
	home.write("attributes", "*.txt text=auto\nlines text\n")
	home.write("more", "[core]\n\texcludesFile = ~/mine\n[status]\n\tshowUntrackedFiles = no\n")
	var user, local strings.Builder
	for _, setting := range slices.Concat(display, deciding) {
		key, value, _ := strings.Cut(setting, "=")
		section, name, _ := strings.Cut(key, ".")
		if at := strings.LastIndexByte(name, '.'); at >= 0 {
			section, name = section+" \""+name[:at]+"\"", name[at+1:]
		}
		if file := []*strings.Builder{&user, &local, nil, nil, nil}[random.IntN(5)]; file != nil {
			fmt.Fprintf(file, "[%s]\n\t%s = \"%s\"\n", section, name, value)
		}
	}
	home.write(".gitconfig", user.String())
	home.write("local", local.String())
	c.git("config", "include.path", c.home+"/local")
}

// plainly is git's answer without the settings that change its display, here and in the git that it starts in a submodule.
func (c *clone) plainly() (list []string) {
	c.t.Helper()
	cmd := c.command("-c", "status.showUntrackedFiles=all", "status", "--porcelain=v2", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=none")
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatal(err, said.String())
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if line != "" && line[0] != '#' {
			list = append(list, strings.SplitN(line, " ", map[byte]int{'1': 9, 'u': 11, '?': 2}[line[0]])[map[byte]int{'1': 8, 'u': 10, '?': 1}[line[0]]])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// edit changes something of a work tree at random.
func (c *clone) edit(random *rand.Rand) {
	c.t.Helper()
	names := []string{"a.txt", "dir/b.txt", "dir/deep/c.txt", "build/kept", "build/n", "n.log", "x.swp", "dir/n", "keep.log", "lines", "dir/.gitignore", "sub/f", "sub/new", "Ü n\ti\"\\"}
	name := names[random.IntN(len(names))]
	switch random.IntN(10) {
	case 0:
		c.remove(name)
	case 1:
		c.remove(name) // the file may be a symbolic link
		c.write(name, fmt.Sprint("*", random.IntN(3), "\n"))
	case 2:
		c.remove(name)
		c.write(name, "one\r\ntwo\r\n")
	case 3:
		_ = c.command("add", name).Run() // fails for an ignored or missing file
	case 4:
		_ = c.command("update-index", "--refresh").Run() // fails if something differs
	case 5:
		_ = os.Chmod(filepath.Join(c.dir, name), []os.FileMode{0o644, 0o755}[random.IntN(2)]) // a missing file stays missing
	case 6:
		_ = c.command("checkout", "-q", "HEAD", "--", name).Run() // fails for a file that HEAD does not have
	case 7:
		c.remove(name)
		c.mkdir(filepath.Dir(name))
		c.symlink("dir", name)
	case 8:
		_ = c.command("add", "-N", name).Run()
	case 9:
		_ = c.command("stash", "-q").Run()
	}
}

// TestChangedInOddConfigurations compares random work trees, in each layout of a checkout and under random settings, with git itself.
func TestChangedInOddConfigurations(t *testing.T) {
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	for name, layout := range layouts {
		t.Run(name, func(t *testing.T) {
			for seed := range seeds {
				random := rand.New(rand.NewPCG(seed, uint64(len(name))))
				c := layout(fixture(t))
				if name != "symbolic link" && random.IntN(2) == 0 { // from there git finds no submodule
					c.submodule()
					c.commit("sub")
				}
				for range 4 {
					c.oddSettings(random)
					for range 3 {
						c.edit(random)
					}
					got, err := c.open().Changed(t.Context())
					if want := c.plainly(); err != nil || !slices.Equal(got, want) {
						t.Fatalf("seed %d: got %q, %v\ngit says %q\n%s", seed, got, err, want, c.git("config", "--list"))
					}
				}
			}
		})
	}
}

// hostile is a clone in which every setting that may name a program names one that leaves a mark, and every variable that can name another place
// does.
func hostile(t *testing.T) (c *clone, marks func() []string) {
	_, c = forge(t)
	c.write(".gitattributes", "*.odd filter=a.b=c\" diff=odd merge=odd\n*.bin filter=lfs\n")
	c.write("x.odd", "odd")
	c.write("x.bin", c.pointerTo("large"))
	c.submodule()
	c.commit("base")
	c.git("push", "-q", "origin", "main")
	bin := c.at(c.home)
	bin.write("program", "#!/bin/sh\necho \"$0 $*\" >>"+c.home+"/marks\nexit 1\n")
	bin.chmod("program", 0o755)
	program := c.home + "/program"
	for _, hook := range []string{"post-index-change", "reference-transaction", "post-merge", "post-checkout", "pre-push", "pre-auto-gc", "fsmonitor-watchman"} {
		bin.symlink(program, hook)
	}
	for _, key := range []string{
		"core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.askPass", "core.gitProxy", "core.alternateRefsCommand", "diff.external",
		"diff.odd.command", "diff.odd.textconv", "merge.odd.driver", "filter.a.b=c\".clean", "filter.a.b=c\".smudge", "filter.lfs.process", "filter.lfs.clean",
		"gpg.program", "credential.helper", "uploadpack.packObjectsHook", "remote.origin.uploadpack", "remote.origin.receivepack", "sequence.editor",
	} {
		c.git("config", key, program)
	}
	c.git("config", "core.hooksPath", c.home)
	for _, key := range []string{"filter.a.b=c\".required", "filter.lfs.required", "merge.verifySignatures", "log.showSignature"} {
		c.git("config", key, "true")
	}
	sub := c.at(filepath.Join(c.dir, "sub"))
	sub.git("config", "core.fsmonitor", program)
	sub.git("config", "filter.mine.clean", program)
	sub.must(os.WriteFile(filepath.Join(c.dir, ".git/modules/sub/info/attributes"), []byte("* filter=mine\n"), 0o600))
	return c, func() []string {
		raw, _ := os.ReadFile(c.home + "/marks") // a missing file means no marks
		_ = os.Remove(c.home + "/marks")
		return strings.Split(strings.TrimSpace(string(raw)), "\n")
	}
}

// TestNoProgramOfTheConfigurationRuns asks all questions in a clone whose configuration and environment name programs and other places. Plain git
// runs some of them; this package runs none, and its answers are right.
func TestNoProgramOfTheConfigurationRuns(t *testing.T) {
	c, marks := hostile(t)
	variables := map[string]string{
		"GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/nowhere", "GIT_INDEX_FILE": "/nowhere", "GIT_OBJECT_DIRECTORY": "/nowhere", "GIT_NAMESPACE": "other",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": c.home + "/program", "GIT_CONFIG_PARAMETERS": "'core.bare=true'",
		"GIT_EXTERNAL_DIFF": c.home + "/program", "GIT_SSH_COMMAND": c.home + "/program", "GIT_PAGER": c.home + "/program", "GIT_TRACE": c.home + "/trace",
		"GIT_EXEC_PATH": c.home, "GIT_CEILING_DIRECTORIES": "/", "GIT_ATTR_SOURCE": "nowhere", "GIT_LITERAL_PATHSPECS": "0", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de",
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
	env := func(name string) string {
		if value, ok := variables[name]; ok {
			return value
		}
		return c.env(name)
	}
	c.write("x.odd", "changed")
	c.write("x.bin", "large") // the file as Git LFS checks it out
	c.write("a.txt", "one")   // written again
	c.write("sub/f", "changed")
	_ = c.command("status").Run()
	if len(marks()) < 2 {
		t.Fatal("git runs none of the programs: the test says nothing")
	}
	r, err := Open(c.dir, WithEnvironment(env))
	must(t, err)
	if got, err := r.Changed(t.Context()); err != nil || !slices.Equal(got, []string{"sub", "x.odd"}) {
		t.Errorf("%q, %v", got, err)
	}
	files, err := r.Files(t.Context())
	if err != nil || !slices.Contains(files, "x.bin") {
		t.Errorf("%q, %v", files, err)
	}
	_, err = r.Ignored(t.Context(), []string{"."}, func(string) bool { return true })
	must(t, err)
	_, err = r.AbsentSubmodules(".")
	must(t, err)
	recorded, err := r.snapshot(c.git("rev-parse", "main"), true)
	must(t, err)
	if text, err := recorded.ReadFile("x.bin"); err != nil || string(text) != "large" {
		t.Errorf("%q, %v", text, err)
	}
	base := c.git("rev-parse", "main")
	to, err := r.Commit(t.Context(), base, []Change{{Path: "y.odd", Content: []byte("y")}, {Path: "y.bin", Content: []byte("y")}}, someone("two"))
	must(t, err)
	if why, err := r.FastForward(t.Context(), "main", base, to); err != nil || why != "" {
		t.Errorf("%q, %v", why, err)
	}
	must(t, r.setReference("refs/tags/v1", [20]byte{}, [20]byte{}, "x"))
	if got, err := r.Changed(t.Context(), "y.odd", "y.bin"); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
	if said := marks(); said[0] != "" {
		t.Errorf("programs ran: %q", said)
	}
	if _, err := os.Stat(c.home + "/trace"); err == nil {
		t.Error("git left a trace")
	}
}

// TestChangedOfTheFolderThatWasOpened has a configuration that names another work tree, or none.
func TestChangedOfTheFolderThatWasOpened(t *testing.T) {
	for _, setting := range []string{"core.worktree", "core.bare"} {
		c := fixture(t)
		c.write("new", "x")
		c.git("config", setting, map[string]string{"core.worktree": c.home, "core.bare": "true"}[setting])
		if got, err := c.open().Changed(t.Context()); err != nil || !slices.Equal(got, []string{"new"}) {
			t.Errorf("%s: %q, %v", setting, got, err)
		}
	}
}

// TestNothingIsFetched asks about the work tree of a partial clone, for which git would fetch from the remote.
func TestNothingIsFetched(t *testing.T) {
	remote, c := forge(t)
	c.at(remote).git("config", "uploadpack.allowFilter", "true")
	partial := c.at(filepath.Join(t.TempDir(), "partial"))
	c.git("clone", "-q", "--filter=blob:none", "file://"+remote, partial.dir)
	partial.write("new", "x")
	partial.git("config", "remote.origin.uploadpack", "echo >>"+c.home+"/marks; false")
	if got, err := partial.open().Changed(t.Context()); err != nil || !slices.Equal(got, []string{"new"}) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := os.Stat(c.home + "/marks"); err == nil {
		t.Error("the remote was asked")
	}
}

// TestCheckoutOfAnother is the case of CI containers: the folder has another owner than the process, which git refuses.
func TestCheckoutOfAnother(t *testing.T) {
	c := fixture(t)
	c.write("new", "x")
	git, err := exec.LookPath("git")
	must(t, err)
	bin := c.at(t.TempDir())
	bin.write("git", "#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec "+git+" \"$@\"\n")
	bin.chmod("git", 0o755)
	t.Setenv("PATH", bin.dir+":"+os.Getenv("PATH"))
	if out, err := c.command("status").CombinedOutput(); err == nil || !strings.Contains(string(out), "safe.directory") {
		t.Fatalf("git takes it: %s", out)
	}
	if got, err := c.open().Changed(t.Context()); err != nil || !slices.Equal(got, []string{"new"}) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestLargeFilesThatAreCheckedOut have the content instead of the pointer: git would ask the filter of Git LFS, which is not run here.
func TestLargeFilesThatAreCheckedOut(t *testing.T) {
	c := fixture(t)
	c.write(".gitattributes", "*.bin filter=lfs\n")
	for _, name := range []string{"same.bin", "other.bin", "longer.bin", "mode.bin", "none.txt"} {
		c.write(name, c.pointerTo("large"))
	}
	c.commit("large")
	for name, text := range map[string]string{"same.bin": "large", "other.bin": "Large", "longer.bin": "large ", "mode.bin": "large", "none.txt": "large"} {
		c.write(name, text)
	}
	c.chmod("mode.bin", 0o755)
	if got, err := c.open().Changed(t.Context()); err != nil || !slices.Equal(got, []string{"longer.bin", "mode.bin", "none.txt", "other.bin"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWithoutGit(t *testing.T) {
	c := fixture(t)
	r := c.open()
	t.Setenv("PATH", t.TempDir())
	_, err := r.Changed(t.Context())
	var failed *GitError
	if !errors.As(err, &failed) || failed.Hint() != "install git" {
		t.Errorf("%v", err)
	}
}

// TestBrokenGit expects git's own message in the error, on one line.
func TestBrokenGit(t *testing.T) {
	c := fixture(t)
	r := c.open()
	c.write(".git/index", "not an index\x1b[31m")
	_, err := r.Files(t.Context())
	if err == nil || !strings.Contains(err.Error(), "git ls-files: ") || !strings.Contains(err.Error(), "index") || strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("%v", err)
	}
}
