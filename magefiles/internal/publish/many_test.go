package publish_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish/publishtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// countingRepo counts calls of Changed.
type countingRepo struct {
	publishtest.Repo
	looks atomic.Int64
}

func (r *countingRepo) Changed(ctx context.Context, under ...string) ([]string, error) {
	r.looks.Add(1)
	return r.Repo.Changed(ctx, under...)
}

func many(l *publishtest.Shop, t *testing.T, r publish.Repo, b image.Builder) publish.Many {
	return publish.Many{Each: func(image.Name) publish.Publish {
		p := l.Publish(t, r, nil)
		p.Files, p.Trees, p.Builder = imagetest.FiveContainers(), publishtest.Trees{FS: imagetest.FiveContainers()}, b
		return p
	}}
}

func TestPublishMany(t *testing.T) {
	t.Parallel()
	l, b, r := publishtest.NewShop(t), &imagetest.Builders{T: t, Two: make(chan struct{})}, &countingRepo{Repo: publishtest.Clean(publishtest.First)}
	m := many(l, t, r, b)
	m.Limit = 2
	var steps sync.Map
	each := m.Each
	m.Each = func(name image.Name) publish.Publish {
		p := each(name)
		p.Watch = func(step string) func(error) { steps.Store(step, true); return func(error) {} }
		return p
	}
	got, err := m.Run(t.Context(), tasks.PublishArgs{Name: "a,b,c,b,d,e", Version: "auto"})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(got.String(), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[1], l.Host+"/blumeops/b:v2.2.0-1111111@sha256:") {
		t.Errorf("prints %q", lines)
	}
	if b.Most.Load() != 2 || len(b.Built) != 5 || r.looks.Load() != 5 {
		t.Errorf("%d at once, built %q, looked %d times", b.Most.Load(), b.Built, r.looks.Load())
	}
	if _, ok := steps.Load("c: push the image"); !ok {
		t.Error("a step has not its container's name")
	}
	if out := got.Outputs(); len(strings.Fields(out["references"])) != 5 || !strings.HasPrefix(out["published"], `[{"name":"a"`) {
		t.Errorf("hands on %q", out)
	}
}

func TestPublishManyTellsEveryFailure(t *testing.T) {
	t.Parallel()
	l, b := publishtest.NewShop(t), &imagetest.Builders{T: t, Broken: []string{"b", "d"}}
	got, err := many(l, t, publishtest.Clean(publishtest.First), b).Run(t.Context(), tasks.PublishArgs{Name: "a,b,c,d", Version: "v1.0.0"})
	testenv.WantError(t, err, "b: build b for linux/amd64: no b today\nd: build d")
	if len(got) != 2 || got[0].Name != "a" || got[1].Name != "c" {
		t.Errorf("published %v", got)
	}
	var many *publish.ManyError
	if !errors.As(err, &many) || len(many.Failed) != 2 || many.Hint() != "" {
		t.Errorf("%#v", err)
	}
}

func TestPublishManyRefusesBeforeItBegins(t *testing.T) {
	t.Parallel()
	l, b := publishtest.NewShop(t), &imagetest.Builders{T: t}
	for list, want := range map[string]string{
		"a,x":       `x: unknown container "x"`,
		"a,none":    "none: containers/none: version of the application",
		"a,":        "is empty",
		"a, b":      "lower case letters",
		",":         "is empty",
		"a,$(id)":   "lower case letters",
		"a,-dryrun": "looks like a flag",
		"x,y":       `x: unknown container "x"`,
	} {
		_, err := many(l, t, publishtest.Clean(publishtest.First), b).Run(t.Context(), tasks.PublishArgs{Name: list, Version: "auto"})
		testenv.WantError(t, err, want)
		var status interface{ ExitStatus() int }
		if !errors.As(err, &status) || status.ExitStatus() != 2 {
			t.Errorf("%s: %v is not the fault of what was typed", list, err)
		}
	}
	_, err := many(l, t, publishtest.Repo{Hash: publishtest.First, Branch: true, Dirty: []string{"x"}}, b).Run(t.Context(), tasks.PublishArgs{Name: "a,b", Version: "auto"})
	testenv.WantError(t, err, "a: check the commit: the tree has changes", "\nb: check the commit")
	var many *publish.ManyError
	if !errors.As(err, &many) || !strings.Contains(many.Hint(), "a: commit or stash") {
		t.Errorf("%v", err)
	}
	if len(b.Built) > 0 || l.Writes.Load() > 0 {
		t.Errorf("built %q, wrote %d times", b.Built, l.Writes.Load())
	}
}

func TestPublishChanged(t *testing.T) {
	t.Parallel()
	l, b := publishtest.NewShop(t), &imagetest.Builders{T: t}
	m := many(l, t, publishtest.Clean(publishtest.First), b)
	var notes []string
	m.Note = func(s string) { notes = append(notes, s) }
	run := func(names []image.Name, err error) (publish.Results, error) {
		m.Changed = func(context.Context) ([]image.Name, error) { return names, err }
		return m.Run(t.Context(), tasks.PublishArgs{Name: "changed", Version: "auto"})
	}
	got, err := run(nil, nil)
	if err != nil || len(got) > 0 || len(notes) != 1 || got.Outputs()["published"] != "[]" {
		t.Errorf("nothing: %v, %v, said %q", got, err, notes)
	}
	if _, err = run(nil, errors.New("shallow")); err == nil || err.Error() != "shallow" {
		t.Errorf("an error: %v", err)
	}
	got, err = run([]image.Name{"a", "none", "b"}, errors.New("containers/odd: cannot be used"))
	testenv.WantError(t, err, "containers/odd: cannot be used", "none: containers/none: version of the application")
	if len(got) != 2 || len(b.Built) != 2 {
		t.Errorf("published %v", got)
	}
}

func TestPublishManyDryRun(t *testing.T) {
	t.Parallel()
	l, b := publishtest.NewShop(t), &imagetest.Builders{T: t}
	var plan []string
	m := many(l, t, publishtest.Clean(publishtest.First), b).DryRun(func(s string) { plan = append(plan, s) })
	got, err := m.Run(t.Context(), tasks.PublishArgs{Name: "b,a", Version: "auto"})
	if err != nil || len(got) != 2 || len(plan) != 6 || !strings.Contains(plan[1], "/b:v2.2.0-1111111") || !strings.Contains(plan[4], "/a:v1.2.0") {
		t.Errorf("%v, %v, plan %q", got, err, plan)
	}
	if len(b.Built) > 0 || l.Writes.Load() > 0 {
		t.Error("a dry run wrote something")
	}
}

// BenchmarkPublishFive publishes five images, whose builds take as long as a short real one, to the lab's registry.
func BenchmarkPublishFive(b *testing.B) {
	for _, limit := range []int{1, 2, 5} {
		b.Run(fmt.Sprint(limit, " at once"), func(b *testing.B) { benchmarkPublishFive(b, limit) })
	}
}

func benchmarkPublishFive(b *testing.B, limit int) {
	r, err := lab.StartRegistry(b.Context(), lab.Home{}, lab.RegistryOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.Close() })
	works := &imagetest.Builders{Takes: 200 * time.Millisecond}
	m := publish.Many{Limit: limit, Each: func(image.Name) publish.Publish {
		return publish.Publish{
			Files: imagetest.FiveContainers(), Trees: publishtest.Trees{FS: imagetest.FiveContainers()}, Repo: publishtest.Clean(publishtest.First), Registry: registry.New(registry.Options{}), Builder: works,
			Host: r.Addr, Namespace: "bench", TempDir: b.TempDir(),
		}
	}}
	for n := 0; b.Loop(); n++ {
		if _, err := m.Run(b.Context(), tasks.PublishArgs{Name: "a,b,c,d,e", Version: fmt.Sprintf("v1.0.%d", n)}); err != nil {
			b.Fatal(err)
		}
	}
}
