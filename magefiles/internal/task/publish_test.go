package task_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// shop is a registry of the lab, with a hook between it and its clients.
type shop struct {
	host   string
	writes atomic.Int64 // requests that change something
	// between, if set, answers a request itself and returns true.
	between func(http.ResponseWriter, *http.Request) bool
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{}
	r, err := lab.StartRegistry(t.Context(), lab.Home{}, lab.RegistryOptions{Wrap: func(real http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				s.writes.Add(1)
			}
			if s.between == nil || !s.between(w, r) {
				real.ServeHTTP(w, r)
			}
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	s.host = r.Addr
	return s
}

func isTagPut(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/v")
}

// publish is the use case with tiny images and the lab's registry.
func (l *shop) publish(t *testing.T, r task.Repo, b *builder) task.Publish {
	return task.Publish{
		Files: files, Trees: trees{FS: files}, Repo: r, Builder: b, Registry: registry.New(registry.Options{}),
		Host: l.host, Namespace: "blumeops", TempDir: t.TempDir(),
		Platforms: task.Platforms{image.KindGo: {amd64, arm64}},
	}
}

func (l *shop) look(t *testing.T, tag string) (image.Found, bool) {
	t.Helper()
	ref, err := image.ParseReference(l.host + "/blumeops/nettest:" + tag)
	if err != nil {
		t.Fatal(err)
	}
	found, ok, err := registry.New(registry.Options{}).Look(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return found, ok
}

var v010 = task.PublishArgs{Name: "nettest", Version: "v0.1.0"}

func TestPublish(t *testing.T) {
	l, b := newShop(t), &builder{t: t}
	p := l.publish(t, clean(first), b)
	got, err := p.Run(t.Context(), v010)
	if err != nil {
		t.Fatal(err)
	}
	found, _ := l.look(t, "v0.1.0")
	if want := l.host + "/blumeops/nettest:v0.1.0@" + found.Digest; got.String() != want || got.Status != task.StatusPublished {
		t.Errorf("prints %q (%s), want %q", got, got.Status, want)
	}
	if !image.SamePlatforms(found.Platforms, []image.Platform{amd64, arm64}) {
		t.Errorf("published for %v", found.Platforms)
	}
	for name, want := range map[string]string{
		"org.opencontainers.image.revision": first,
		"org.opencontainers.image.version":  "v0.1.0",
		"org.opencontainers.image.title":    "nettest",
		"org.opencontainers.image.source":   "https://forge.example/eblume/blumeops",
		"org.opencontainers.image.created":  "2026-03-01T11:00:00Z",
	} {
		if found.Labels[name] != want || found.Annotations[name] != want {
			t.Errorf("%s: label %q, annotation %q, want %q", name, found.Labels[name], found.Annotations[name], want)
		}
	}
	if b.requests[0].Version != "v0.1.0" {
		t.Errorf("the program was told version %q", b.requests[0].Version)
	}
	wantEntries(t, p.TempDir)
}

func TestPublishAgainBuildsAndWritesNothing(t *testing.T) {
	l := newShop(t)
	before, err := l.publish(t, clean(first), &builder{t: t}).Run(t.Context(), v010)
	if err != nil {
		t.Fatal(err)
	}
	writes, b := l.writes.Load(), &builder{t: t}
	after, err := l.publish(t, clean(first), b).Run(t.Context(), v010)
	if err != nil || after.Reference != before.Reference || after.Status != task.StatusUnchanged {
		t.Errorf("got %+v, %v; want %s, unchanged", after, err, before)
	}
	if len(b.requests) != 0 || l.writes.Load() != writes {
		t.Errorf("built %d times, wrote %d times", len(b.requests), l.writes.Load()-writes)
	}
}

func TestPublishRefuses(t *testing.T) {
	l := newShop(t)
	if _, err := l.publish(t, clean(first), &builder{t: t}).Run(t.Context(), v010); err != nil {
		t.Fatal(err)
	}
	writes := l.writes.Load()
	withLogin := func(err error) func(*task.Publish) {
		return func(p *task.Publish) { p.Login = func(context.Context, string) error { return err } }
	}
	for name, c := range map[string]struct {
		repo   repo
		change func(*task.Publish)
		args   task.PublishArgs
		want   []string
	}{
		"another revision":  {clean(second), nil, v010, []string{"v0.1.0 exists with revision " + first, second}},
		"other platforms":   {clean(first), nil, task.PublishArgs{Name: "nettest", Version: "v0.1.0", Platforms: "linux/amd64"}, []string{"exists for linux/amd64,linux/arm64"}},
		"changes":           {repo{hash: first, branch: true, changed: []string{"a", "b", "c", "d"}}, nil, v010, []string{"the tree has changes (a, b, c and 1 more)"}},
		"branch":            {repo{hash: first}, nil, v010, []string{"is not on the branch main"}},
		"shallow":           {repo{hash: first, err: errors.New("clone is shallow")}, nil, v010, []string{"check the commit: clone is shallow"}},
		"credentials":       {clean(second), withLogin(errors.New("secret is missing")), v010, []string{"read the credentials", "secret is missing"}},
		"version":           {clean(first), nil, task.PublishArgs{Name: "nettest", Version: "0.1.0"}, []string{"did you mean v0.1.0?"}},
		"name":              {clean(first), nil, task.PublishArgs{Name: "-dryrun", Version: "v0.1.0"}, []string{"flags come after"}},
		"unknown container": {clean(first), nil, task.PublishArgs{Name: "netest", Version: "v0.1.0"}, []string{"did you mean nettest?"}},
		"platform":          {clean(first), nil, task.PublishArgs{Name: "nettest", Version: "v0.1.0", Platforms: "arm"}, []string{`platform "arm"`}},
		"registry":          {clean(first), nil, task.PublishArgs{Name: "nettest", Version: "v0.1.0", Registry: "https://x.y"}, []string{"must not have a scheme"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &builder{t: t}
			p := l.publish(t, c.repo, b)
			if c.change != nil {
				c.change(&p)
			}
			_, err := p.Run(t.Context(), c.args)
			wantError(t, err, c.want...)
			if len(b.requests) > 0 || l.writes.Load() != writes {
				t.Errorf("built %d times, wrote %d times", len(b.requests), l.writes.Load()-writes)
			}
		})
	}
}

func TestForceSaysWhatItOverrides(t *testing.T) {
	l := newShop(t)
	if _, err := l.publish(t, clean(first), &builder{t: t}).Run(t.Context(), v010); err != nil {
		t.Fatal(err)
	}
	var said []string
	p := l.publish(t, repo{hash: second, changed: []string{"x"}}, &builder{t: t, content: "other"})
	p.Say = func(s string) { said = append(said, s) }
	args := v010
	args.Force = true
	got, err := p.Run(t.Context(), args)
	if err != nil {
		t.Fatal(err)
	}
	if found, _ := l.look(t, "v0.1.0"); found.Digest != got.Digest || found.Labels["org.opencontainers.image.revision"] != second+"-dirty" {
		t.Errorf("published %+v, the registry has %+v", got, found)
	}
	if len(said) != 3 {
		t.Errorf("said %q; want three sentences", said)
	}
	for i, want := range []string{"FORCED: the tree has changes (x)", "is not on the branch main", "exists with revision " + first} {
		if i < len(said) && !strings.Contains(said[i], want) {
			t.Errorf("said %q, want %q", said[i], want)
		}
	}
}

func TestChannelMoves(t *testing.T) {
	l := newShop(t)
	args := task.PublishArgs{Name: "nettest", Version: "dev"}
	if _, err := l.publish(t, clean(first), &builder{t: t}).Run(t.Context(), args); err != nil {
		t.Fatal(err)
	}
	moved, err := l.publish(t, clean(second), &builder{t: t}).Run(t.Context(), args)
	if err != nil || moved.Status != task.StatusPublished {
		t.Fatalf("%+v, %v", moved, err)
	}
	for range 2 { // whether a tree with changes was published already is unknown
		b := &builder{t: t}
		got, err := l.publish(t, repo{hash: second, changed: []string{"x"}}, b).Run(t.Context(), args)
		if err != nil || len(b.requests) != 1 || got.Revision != second+"-dirty" {
			t.Errorf("%+v, %v, built %d times", got, err, len(b.requests))
		}
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	l, b := newShop(t), &builder{t: t}
	var plan []string
	p := l.publish(t, clean(first), b).DryRun(func(s string) { plan = append(plan, s) })
	got, err := p.Run(t.Context(), v010)
	if err != nil || got.Status != task.StatusPlanned || got.Digest != "" {
		t.Fatalf("%+v, %v", got, err)
	}
	want := "would build nettest (go) for linux/amd64,linux/arm64\n" +
		"would push " + l.host + "/blumeops/nettest:v0.1.0, which does not exist yet\n" +
		"would label it with revision " + first + ", created 2026-03-01T11:00:00Z"
	if strings.Join(plan, "\n") != want {
		t.Errorf("plan\n%s\nwant\n%s", strings.Join(plan, "\n"), want)
	}
	if _, ok := l.look(t, "v0.1.0"); ok || l.writes.Load() > 0 || len(b.requests) > 0 {
		t.Errorf("a dry run wrote %d times and built %d times", l.writes.Load(), len(b.requests))
	}
}

func TestSomebodyElseWasFasterWithTheSame(t *testing.T) {
	l := newShop(t)
	other := l.publish(t, clean(first), &builder{t: t})
	b := &builder{t: t, during: func() {
		if _, err := other.Run(t.Context(), v010); err != nil {
			t.Error(err)
		}
	}}
	got, err := l.publish(t, clean(first), b).Run(t.Context(), v010)
	if found, _ := l.look(t, "v0.1.0"); err != nil || got.Status != task.StatusUnchanged || got.Digest != found.Digest {
		t.Errorf("%+v, %v; want what the other published", got, err)
	}
}

func TestSomebodyElseWasFasterWithAnother(t *testing.T) {
	l := newShop(t)
	other := l.publish(t, clean(second), &builder{t: t, content: "theirs"})
	b := &builder{t: t, during: func() {
		if _, err := other.Run(t.Context(), v010); err != nil {
			t.Error(err)
		}
	}}
	_, err := l.publish(t, clean(first), b).Run(t.Context(), v010)
	wantError(t, err, "push ", "exists with revision "+second)
	if found, _ := l.look(t, "v0.1.0"); found.Labels["org.opencontainers.image.revision"] != second {
		t.Error("the other's image was overwritten")
	}
}

// A registry that lets CI create but never overwrite answers 403 to a tag that exists. Here
// another job publishes the same revision, with other bytes, just before the push.
func TestCreateOnlyRegistryHasItAlready(t *testing.T) {
	l := newShop(t)
	other := l.publish(t, clean(first), &builder{t: t, content: "theirs"})
	var begun atomic.Bool
	l.between = func(w http.ResponseWriter, r *http.Request) bool {
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
	p := l.publish(t, clean(first), &builder{t: t})
	p.Say = func(s string) { said = append(said, s) }
	got, err := p.Run(t.Context(), v010)
	if found, _ := l.look(t, "v0.1.0"); err != nil || got.Status != task.StatusUnchanged || got.Digest != found.Digest {
		t.Errorf("%s %s, %v; want it to be found published", got.Status, got, err)
	}
	if len(said) != 1 || !strings.Contains(said[0], "holds this revision already") {
		t.Errorf("said %q", said)
	}
}

func TestRegistryThatDeniesIsAnError(t *testing.T) {
	l := newShop(t)
	l.between = func(w http.ResponseWriter, r *http.Request) bool {
		if isTagPut(r) {
			http.Error(w, `{"errors":[{"code":"DENIED"}]}`, http.StatusForbidden)
		}
		return isTagPut(r)
	}
	_, err := l.publish(t, clean(first), &builder{t: t}).Run(t.Context(), v010)
	if !errors.Is(err, registry.ErrDenied) {
		t.Errorf("error %v; want the registry's denial", err)
	}
}

func TestRegistryThatStoresSomethingElseIsCaught(t *testing.T) {
	l := newShop(t)
	if _, err := l.publish(t, clean(second), &builder{t: t, content: "else"}).Run(t.Context(), task.PublishArgs{Name: "nettest", Version: "v9.0.0"}); err != nil {
		t.Fatal(err)
	}
	l.between = func(w http.ResponseWriter, r *http.Request) bool {
		if isTagPut(r) {
			w.WriteHeader(http.StatusCreated) // but stores nothing
			return true
		}
		return false
	}
	_, err := l.publish(t, clean(first), &builder{t: t}).Run(t.Context(), v010)
	wantError(t, err, "back: ", "does not have its tag")

	var took atomic.Bool
	l.between = func(w http.ResponseWriter, r *http.Request) bool {
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
	_, err = l.publish(t, clean(first), &builder{t: t}).Run(t.Context(), v010)
	wantError(t, err, "back: ", "has digest sha256:")
}

// An engine may return an old program for new sources, under the new commit's label.
func TestBuilderThatShipsAnOldProgramIsCaught(t *testing.T) {
	l, b := newShop(t), &builder{t: t, content: "hi", compiled: "ho"}
	_, err := l.publish(t, clean(first), b).Run(t.Context(), v010)
	var stale *registry.ProgramError
	if !errors.As(err, &stale) || stale.Path != "/file" {
		t.Errorf("error %v", err)
	}
	if found, ok := l.look(t, "v0.1.0"); ok {
		t.Errorf("published %+v", found)
	}
	b.content = "ho"
	if _, err := l.publish(t, clean(first), b).Run(t.Context(), v010); err != nil {
		t.Error(err)
	}
}

func TestPublishedIsJSON(t *testing.T) {
	text, err := json.Marshal(task.Published{Name: "nettest", Status: task.StatusPlanned})
	if err != nil || !strings.Contains(string(text), `"status":"planned"`) || !strings.Contains(string(text), `"digest":""`) {
		t.Errorf("%s, %v", text, err)
	}
}
