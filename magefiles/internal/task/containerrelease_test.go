package task_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/origin"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// gitForge is a real bare repository and a clone of it.
type gitForge struct {
	origin.Tags
	t           *testing.T
	far, here   string
	beforePush  func()
	denied      error  // of CheckTag
	protected   string // name of a tag that may not be made
	notes, plan []string
}

func newGitForge(t *testing.T) *gitForge {
	t.Helper()
	testenv.Program(t, "git", "apt-get install git")
	g := &gitForge{t: t, far: filepath.Join(t.TempDir(), "far.git"), here: filepath.Join(t.TempDir(), "here")}
	g.git(".", "init", "-q", "--bare", "-b", "main", g.far)
	g.git(".", "clone", "-q", g.far, g.here)
	g.write("containers/nettest/main.go", "//blumeops:version 0.1.0\npackage main\n")
	g.commit("begin")
	g.git(g.here, "remote", "set-head", "origin", "main")
	g.Tags.Origin = originOf(t, g.here)
	return g
}

func (g *gitForge) git(dir string, args ...string) string {
	g.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + g.t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.org", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=init.defaultBranch", "GIT_CONFIG_VALUE_0=main",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (g *gitForge) write(name, text string) {
	g.t.Helper()
	file := filepath.Join(g.here, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		g.t.Fatal(err)
	}
}

// commit makes a commit and pushes it.
func (g *gitForge) commit(text string) string {
	g.t.Helper()
	g.write("notes.txt", text)
	g.git(g.here, "add", "-A")
	g.git(g.here, "commit", "-q", "-m", text)
	g.git(g.here, "push", "-q", "origin", "main")
	return g.head()
}

func (g *gitForge) head() string { return g.git(g.here, "rev-parse", "HEAD") }

// tags are the tags on the forge, with their commits.
func (g *gitForge) tags() []string {
	return strings.Fields(g.git(g.far, "for-each-ref", "--format=%(refname:strip=2)=%(*objectname)%(objecttype)", "refs/tags"))
}

// CheckTag is refused if the test says so.
func (g *gitForge) CheckTag(ctx context.Context, name string) error {
	if g.protected != "" && g.protected == name {
		return errors.New(name + " is protected")
	}
	return errors.Join(g.denied, g.Tags.CheckTag(ctx, name))
}

func (g *gitForge) PushTag(ctx context.Context, name, object string) error {
	if g.beforePush != nil {
		g.beforePush()
	}
	return g.Tags.PushTag(ctx, name, object)
}

func (g *gitForge) release(l *shop) task.ContainerRelease {
	r := g.Git
	p := l.publish(g.t, r, &builder{t: g.t})
	note := func(s string) { g.notes = append(g.notes, s) }
	return task.ContainerRelease{Publish: p, Images: registry.New(registry.Options{}), Remote: g, Tagger: g, Note: note, Warn: note}
}

func TestContainerRelease(t *testing.T) {
	t.Parallel()
	l, g := newShop(t), newGitForge(t)
	one := g.head()
	for range 2 { // a repeat succeeds, and gives no further version
		got, err := g.release(l).Run(t.Context(), "nettest", "patch")
		if err != nil || got.String() != "nettest-v0.1.0" || got.Commit != one {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if want := []string{"nettest-v0.1.0=" + one + "tag"}; !slices.Equal(g.tags(), want) {
		t.Errorf("the forge has %q, want %q", g.tags(), want)
	}
	if l.writes.Load() > 0 {
		t.Error("something was published")
	}
	two := g.commit("two")
	g.git(g.here, "push", "-q", "origin", "HEAD:refs/tags/nettest-v0.9.0", "HEAD~1:refs/tags/nettest-v0.10.0", "HEAD:refs/tags/other-v7.0.0",
		"HEAD:refs/tags/v3.0.0", "HEAD:refs/tags/nettest-v1.0", "HEAD:refs/tags/nettest-v2.0.0-rc.1")
	for version, want := range map[string]string{"minor": "nettest-v0.11.0", "v0.10.5": "nettest-v0.10.5", "v2.0.0-rc.2": "nettest-v2.0.0-rc.2"} {
		g.notes = nil
		got, err := g.release(l).Run(t.Context(), "nettest", version)
		if err != nil || got.Tag != want || got.Commit != two || got.Status != task.StatusTagged {
			t.Errorf("%s: %+v, %v; want %s (said %q)", version, got, err, want, g.notes)
		}
		g.git(g.far, "tag", "-d", want)
	}
	got, err := g.release(l).Run(t.Context(), "nettest", "v0.0.9")
	if err != nil || got.Tag != "nettest-v0.0.9" || !strings.Contains(strings.Join(g.notes, "\n"), "is lower than v0.10.0") {
		t.Errorf("a lower one: %+v, %v, said %q", got, err, g.notes)
	}
}

// TestContainerReleaseCountsWhatIsPublished has versions in the registry without a tag.
func TestContainerReleaseCountsWhatIsPublished(t *testing.T) {
	t.Parallel()
	l, g := newShop(t), newGitForge(t)
	publish := func(versions ...string) {
		t.Helper()
		r := g.Git
		for _, version := range versions {
			if _, err := l.publish(t, r, &builder{t: t}).Run(t.Context(), task.PublishArgs{Name: "nettest", Version: version}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var same []string // commits whose images equal those of the newest
	release := func(version, want string, says ...string) {
		t.Helper()
		g.notes = nil
		r := g.release(l)
		r.Publish.Before = func(context.Context, string) ([]string, error) { return same, nil }
		got, err := r.Run(t.Context(), "nettest", version)
		if err != nil || got.Tag != want {
			t.Errorf("%s: %+v, %v; want %s", version, got, err, want)
		}
		for _, text := range says {
			if !strings.Contains(strings.Join(g.notes, "\n"), text) {
				t.Errorf("%s says %q, and not %q", version, g.notes, text)
			}
		}
	}
	publish("v0.1.0", "v0.4.0", "dev", "v7.0.0-abcdef1")
	release("minor", "nettest-v0.4.0", "v0.4.0 is already published, from commit "+g.git(g.here, "rev-parse", "--short=12", "HEAD"))
	release("patch", "nettest-v0.4.0", "is already at the forge")
	g.git(g.far, "tag", "-d", "nettest-v0.4.0")
	g.commit("two")
	release("minor", "nettest-v0.5.0", "nettest:v0.4.0 was published without a tag")
	g.commit("three")
	release("patch", "nettest-v0.5.1")
	g.commit("four")
	publish("v0.9.0")
	same = []string{g.git(g.here, "rev-parse", "HEAD")}
	g.commit("five")
	release("minor", "nettest-v0.9.0", "v0.9.0 is already published, from commit "+same[0][:12])
	g.git(g.far, "tag", "-d", "nettest-v0.9.0")
	release("v0.8.0", "nettest-v0.8.0", "nettest-v0.8.0 is lower than v0.9.0")
	g.git(g.far, "tag", "-d", "nettest-v0.8.0")
	g.git(g.here, "fetch", "-q", "--prune", "--prune-tags", "origin")
	l.between = func(w http.ResponseWriter, r *http.Request) bool {
		denied := strings.HasSuffix(r.URL.Path, "/tags/list")
		if denied {
			w.WriteHeader(http.StatusForbidden)
		}
		return denied
	}
	_, err := g.release(l).Run(t.Context(), "nettest", "major")
	wantError(t, err, "choose the version: versions of "+l.host+"/blumeops/nettest: ")
	release("v0.10.0", "nettest-v0.10.0", "nettest-v0.10.0 is compared with tags only")
}

func TestContainerReleaseRefuses(t *testing.T) {
	t.Parallel()
	l, g := newShop(t), newGitForge(t)
	one := g.head()
	if _, err := g.release(l).Run(t.Context(), "nettest", "v0.1.0"); err != nil {
		t.Fatal(err)
	}
	two := g.commit("two")
	r := g.Git
	if _, err := l.publish(t, r, &builder{t: t}).Run(t.Context(), task.PublishArgs{Name: "nettest", Version: "v0.3.0"}); err != nil {
		t.Fatal(err)
	}
	g.commit("three")
	tags := g.tags()
	for name, c := range map[string]struct {
		before        func()
		name, version string
		want          []string
	}{
		"another commit":       {nil, "nettest", "v0.1.0", []string{"choose the version: tag nettest-v0.1.0 is already on another commit at the forge: " + one[:12]}},
		"published as another": {nil, "nettest", "v0.3.0", []string{"check the registry: ", "exists with revision " + two}},
		"channel":              {nil, "nettest", "dev", []string{`version "dev"`}},
		"git takes no .lock":   {nil, "nettest", "v1.0.0-a.lock", []string{"ends with .lock"}},
		"version":              {nil, "nettest", "1.0.0", []string{"did you mean v1.0.0?"}},
		"name":                 {nil, "-dryrun", "patch", []string{"flags come after"}},
		"unknown":              {nil, "netest", "patch", []string{"did you mean nettest?"}},
		"denied":               {func() { g.denied = errors.New("no right") }, "nettest", "patch", []string{"check that the tag may be pushed: no right"}},
		"protected":            {func() { g.protected = "nettest-v0.3.1" }, "nettest", "patch", []string{"check that the tag may be pushed: nettest-v0.3.1 is protected"}},
		"changes":              {func() { g.write("x", "y") }, "nettest", "patch", []string{"check the commit: the tree has changes (x)"}},
		"not pushed": {func() { g.git(g.here, "commit", "-q", "--allow-empty", "-m", "here only") }, "nettest", "patch",
			[]string{"is not on branch main"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.before != nil {
				c.before()
				defer func() {
					g.denied, g.protected = nil, ""
					g.git(g.here, "reset", "-q", "--hard", "origin/main")
					g.git(g.here, "clean", "-qfd")
				}()
			}
			_, err := g.release(l).Run(t.Context(), c.name, c.version)
			wantError(t, err, c.want...)
			var hinter interface{ Hint() string }
			if errors.As(err, &hinter) && strings.Contains(hinter.Hint(), "-force") {
				t.Errorf("hint %q: there is no -force", hinter.Hint())
			}
			if !slices.Equal(g.tags(), tags) {
				t.Errorf("the forge has %q", g.tags())
			}
		})
	}
}

// Another client may push the tag between the look and the push.
func TestContainerReleaseRaces(t *testing.T) {
	t.Parallel()
	l, g := newShop(t), newGitForge(t)
	g.beforePush = func() { g.git(g.here, "push", "-q", "origin", "HEAD:refs/tags/nettest-v0.1.0") }
	got, err := g.release(l).Run(t.Context(), "nettest", "patch")
	if err != nil || got.Status != task.StatusUnchanged || got.Tag != "nettest-v0.1.0" {
		t.Errorf("on the same commit: %+v, %v", got, err)
	}
	g.commit("two")
	g.beforePush = func() { g.git(g.here, "push", "-q", "origin", "HEAD~1:refs/tags/nettest-v0.1.1") }
	_, err = g.release(l).Run(t.Context(), "nettest", "patch")
	wantError(t, err, "push the tag: ")
	var taken *task.TagTakenError
	if !errors.As(err, &taken) || taken.Tag.String() != "nettest-v0.1.1" || taken.Commit != g.git(g.here, "rev-parse", "HEAD~1") {
		t.Errorf("error %v", err)
	}
}

func TestContainerReleaseDryRun(t *testing.T) {
	t.Parallel()
	l, g := newShop(t), newGitForge(t)
	got, err := g.release(l).DryRun(func(s string) { g.plan = append(g.plan, s) }).Run(t.Context(), "nettest", "major")
	want := []string{"would tag commit " + g.head()[:12] + " as nettest-v0.1.0", "would push nettest-v0.1.0, and nothing else"}
	if err != nil || got.Status != task.StatusPlanned || !slices.Equal(g.plan, want) {
		t.Errorf("%+v, %v\nplan %q\nwant %q", got, err, g.plan, want)
	}
	if len(g.tags()) > 0 || g.git(g.here, "tag", "--list") != "" {
		t.Error("a dry run made a tag")
	}
}

func TestCITag(t *testing.T) {
	t.Parallel()
	l, g := newShop(t), newGitForge(t)
	one := g.head()
	if _, err := g.release(l).Run(t.Context(), "nettest", "v0.1.0"); err != nil {
		t.Fatal(err)
	}
	ci := func(notes *[]string) task.CITag {
		r := g.Git
		return task.CITag{
			Publish: l.publish(t, r, &builder{t: t}), Remote: g, Note: func(s string) { *notes = append(*notes, s) },
		}
	}
	var notes []string
	run := ci(&notes)
	for _, ref := range []string{"nettest-v0.1.0", "refs/tags/nettest-v0.1.0"} {
		got, err := run.Run(t.Context(), ref)
		if found, ok := l.look(t, "v0.1.0"); err != nil || !ok || got.Digest != found.Digest || got.Revision != one {
			t.Errorf("%s: %+v, %v", ref, got, err)
		}
	}
	writes := l.writes.Load()
	got, err := run.Run(t.Context(), "refs/tags/v1.2.3")
	if err != nil || got.String() != "" || len(notes) != 1 || notes[0] != "v1.2.3 is not a container tag: nothing is published" {
		t.Errorf("tag of the docs: %+v, %v, said %q", got, err, notes)
	}
	// The same command again, even if HEAD is another commit by then: a promotion may have moved it.
	g.commit("two")
	again, err := ci(&notes).Run(t.Context(), "nettest-v0.1.0")
	if found, _ := l.look(t, "v0.1.0"); err != nil || again.Reference != l.host+"/blumeops/nettest:v0.1.0@"+found.Digest || again.Revision != one || again.Status != task.StatusUnchanged {
		t.Errorf("again, from another commit: %+v, %v", again, err)
	}
	g.git(g.here, "push", "-q", "origin", "HEAD~1:refs/tags/nettest-v0.1.9")
	for ref, want := range map[string]string{
		"nettest-v0.1.9":              "check the tag nettest-v0.1.9: tag nettest-v0.1.9 is on another commit at the forge: " + one[:12],
		"nettest-v0.2.0":              "tag nettest-v0.2.0 not found at the forge",
		"netest-v0.1.0":               "did you mean nettest?",
		"v1.2":                        "want NAME-vX.Y.Z",
		"refs/heads/nettest-v0.1.0":   "is no tag",
		"nettest-dev":                 "names a channel",
		"$(touch${IFS}x)-v0.1.0":      "want NAME-vX.Y.Z",
		"nettest-v0.1.0\nx":           "want NAME-vX.Y.Z",
		strings.Repeat("a", 200) + "": "want NAME-vX.Y.Z",
	} {
		_, err := ci(&notes).Run(t.Context(), ref)
		wantError(t, err, want)
		var invalid *image.InvalidError
		if strings.HasPrefix(want, "want ") && !errors.As(err, &invalid) {
			t.Errorf("%q: %T", ref, err)
		}
	}
	if l.writes.Load() != writes {
		t.Error("something was published")
	}
}

// TestCITagNamesNoForce: ci:tag has no such flag.
func TestCITagNamesNoForce(t *testing.T) {
	t.Parallel()
	l, g := newShop(t), newGitForge(t)
	r := g.Git
	publish := l.publish(t, r, &builder{t: t})
	if _, err := publish.Run(t.Context(), task.PublishArgs{Name: "nettest", Version: "v1.0.0"}); err != nil {
		t.Fatal(err)
	}
	g.commit("two")
	for version, before := range map[string]func(){"v1.0.0": func() {}, "v2.0.0": func() { g.write("x", "y") }} {
		g.git(g.here, "push", "-q", "origin", "HEAD:refs/tags/nettest-"+version)
		before()
		_, err := task.CITag{Publish: publish, Remote: g}.Run(t.Context(), "nettest-"+version)
		var hinter interface{ Hint() string }
		if !errors.As(err, &hinter) || hinter.Hint() == "" || strings.Contains(hinter.Hint(), "-force") {
			t.Errorf("%s: %v", version, err)
		}
		g.git(g.here, "clean", "-qfd")
	}
}

func TestCITagDryRun(t *testing.T) {
	t.Parallel()
	l, g := newShop(t), newGitForge(t)
	g.git(g.here, "push", "-q", "origin", "HEAD:refs/tags/nettest-v1.0.0")
	r := g.Git
	run := task.CITag{Publish: l.publish(t, r, &builder{t: t}), Remote: g}.DryRun(func(s string) { g.plan = append(g.plan, s) })
	got, err := run.Run(t.Context(), "nettest-v1.0.0")
	if err != nil || got.Status != task.StatusPlanned || len(g.plan) != 3 || l.writes.Load() > 0 {
		t.Errorf("%+v, %v, plan %q", got, err, g.plan)
	}
}

// TestContainerReleaseRefusesWhatPublishWould: a tag whose publication will be refused is worse than none.
func TestContainerReleaseRefusesWhatPublishWould(t *testing.T) {
	t.Parallel()
	l, g := newShop(t), newGitForge(t)
	r := g.Git
	if _, err := l.publish(t, r, &builder{t: t}).Run(t.Context(), task.PublishArgs{Name: "nettest", Version: "v1.0.0"}); err != nil {
		t.Fatal(err)
	}
	g.commit("two")
	answer := func(status int) func() {
		return func() {
			l.between = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(status)
				return true
			}
		}
	}
	for name, c := range map[string]struct {
		before  func()
		version string
	}{
		"changes":            {func() { g.write("x", "y") }, "v2.0.0"},
		"not pushed":         {func() { g.git(g.here, "commit", "-q", "--allow-empty", "-m", "here only") }, "v2.0.0"},
		"another image":      {nil, "v1.0.0"},
		"registry denies":    {answer(http.StatusUnauthorized), "v2.0.0"},
		"registry forbids":   {answer(http.StatusForbidden), "v2.0.0"},
		"registry is a page": {answer(http.StatusTeapot), "v2.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.before != nil {
				c.before()
			}
			defer func() {
				l.between = nil
				g.git(g.here, "reset", "-q", "--hard", "origin/main")
				g.git(g.here, "clean", "-qfd")
			}()
			r := g.Git
			_, refused := l.publish(t, r, &builder{t: t}).Run(t.Context(), task.PublishArgs{Name: "nettest", Version: c.version})
			_, err := g.release(l).Run(t.Context(), "nettest", c.version)
			if refused == nil || err == nil || err.Error() != refused.Error() {
				t.Errorf("release: %v\npublish: %v", err, refused)
			}
			if len(g.tags()) > 0 {
				t.Errorf("the forge has %q", g.tags())
			}
		})
	}
}
