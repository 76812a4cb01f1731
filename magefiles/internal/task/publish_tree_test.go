package task_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// apart is a commit with other files than the working tree.
type apart struct {
	trees
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
	changed := repo{hash: first, branch: true, changed: []string{"f"}}
	for name, c := range map[string]struct {
		version  string
		force    bool
		repo     repo
		ignored  []string
		from     string // commit that is built
		revision string
		said     string
	}{
		"version":                      {"v1.0.0", false, clean(first), nil, first, first, ""},
		"version beside ignored files": {"v1.0.0", false, clean(first), []string{"containers/x/.env"}, first, first, ""},
		"auto":                         {"auto", false, clean(first), nil, first, first, ""},
		"channel":                      {"dev", false, clean(first), nil, first, first, ""},
		"channel with changes":         {"dev", false, changed, nil, "", first + "-dirty", ""},
		"channel with ignored files":   {"dev", false, clean(first), []string{"containers/x/.env"}, "", first + "-dirty", "git ignores (containers/x/.env)"},
		"forced":                       {"v1.0.0", true, repo{hash: first}, []string{"containers/x/.env"}, first, first, "FORCED"},
		"forced with changes":          {"v1.0.0", true, changed, nil, "", first + "-dirty", "FORCED: the tree has changes"},
		"auto, forced":                 {"auto", true, clean(first), nil, first, first, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, b := newShop(t), &builder{t: t}
			p := l.publish(t, c.repo, b)
			tree := &apart{trees: trees{ignored: c.ignored}, commit: stating("linux/amd64")}
			var said []string
			p.Files, p.Trees, p.Say = stating("linux/arm64"), tree, func(s string) { said = append(said, s) }
			many := task.PublishMany{Each: func(image.Name) task.Publish { return p }}
			got, err := many.Run(t.Context(), task.PublishArgs{Name: "x", Version: c.version, Force: c.force})
			if err != nil {
				t.Fatal(err)
			}
			platform := "linux/arm64"
			if c.from != "" {
				platform = "linux/amd64"
			}
			if b.requests[0].Commit != c.from || image.JoinPlatforms(b.requests[0].Platforms) != platform || got[0].Revision != c.revision || strings.Join(got[0].Platforms, ",") != platform {
				t.Errorf("built %+v, published %+v", b.requests[0], got[0])
			}
			if text := strings.Join(said, "\n"); (text == "") != (c.said == "") || !strings.Contains(text, c.said) {
				t.Errorf("said %q, want %q", text, c.said)
			}
			for _, hash := range tree.asked {
				if hash != first {
					t.Errorf("read commit %s", hash)
				}
			}
		})
	}
}

// TestPublishRefusesWhatTheCommitDoesNotHold builds nothing, in a dry run too.
func TestPublishRefusesWhatTheCommitDoesNotHold(t *testing.T) {
	t.Parallel()
	l, b := newShop(t), &builder{t: t}
	p := l.publish(t, clean(first), b)
	p.Trees = &apart{commit: fstest.MapFS{"containers/other/Dockerfile": {Data: []byte("FROM scratch\n")}}}
	_, err := p.Run(t.Context(), v010)
	var uncommitted *task.UncommittedError
	if !errors.As(err, &uncommitted) || uncommitted.Dir != "containers/nettest" || !strings.Contains(uncommitted.Hint(), "git add -f") {
		t.Errorf("not committed: %v", err)
	}
	many := task.PublishMany{Each: func(image.Name) task.Publish { return p }}
	if _, err := many.Run(t.Context(), task.PublishArgs{Name: "nettest", Version: "auto"}); !errors.As(err, &uncommitted) {
		t.Errorf("not committed, by the commit's version: %v", err)
	}
	if _, err := (task.ContainerRelease{Publish: p}).Run(t.Context(), "nettest", "patch"); !errors.As(err, &uncommitted) {
		t.Errorf("not committed, released: %v", err)
	}
	p.Files = fstest.MapFS{"containers/nettest/Dockerfile": {Data: []byte("# blumeops:platforms nowhere\nFROM scratch\n")}}
	_, err = p.Run(t.Context(), v010)
	wantError(t, err, "containers/nettest: ", "nowhere")
	_, err = p.Run(t.Context(), task.PublishArgs{Name: "nothing", Version: "v1.0.0"})
	wantError(t, err, `unknown container "nothing"`)
	p.Trees = trees{FS: files, missing: errors.New("f is a pointer")}
	for _, one := range []task.Publish{p, p.DryRun(func(string) {})} {
		_, err := one.Run(t.Context(), v010)
		wantError(t, err, "check the content: f is a pointer")
	}
	if len(b.requests) > 0 || l.writes.Load() > 0 {
		t.Errorf("built %d times, wrote %d times", len(b.requests), l.writes.Load())
	}
	p.Trees = trees{FS: files}
	if _, err := p.Run(t.Context(), v010); err != nil {
		t.Fatal(err)
	}
	p.Trees = trees{FS: files, missing: errors.New("f is a pointer")}
	if got, err := p.Run(context.Background(), v010); err != nil || got.Status != task.StatusUnchanged {
		t.Errorf("what is published needs nothing: %v, %v", got, err)
	}
}
