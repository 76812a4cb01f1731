package publish_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish/publishtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func TestCITag(t *testing.T) {
	t.Parallel()
	l, g := publishtest.NewShop(t), publishtest.NewForge(t)
	one := g.Head()
	g.RunGit(g.Here, "tag", "-a", "-m", "nettest v0.1.0", "nettest-v0.1.0")
	g.RunGit(g.Here, "push", "-q", "origin", "nettest-v0.1.0")
	ci := func(notes *[]string) publish.Tag {
		r := g.Git
		return publish.Tag{
			Publish: l.Publish(t, r, &imagetest.Builder{T: t}), Remote: g.Remote, Note: func(s string) { *notes = append(*notes, s) },
		}
	}
	var notes []string
	run := ci(&notes)
	for _, ref := range []string{"nettest-v0.1.0", "refs/tags/nettest-v0.1.0"} {
		got, err := run.Run(t.Context(), ref)
		if found, ok := l.Look(t, "v0.1.0"); err != nil || !ok || got.Digest != found.Digest || got.Revision != one {
			t.Errorf("%s: %+v, %v", ref, got, err)
		}
	}
	writes := l.Writes.Load()
	got, err := run.Run(t.Context(), "refs/tags/v1.2.3")
	if err != nil || got.String() != "" || len(notes) != 1 || notes[0] != "v1.2.3 is not a container tag: nothing is published" {
		t.Errorf("tag of the docs: %+v, %v, said %q", got, err, notes)
	}
	// The same command again, even if HEAD is another commit by then: a promotion may have moved it.
	g.CommitAndPush("two")
	again, err := ci(&notes).Run(t.Context(), "nettest-v0.1.0")
	if found, _ := l.Look(t, "v0.1.0"); err != nil || again.Reference != l.Host+"/blumeops/nettest:v0.1.0@"+found.Digest || again.Revision != one || again.Status != step.StatusUnchanged {
		t.Errorf("again, from another commit: %+v, %v", again, err)
	}
	g.RunGit(g.Here, "push", "-q", "origin", "HEAD~1:refs/tags/nettest-v0.1.9")
	for ref, want := range map[string]string{
		"nettest-v0.1.9":              "check the tag nettest-v0.1.9: tag nettest-v0.1.9 is on another commit at the forge: " + one[:12],
		"nettest-v0.2.0":              "tag nettest-v0.2.0 not found at the forge",
		"netest-v0.1.0":               "did you mean nettest?",
		"v1.2":                        "expected NAME-vX.Y.Z",
		"refs/heads/nettest-v0.1.0":   "is not a tag",
		"nettest-dev":                 "a channel is published without a tag",
		"$(touch${IFS}x)-v0.1.0":      "expected NAME-vX.Y.Z",
		"nettest-v0.1.0\nx":           "expected NAME-vX.Y.Z",
		strings.Repeat("a", 200) + "": "expected NAME-vX.Y.Z",
	} {
		_, err := ci(&notes).Run(t.Context(), ref)
		testenv.WantError(t, err, want)
		var invalid *image.InvalidError
		if strings.HasPrefix(want, "expected ") && !errors.As(err, &invalid) {
			t.Errorf("%q: %T", ref, err)
		}
	}
	if l.Writes.Load() != writes {
		t.Error("something was published")
	}
}

// TestCITagNamesNoForce: ci:tag has no such flag.
func TestCITagNamesNoForce(t *testing.T) {
	t.Parallel()
	l, g := publishtest.NewShop(t), publishtest.NewForge(t)
	r := g.Git
	one := l.Publish(t, r, &imagetest.Builder{T: t})
	if _, err := one.Run(t.Context(), tasks.PublishArgs{Name: "nettest", Version: "v1.0.0"}); err != nil {
		t.Fatal(err)
	}
	g.CommitAndPush("two")
	for version, before := range map[string]func(){"v1.0.0": func() {}, "v2.0.0": func() { g.Write("x", "y") }} {
		g.RunGit(g.Here, "push", "-q", "origin", "HEAD:refs/tags/nettest-"+version)
		before()
		_, err := publish.Tag{Publish: one, Remote: g.Remote}.Run(t.Context(), "nettest-"+version)
		var hinter interface{ Hint() string }
		if !errors.As(err, &hinter) || hinter.Hint() == "" || strings.Contains(hinter.Hint(), "-force") {
			t.Errorf("%s: %v", version, err)
		}
		g.RunGit(g.Here, "clean", "-qfd")
	}
}

func TestCITagDryRun(t *testing.T) {
	t.Parallel()
	l, g := publishtest.NewShop(t), publishtest.NewForge(t)
	g.RunGit(g.Here, "push", "-q", "origin", "HEAD:refs/tags/nettest-v1.0.0")
	r := g.Git
	run := publish.Tag{Publish: l.Publish(t, r, &imagetest.Builder{T: t}), Remote: g.Remote}.DryRun(func(s string) { g.Plan = append(g.Plan, s) })
	got, err := run.Run(t.Context(), "nettest-v1.0.0")
	if err != nil || got.Status != step.StatusPlanned || len(g.Plan) != 3 || l.Writes.Load() > 0 {
		t.Errorf("%+v, %v, plan %q", got, err, g.Plan)
	}
}

// TestContainerReleaseRefusesWhatPublishWould: a tag whose publication will be refused is worse than none.

// TestCITagOfOtherKinds: another program builds and publishes the container.
func TestCITagOfOtherKinds(t *testing.T) {
	t.Parallel()
	l, g := publishtest.NewShop(t), publishtest.NewForge(t)
	p := l.Publish(t, g.Git, &imagetest.Builder{T: t})
	p.Trees = publishtest.Trees{FS: fstest.MapFS{"containers/ntfy/default.nix": {}}}
	var notes []string
	tag := publish.Tag{
		Publish: p, Remote: g.Remote, Note: func(s string) { notes = append(notes, s) },
	}
	got, err := tag.Run(t.Context(), "ntfy-v1.0.0")
	if err != nil || got.String() != "" || len(notes) != 1 || notes[0] != "ntfy is built with Nix: nothing is published" {
		t.Errorf("%+v, %v, said %q", got, err, notes)
	}
}
