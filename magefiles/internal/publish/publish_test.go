package publish_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish/publishtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func isTagPut(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/v")
}

var v010 = tasks.PublishArgs{Name: "nettest", Version: "v0.1.0"}

func TestPublish(t *testing.T) {
	l, b := publishtest.NewShop(t), &imagetest.Builder{T: t}
	p := l.Publish(t, publishtest.Clean(publishtest.First), b)
	got, err := p.Run(t.Context(), v010)
	if err != nil {
		t.Fatal(err)
	}
	found, _ := l.Look(t, "v0.1.0")
	if want := l.Host + "/blumeops/nettest:v0.1.0@" + found.Digest; got.String() != want || got.Status != publish.StatusPublished {
		t.Errorf("prints %q (%s), want %q", got, got.Status, want)
	}
	if !image.SamePlatforms(found.Platforms, []image.Platform{imagetest.AMD64, imagetest.ARM64}) {
		t.Errorf("published for %v", found.Platforms)
	}
	for name, want := range map[string]string{
		"org.opencontainers.image.revision": publishtest.First,
		"org.opencontainers.image.version":  "v0.1.0",
		"org.opencontainers.image.title":    "nettest",
		"org.opencontainers.image.source":   "https://forge.example/eblume/blumeops",
		"org.opencontainers.image.created":  "2026-03-01T11:00:00Z",
	} {
		if found.Labels[name] != want || found.Annotations[name] != want {
			t.Errorf("%s: label %q, annotation %q, want %q", name, found.Labels[name], found.Annotations[name], want)
		}
	}
	if b.Requests[0].Version != "v0.1.0" {
		t.Errorf("the program was told version %q", b.Requests[0].Version)
	}
	imagetest.WantEntries(t, p.TempDir)
}

func TestPublishAgainBuildsAndWritesNothing(t *testing.T) {
	l := publishtest.NewShop(t)
	before, err := l.Publish(t, publishtest.Clean(publishtest.First), &imagetest.Builder{T: t}).Run(t.Context(), v010)
	if err != nil {
		t.Fatal(err)
	}
	writes, b := l.Writes.Load(), &imagetest.Builder{T: t}
	after, err := l.Publish(t, publishtest.Clean(publishtest.First), b).Run(t.Context(), v010)
	if err != nil || after.Reference != before.Reference || after.Status != step.StatusUnchanged {
		t.Errorf("got %+v, %v; want %s, unchanged", after, err, before)
	}
	if len(b.Requests) != 0 || l.Writes.Load() != writes {
		t.Errorf("built %d times, wrote %d times", len(b.Requests), l.Writes.Load()-writes)
	}
}

func TestPublishRefuses(t *testing.T) {
	l := publishtest.NewShop(t)
	if _, err := l.Publish(t, publishtest.Clean(publishtest.First), &imagetest.Builder{T: t}).Run(t.Context(), v010); err != nil {
		t.Fatal(err)
	}
	writes := l.Writes.Load()
	withLogin := func(err error) func(*publish.Publish) {
		return func(p *publish.Publish) { p.Login = func(context.Context, string) error { return err } }
	}
	for name, c := range map[string]struct {
		repo   publishtest.Repo
		change func(*publish.Publish)
		args   tasks.PublishArgs
		want   []string
	}{
		"another revision":  {publishtest.Clean(publishtest.Second), nil, v010, []string{"v0.1.0 already exists with revision " + publishtest.First, publishtest.Second}},
		"other platforms":   {publishtest.Clean(publishtest.First), nil, tasks.PublishArgs{Name: "nettest", Version: "v0.1.0", Platforms: "linux/amd64"}, []string{"exists for linux/amd64,linux/arm64"}},
		"changes":           {publishtest.Repo{Hash: publishtest.First, Branch: true, Dirty: []string{"a", "b", "c", "d"}}, nil, v010, []string{"the tree has changes (a, b, c and 1 more)"}},
		"branch":            {publishtest.Repo{Hash: publishtest.First}, nil, v010, []string{"is not on branch main"}},
		"shallow":           {publishtest.Repo{Hash: publishtest.First, Err: errors.New("clone is shallow")}, nil, v010, []string{"check the commit: clone is shallow"}},
		"credentials":       {publishtest.Clean(publishtest.Second), withLogin(errors.New("secret is missing")), v010, []string{"read the credentials", "secret is missing"}},
		"version":           {publishtest.Clean(publishtest.First), nil, tasks.PublishArgs{Name: "nettest", Version: "0.1.0"}, []string{"did you mean v0.1.0?"}},
		"name":              {publishtest.Clean(publishtest.First), nil, tasks.PublishArgs{Name: "-dryrun", Version: "v0.1.0"}, []string{"flags come after"}},
		"unknown container": {publishtest.Clean(publishtest.First), nil, tasks.PublishArgs{Name: "netest", Version: "v0.1.0"}, []string{"did you mean nettest?"}},
		"platform":          {publishtest.Clean(publishtest.First), nil, tasks.PublishArgs{Name: "nettest", Version: "v0.1.0", Platforms: "arm"}, []string{`platform "arm"`}},
		"registry":          {publishtest.Clean(publishtest.First), nil, tasks.PublishArgs{Name: "nettest", Version: "v0.1.0", Registry: "https://x.y"}, []string{"must not have a scheme"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &imagetest.Builder{T: t}
			p := l.Publish(t, c.repo, b)
			if c.change != nil {
				c.change(&p)
			}
			_, err := p.Run(t.Context(), c.args)
			testenv.WantError(t, err, c.want...)
			if len(b.Requests) > 0 || l.Writes.Load() != writes {
				t.Errorf("built %d times, wrote %d times", len(b.Requests), l.Writes.Load()-writes)
			}
		})
	}
}

func TestForceSaysWhatItOverrides(t *testing.T) {
	l := publishtest.NewShop(t)
	if _, err := l.Publish(t, publishtest.Clean(publishtest.First), &imagetest.Builder{T: t}).Run(t.Context(), v010); err != nil {
		t.Fatal(err)
	}
	var said []string
	p := l.Publish(t, publishtest.Repo{Hash: publishtest.Second, Dirty: []string{"x"}}, &imagetest.Builder{T: t, Content: "other"})
	p.Say = func(s string) { said = append(said, s) }
	args := v010
	args.Force = true
	got, err := p.Run(t.Context(), args)
	if err != nil {
		t.Fatal(err)
	}
	if found, _ := l.Look(t, "v0.1.0"); found.Digest != got.Digest || found.Labels["org.opencontainers.image.revision"] != publishtest.Second+"-dirty" {
		t.Errorf("published %+v, the registry has %+v", got, found)
	}
	if len(said) != 3 {
		t.Errorf("said %q; want three sentences", said)
	}
	for i, want := range []string{"FORCED: the tree has changes (x)", "is not on branch main", "exists with revision " + publishtest.First} {
		if i < len(said) && !strings.Contains(said[i], want) {
			t.Errorf("said %q, want %q", said[i], want)
		}
	}
}

func TestChannelMoves(t *testing.T) {
	l := publishtest.NewShop(t)
	args := tasks.PublishArgs{Name: "nettest", Version: "dev"}
	if _, err := l.Publish(t, publishtest.Clean(publishtest.First), &imagetest.Builder{T: t}).Run(t.Context(), args); err != nil {
		t.Fatal(err)
	}
	moved, err := l.Publish(t, publishtest.Clean(publishtest.Second), &imagetest.Builder{T: t}).Run(t.Context(), args)
	if err != nil || moved.Status != publish.StatusPublished {
		t.Fatalf("%+v, %v", moved, err)
	}
	for range 2 { // whether a tree with changes was published already is unknown
		b := &imagetest.Builder{T: t}
		got, err := l.Publish(t, publishtest.Repo{Hash: publishtest.Second, Dirty: []string{"x"}}, b).Run(t.Context(), args)
		if err != nil || len(b.Requests) != 1 || got.Revision != publishtest.Second+"-dirty" {
			t.Errorf("%+v, %v, built %d times", got, err, len(b.Requests))
		}
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	l, b := publishtest.NewShop(t), &imagetest.Builder{T: t}
	var plan []string
	p := l.Publish(t, publishtest.Clean(publishtest.First), b).DryRun(func(s string) { plan = append(plan, s) })
	got, err := p.Run(t.Context(), v010)
	if err != nil || got.Status != step.StatusPlanned || got.Digest != "" {
		t.Fatalf("%+v, %v", got, err)
	}
	want := "would build nettest (go) for linux/amd64,linux/arm64\n" +
		"would push " + l.Host + "/blumeops/nettest:v0.1.0, which does not exist yet\n" +
		"would label it with revision " + publishtest.First + ", created 2026-03-01T11:00:00Z"
	if strings.Join(plan, "\n") != want {
		t.Errorf("plan\n%s\nwant\n%s", strings.Join(plan, "\n"), want)
	}
	if _, ok := l.Look(t, "v0.1.0"); ok || l.Writes.Load() > 0 || len(b.Requests) > 0 {
		t.Errorf("a dry run wrote %d times and built %d times", l.Writes.Load(), len(b.Requests))
	}
}

func TestSomebodyElseWasFasterWithTheSame(t *testing.T) {
	l := publishtest.NewShop(t)
	other := l.Publish(t, publishtest.Clean(publishtest.First), &imagetest.Builder{T: t})
	b := &imagetest.Builder{T: t, During: func() {
		if _, err := other.Run(t.Context(), v010); err != nil {
			t.Error(err)
		}
	}}
	got, err := l.Publish(t, publishtest.Clean(publishtest.First), b).Run(t.Context(), v010)
	if found, _ := l.Look(t, "v0.1.0"); err != nil || got.Status != step.StatusUnchanged || got.Digest != found.Digest {
		t.Errorf("%+v, %v; want what the other published", got, err)
	}
}

func TestSomebodyElseWasFasterWithAnother(t *testing.T) {
	l := publishtest.NewShop(t)
	other := l.Publish(t, publishtest.Clean(publishtest.Second), &imagetest.Builder{T: t, Content: "theirs"})
	b := &imagetest.Builder{T: t, During: func() {
		if _, err := other.Run(t.Context(), v010); err != nil {
			t.Error(err)
		}
	}}
	_, err := l.Publish(t, publishtest.Clean(publishtest.First), b).Run(t.Context(), v010)
	testenv.WantError(t, err, "push ", "exists with revision "+publishtest.Second)
	if found, _ := l.Look(t, "v0.1.0"); found.Labels["org.opencontainers.image.revision"] != publishtest.Second {
		t.Error("the other's image was overwritten")
	}
}

// A registry that lets CI create but never overwrite answers 403 to a tag that exists. Here
// another job publishes the same revision, with other bytes, just before the push.
func TestCreateOnlyRegistryHasItAlready(t *testing.T) {
	l := publishtest.NewShop(t)
	other := l.Publish(t, publishtest.Clean(publishtest.First), &imagetest.Builder{T: t, Content: "theirs"})
	var begun atomic.Bool
	l.Between = func(w http.ResponseWriter, r *http.Request) bool {
		if !isTagPut(r) || begun.Swap(true) {
			return false
		}
		if _, err := other.Run(t.Context(), v010); err != nil {
			t.Error(err)
		}
		http.Error(w, `{"errors":[{"code":"DENIED"}]}`, http.StatusForbidden)
		return true
	}
	var said []string
	p := l.Publish(t, publishtest.Clean(publishtest.First), &imagetest.Builder{T: t})
	p.Say = func(s string) { said = append(said, s) }
	got, err := p.Run(t.Context(), v010)
	if found, _ := l.Look(t, "v0.1.0"); err != nil || got.Status != step.StatusUnchanged || got.Digest != found.Digest {
		t.Errorf("%s %s, %v; want it to be found published", got.Status, got, err)
	}
	if len(said) != 1 || !strings.Contains(said[0], "already has this revision") {
		t.Errorf("said %q", said)
	}
}

func TestRegistryThatDeniesIsAnError(t *testing.T) {
	l := publishtest.NewShop(t)
	l.Between = func(w http.ResponseWriter, r *http.Request) bool {
		if isTagPut(r) {
			http.Error(w, `{"errors":[{"code":"DENIED"}]}`, http.StatusForbidden)
		}
		return isTagPut(r)
	}
	_, err := l.Publish(t, publishtest.Clean(publishtest.First), &imagetest.Builder{T: t}).Run(t.Context(), v010)
	if !errors.Is(err, registry.ErrDenied) {
		t.Errorf("error %v; want the registry's denial", err)
	}
}

func TestRegistryThatStoresSomethingElseIsCaught(t *testing.T) {
	l := publishtest.NewShop(t)
	if _, err := l.Publish(t, publishtest.Clean(publishtest.Second), &imagetest.Builder{T: t, Content: "else"}).Run(t.Context(), tasks.PublishArgs{Name: "nettest", Version: "v9.0.0"}); err != nil {
		t.Fatal(err)
	}
	l.Between = func(w http.ResponseWriter, r *http.Request) bool {
		if isTagPut(r) {
			w.WriteHeader(http.StatusCreated) // but stores nothing
			return true
		}
		return false
	}
	_, err := l.Publish(t, publishtest.Clean(publishtest.First), &imagetest.Builder{T: t}).Run(t.Context(), v010)
	testenv.WantError(t, err, "back: ", "does not have its tag")

	var took atomic.Bool
	l.Between = func(w http.ResponseWriter, r *http.Request) bool {
		if isTagPut(r) {
			took.Store(true)
			w.WriteHeader(http.StatusCreated)
			return true
		}
		if took.Load() && strings.HasSuffix(r.URL.Path, "/manifests/v0.1.0") {
			r.URL.Path = strings.ReplaceAll(r.URL.Path, "v0.1.0", "v9.0.0")
		}
		return false
	}
	_, err = l.Publish(t, publishtest.Clean(publishtest.First), &imagetest.Builder{T: t}).Run(t.Context(), v010)
	testenv.WantError(t, err, "back: ", "has digest sha256:")
}

// An engine may return an old program for new sources, under the new commit's label.
func TestBuilderThatShipsAnOldProgramIsCaught(t *testing.T) {
	l, b := publishtest.NewShop(t), &imagetest.Builder{T: t, Content: "hi", Compiled: "ho"}
	_, err := l.Publish(t, publishtest.Clean(publishtest.First), b).Run(t.Context(), v010)
	var stale *registry.ProgramError
	if !errors.As(err, &stale) || stale.Path != "/file" {
		t.Errorf("error %v", err)
	}
	if found, ok := l.Look(t, "v0.1.0"); ok {
		t.Errorf("published %+v", found)
	}
	b.Content = "ho"
	if _, err := l.Publish(t, publishtest.Clean(publishtest.First), b).Run(t.Context(), v010); err != nil {
		t.Error(err)
	}
}

func TestPublishedIsJSON(t *testing.T) {
	text, err := json.Marshal(publish.Result{Name: "nettest", Status: step.StatusPlanned})
	if err != nil || !strings.Contains(string(text), `"status":"planned"`) || !strings.Contains(string(text), `"digest":""`) {
		t.Errorf("%s, %v", text, err)
	}
}
