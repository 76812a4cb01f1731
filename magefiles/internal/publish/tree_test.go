package publish_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/containerrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish/publishtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// apart is a commit with other files than the working tree.
type apart struct {
	publishtest.Trees
	commit fs.FS
	asked  []string // hashes
}

func (a *apart) Recorded(commit string) (fs.FS, error) {
	a.asked = append(a.asked, commit)
	return a.commit, nil
}

// TestPublishChoosesItsTree has a container whose platforms show from which tree it was read.
func TestPublishChoosesItsTree(t *testing.T) {
	t.Parallel()
	stating := func(platform string) fstest.MapFS {
		return fstest.MapFS{"containers/x/Dockerfile": {Data: []byte("# blumeops:platforms " + platform + "\nARG CONTAINER_APP_VERSION=1\nFROM scratch\n")}}
	}
	changed := publishtest.Repo{Hash: publishtest.First, Branch: true, Dirty: []string{"f"}}
	for name, c := range map[string]struct {
		version  string
		force    bool
		repo     publishtest.Repo
		ignored  []string
		from     string // commit that is built
		revision string
		said     string
	}{
		"version":                      {"v1.0.0", false, publishtest.Clean(publishtest.First), nil, publishtest.First, publishtest.First, ""},
		"version beside ignored files": {"v1.0.0", false, publishtest.Clean(publishtest.First), []string{"containers/x/.env"}, publishtest.First, publishtest.First, ""},
		"auto":                         {"auto", false, publishtest.Clean(publishtest.First), nil, publishtest.First, publishtest.First, ""},
		"channel":                      {"dev", false, publishtest.Clean(publishtest.First), nil, publishtest.First, publishtest.First, ""},
		"channel with changes":         {"dev", false, changed, nil, "", publishtest.First + "-dirty", ""},
		"channel with ignored files":   {"dev", false, publishtest.Clean(publishtest.First), []string{"containers/x/.env"}, "", publishtest.First + "-dirty", "git ignores (containers/x/.env)"},
		"forced":                       {"v1.0.0", true, publishtest.Repo{Hash: publishtest.First}, []string{"containers/x/.env"}, publishtest.First, publishtest.First, "FORCED"},
		"forced with changes":          {"v1.0.0", true, changed, nil, "", publishtest.First + "-dirty", "FORCED: the tree has changes"},
		"auto, forced":                 {"auto", true, publishtest.Clean(publishtest.First), nil, publishtest.First, publishtest.First, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, b := publishtest.NewShop(t), &imagetest.Builder{T: t}
			p := l.Publish(t, c.repo, b)
			tree := &apart{Trees: publishtest.Trees{Ignored: c.ignored}, commit: stating("linux/amd64")}
			var said []string
			p.Files, p.Trees, p.Say = stating("linux/arm64"), tree, func(s string) { said = append(said, s) }
			many := publish.Many{Each: func(image.Name) publish.Publish { return p }}
			got, err := many.Run(t.Context(), tasks.PublishArgs{Name: "x", Version: c.version, Force: c.force})
			if err != nil {
				t.Fatal(err)
			}
			platform := "linux/arm64"
			if c.from != "" {
				platform = "linux/amd64"
			}
			if b.Requests[0].Commit != c.from || image.JoinPlatforms(b.Requests[0].Platforms) != platform || got[0].Revision != c.revision || strings.Join(got[0].Platforms, ",") != platform {
				t.Errorf("built %+v, published %+v", b.Requests[0], got[0])
			}
			if text := strings.Join(said, "\n"); (text == "") != (c.said == "") || !strings.Contains(text, c.said) {
				t.Errorf("said %q, want %q", text, c.said)
			}
			for _, hash := range tree.asked {
				if hash != publishtest.First {
					t.Errorf("read commit %s", hash)
				}
			}
		})
	}
}

// TestPublishRefusesWhatTheCommitDoesNotHold builds nothing, in a dry run too.
func TestPublishRefusesWhatTheCommitDoesNotHold(t *testing.T) {
	t.Parallel()
	l, b := publishtest.NewShop(t), &imagetest.Builder{T: t}
	p := l.Publish(t, publishtest.Clean(publishtest.First), b)
	p.Trees = &apart{commit: fstest.MapFS{"containers/other/Dockerfile": {Data: []byte("FROM scratch\n")}}}
	_, err := p.Run(t.Context(), v010)
	var uncommitted *publish.UncommittedError
	if !errors.As(err, &uncommitted) || uncommitted.Dir != "containers/nettest" || !strings.Contains(uncommitted.Hint(), "git add -f") {
		t.Errorf("not committed: %v", err)
	}
	many := publish.Many{Each: func(image.Name) publish.Publish { return p }}
	if _, err := many.Run(t.Context(), tasks.PublishArgs{Name: "nettest", Version: "auto"}); !errors.As(err, &uncommitted) {
		t.Errorf("not committed, by the commit's version: %v", err)
	}
	if _, err := (containerrelease.Release{Publish: p}).Run(t.Context(), "nettest", "patch"); !errors.As(err, &uncommitted) {
		t.Errorf("not committed, released: %v", err)
	}
	p.Files = fstest.MapFS{"containers/nettest/Dockerfile": {Data: []byte("# blumeops:platforms nowhere\nFROM scratch\n")}}
	_, err = p.Run(t.Context(), v010)
	testenv.WantError(t, err, "containers/nettest: ", "nowhere")
	_, err = p.Run(t.Context(), tasks.PublishArgs{Name: "nothing", Version: "v1.0.0"})
	testenv.WantError(t, err, `unknown container "nothing"`)
	p.Trees = publishtest.Trees{FS: imagetest.Files, Missing: errors.New("f is a pointer")}
	for _, one := range []publish.Publish{p, p.DryRun(func(string) {})} {
		_, err := one.Run(t.Context(), v010)
		testenv.WantError(t, err, "check the content: f is a pointer")
	}
	if len(b.Requests) > 0 || l.Writes.Load() > 0 {
		t.Errorf("built %d times, wrote %d times", len(b.Requests), l.Writes.Load())
	}
	p.Trees = publishtest.Trees{FS: imagetest.Files}
	if _, err := p.Run(t.Context(), v010); err != nil {
		t.Fatal(err)
	}
	p.Trees = publishtest.Trees{FS: imagetest.Files, Missing: errors.New("f is a pointer")}
	if got, err := p.Run(context.Background(), v010); err != nil || got.Status != step.StatusUnchanged {
		t.Errorf("what is published needs nothing: %v, %v", got, err)
	}
}
