package containerrelease_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/containerrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish/publishtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func releaseTask(g *publishtest.Forge, l *publishtest.Shop) containerrelease.Release {
	r := g.Git
	p := l.Publish(g.T, r, &imagetest.Builder{T: g.T})
	note := func(s string) { g.Notes = append(g.Notes, s) }
	return containerrelease.Release{Publish: p, Images: registry.New(registry.Options{}), Remote: g, Tagger: g, Note: note, Warn: note}
}

func TestContainerRelease(t *testing.T) {
	t.Parallel()
	l, g := publishtest.NewShop(t), publishtest.NewForge(t)
	one := g.Head()
	for range 2 { // a repeat succeeds, and gives no further version
		got, err := releaseTask(g, l).Run(t.Context(), "nettest", "patch")
		if err != nil || got.String() != "nettest-v0.1.0" || got.Commit != one {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if want := []string{"nettest-v0.1.0=" + one + "tag"}; !slices.Equal(g.TagsOnForge(), want) {
		t.Errorf("the forge has %q, want %q", g.TagsOnForge(), want)
	}
	if l.Writes.Load() > 0 {
		t.Error("something was published")
	}
	two := g.CommitAndPush("two")
	g.RunGit(g.Here, "push", "-q", "origin", "HEAD:refs/tags/nettest-v0.9.0", "HEAD~1:refs/tags/nettest-v0.10.0", "HEAD:refs/tags/other-v7.0.0",
		"HEAD:refs/tags/v3.0.0", "HEAD:refs/tags/nettest-v1.0", "HEAD:refs/tags/nettest-v2.0.0-rc.1")
	for version, want := range map[string]string{"minor": "nettest-v0.11.0", "v0.10.5": "nettest-v0.10.5", "v2.0.0-rc.2": "nettest-v2.0.0-rc.2"} {
		g.Notes = nil
		got, err := releaseTask(g, l).Run(t.Context(), "nettest", version)
		if err != nil || got.Tag != want || got.Commit != two || got.Status != containerrelease.StatusTagged {
			t.Errorf("%s: %+v, %v; want %s (said %q)", version, got, err, want, g.Notes)
		}
		g.RunGit(g.Far, "tag", "-d", want)
	}
	got, err := releaseTask(g, l).Run(t.Context(), "nettest", "v0.0.9")
	if err != nil || got.Tag != "nettest-v0.0.9" || !strings.Contains(strings.Join(g.Notes, "\n"), "is lower than v0.10.0") {
		t.Errorf("a lower one: %+v, %v, said %q", got, err, g.Notes)
	}
}

// TestContainerReleaseCountsWhatIsPublished has versions in the registry without a tag.
func TestContainerReleaseCountsWhatIsPublished(t *testing.T) {
	t.Parallel()
	l, g := publishtest.NewShop(t), publishtest.NewForge(t)
	publish := func(versions ...string) {
		t.Helper()
		r := g.Git
		for _, version := range versions {
			if _, err := l.Publish(t, r, &imagetest.Builder{T: t}).Run(t.Context(), tasks.PublishArgs{Name: "nettest", Version: version}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var same []string // commits whose images equal those of the newest
	release := func(version, want string, says ...string) {
		t.Helper()
		g.Notes = nil
		r := releaseTask(g, l)
		r.Publish.Before = func(context.Context, string) ([]string, error) { return same, nil }
		got, err := r.Run(t.Context(), "nettest", version)
		if err != nil || got.Tag != want {
			t.Errorf("%s: %+v, %v; want %s", version, got, err, want)
		}
		for _, text := range says {
			if !strings.Contains(strings.Join(g.Notes, "\n"), text) {
				t.Errorf("%s says %q, and not %q", version, g.Notes, text)
			}
		}
	}
	publish("v0.1.0", "v0.4.0", "dev", "v7.0.0-abcdef1")
	release("minor", "nettest-v0.4.0", "v0.4.0 is already published, from commit "+g.RunGit(g.Here, "rev-parse", "--short=12", "HEAD"))
	release("patch", "nettest-v0.4.0", "is already at the forge")
	g.RunGit(g.Far, "tag", "-d", "nettest-v0.4.0")
	g.CommitAndPush("two")
	release("minor", "nettest-v0.5.0", "nettest:v0.4.0 was published without a tag")
	g.CommitAndPush("three")
	release("patch", "nettest-v0.5.1")
	g.CommitAndPush("four")
	publish("v0.9.0")
	same = []string{g.RunGit(g.Here, "rev-parse", "HEAD")}
	g.CommitAndPush("five")
	release("minor", "nettest-v0.9.0", "v0.9.0 is already published, from commit "+same[0][:12])
	g.RunGit(g.Far, "tag", "-d", "nettest-v0.9.0")
	release("v0.8.0", "nettest-v0.8.0", "nettest-v0.8.0 is lower than v0.9.0")
	g.RunGit(g.Far, "tag", "-d", "nettest-v0.8.0")
	g.RunGit(g.Here, "fetch", "-q", "--prune", "--prune-tags", "origin")
	l.Between = func(w http.ResponseWriter, r *http.Request) bool {
		denied := strings.HasSuffix(r.URL.Path, "/tags/list")
		if denied {
			w.WriteHeader(http.StatusForbidden)
		}
		return denied
	}
	_, err := releaseTask(g, l).Run(t.Context(), "nettest", "major")
	testenv.WantError(t, err, "choose the version: versions of "+l.Host+"/blumeops/nettest: ")
	release("v0.10.0", "nettest-v0.10.0", "only tags are compared with nettest-v0.10.0")
}

func TestContainerReleaseRefuses(t *testing.T) {
	t.Parallel()
	l, g := publishtest.NewShop(t), publishtest.NewForge(t)
	one := g.Head()
	if _, err := releaseTask(g, l).Run(t.Context(), "nettest", "v0.1.0"); err != nil {
		t.Fatal(err)
	}
	two := g.CommitAndPush("two")
	r := g.Git
	if _, err := l.Publish(t, r, &imagetest.Builder{T: t}).Run(t.Context(), tasks.PublishArgs{Name: "nettest", Version: "v0.3.0"}); err != nil {
		t.Fatal(err)
	}
	g.CommitAndPush("three")
	tags := g.TagsOnForge()
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
		"denied":               {func() { g.Denied = errors.New("no right") }, "nettest", "patch", []string{"check that the tag may be pushed: no right"}},
		"protected":            {func() { g.Protected = "nettest-v0.3.1" }, "nettest", "patch", []string{"check that the tag may be pushed: nettest-v0.3.1 is protected"}},
		"changes":              {func() { g.Write("x", "y") }, "nettest", "patch", []string{"check the commit: the tree has changes (x)"}},
		"not pushed": {func() { g.RunGit(g.Here, "commit", "-q", "--allow-empty", "-m", "here only") }, "nettest", "patch",
			[]string{"is not on branch main"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.before != nil {
				c.before()
				defer func() {
					g.Denied, g.Protected = nil, ""
					g.RunGit(g.Here, "reset", "-q", "--hard", "origin/main")
					g.RunGit(g.Here, "clean", "-qfd")
				}()
			}
			_, err := releaseTask(g, l).Run(t.Context(), c.name, c.version)
			testenv.WantError(t, err, c.want...)
			var hinter interface{ Hint() string }
			if errors.As(err, &hinter) && strings.Contains(hinter.Hint(), "-force") {
				t.Errorf("hint %q: there is no -force", hinter.Hint())
			}
			if !slices.Equal(g.TagsOnForge(), tags) {
				t.Errorf("the forge has %q", g.TagsOnForge())
			}
		})
	}
}

// Another client may push the tag between the look and the push.
func TestContainerReleaseRaces(t *testing.T) {
	t.Parallel()
	l, g := publishtest.NewShop(t), publishtest.NewForge(t)
	g.BeforePush = func() { g.RunGit(g.Here, "push", "-q", "origin", "HEAD:refs/tags/nettest-v0.1.0") }
	got, err := releaseTask(g, l).Run(t.Context(), "nettest", "patch")
	if err != nil || got.Status != step.StatusUnchanged || got.Tag != "nettest-v0.1.0" {
		t.Errorf("on the same commit: %+v, %v", got, err)
	}
	g.CommitAndPush("two")
	g.BeforePush = func() { g.RunGit(g.Here, "push", "-q", "origin", "HEAD~1:refs/tags/nettest-v0.1.1") }
	_, err = releaseTask(g, l).Run(t.Context(), "nettest", "patch")
	testenv.WantError(t, err, "push the tag: tag nettest-v0.1.1 is already on another commit at the forge: "+g.RunGit(g.Here, "rev-parse", "HEAD~1")[:12])
}

func TestContainerReleaseDryRun(t *testing.T) {
	t.Parallel()
	l, g := publishtest.NewShop(t), publishtest.NewForge(t)
	got, err := releaseTask(g, l).DryRun(func(s string) { g.Plan = append(g.Plan, s) }).Run(t.Context(), "nettest", "major")
	want := []string{"would tag commit " + g.Head()[:12] + " as nettest-v0.1.0", "would push nettest-v0.1.0, and nothing else"}
	if err != nil || got.Status != step.StatusPlanned || !slices.Equal(g.Plan, want) {
		t.Errorf("%+v, %v\nplan %q\nwant %q", got, err, g.Plan, want)
	}
	if len(g.TagsOnForge()) > 0 || g.RunGit(g.Here, "tag", "--list") != "" {
		t.Error("a dry run made a tag")
	}
}

func TestContainerReleaseRefusesWhatPublishWould(t *testing.T) {
	t.Parallel()
	l, g := publishtest.NewShop(t), publishtest.NewForge(t)
	r := g.Git
	if _, err := l.Publish(t, r, &imagetest.Builder{T: t}).Run(t.Context(), tasks.PublishArgs{Name: "nettest", Version: "v1.0.0"}); err != nil {
		t.Fatal(err)
	}
	g.CommitAndPush("two")
	answer := func(status int) func() {
		return func() {
			l.Between = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(status)
				return true
			}
		}
	}
	for name, c := range map[string]struct {
		before  func()
		version string
	}{
		"changes":            {func() { g.Write("x", "y") }, "v2.0.0"},
		"not pushed":         {func() { g.RunGit(g.Here, "commit", "-q", "--allow-empty", "-m", "here only") }, "v2.0.0"},
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
				l.Between = nil
				g.RunGit(g.Here, "reset", "-q", "--hard", "origin/main")
				g.RunGit(g.Here, "clean", "-qfd")
			}()
			r := g.Git
			_, refused := l.Publish(t, r, &imagetest.Builder{T: t}).Run(t.Context(), tasks.PublishArgs{Name: "nettest", Version: c.version})
			_, err := releaseTask(g, l).Run(t.Context(), "nettest", c.version)
			if refused == nil || err == nil || err.Error() != refused.Error() {
				t.Errorf("release: %v\npublish: %v", err, refused)
			}
			if len(g.TagsOnForge()) > 0 {
				t.Errorf("the forge has %q", g.TagsOnForge())
			}
		})
	}
}
