package publish_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish/publishtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// fromLines are the images of FROM lines.
func fromLines(dockerfile string) (references []string, err error) {
	for line := range strings.Lines(dockerfile) {
		if reference, ok := strings.CutPrefix(strings.TrimSpace(line), "FROM "); ok {
			references = append(references, reference)
		}
	}
	return references, err
}

// TestPublishManyWaits has containers that are built on others of the same list, by the published tag.
func TestPublishManyWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from   map[string]string
		broken string
		built  string // in the order of the builds; "" is any
		want   []string
	}{
		"a chain":          {map[string]string{"a": "b:dev", "b": "c:dev", "c": "scratch"}, "", "c b a", nil},
		"twice":            {map[string]string{"a": "c:dev\nFROM c:dev", "b": "c:dev", "c": "scratch"}, "", "c", nil},
		"the base fails":   {map[string]string{"a": "b:dev", "b": "c:dev", "c": "scratch"}, "c", "c", []string{"a: not built: its base b was not published", "b: not built: its base c", "c: build c"}},
		"in a circle":      {map[string]string{"a": "b:dev", "b": "a:dev", "c": "scratch"}, "", "", nil},
		"of other tags":    {map[string]string{"a": "b:test", "b": "c:v1.0.0", "c": "scratch"}, "c", "", []string{"c: build c"}},
		"of the last list": {map[string]string{"a": "d:dev", "b": "c", "c": "scratch"}, "", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, b := publishtest.NewShop(t), &imagetest.Builders{T: t, Takes: 5 * time.Millisecond}
			if c.broken != "" {
				b.Broken = []string{c.broken}
			}
			files := fstest.MapFS{}
			for name, from := range c.from {
				text := strings.ReplaceAll("FROM "+from+"\n", "FROM ", "FROM "+l.Host+"/blumeops/")
				files["containers/"+name+"/Dockerfile"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(text, l.Host+"/blumeops/scratch", "scratch"))}
			}
			m := publish.Many{Bases: fromLines, Each: func(image.Name) publish.Publish {
				p := l.Publish(t, publishtest.Clean(publishtest.First), nil)
				p.Files, p.Trees, p.Builder = files, publishtest.Trees{FS: files}, b
				return p
			}}
			got, err := m.Run(t.Context(), tasks.PublishArgs{Name: "a,b,c", Version: "dev", Platforms: "linux/amd64"})
			if c.want != nil {
				testenv.WantError(t, err, c.want...)
			} else if err != nil || len(got) != 3 || got[0].Name != "a" {
				t.Errorf("%v, %v", got, err)
			}
			if !strings.HasPrefix(strings.Join(b.Built, " "), c.built) {
				t.Errorf("built %q, want %s", b.Built, c.built)
			}
		})
	}
}

// TestPublishManySettlesBases has containers that name older versions of this site's images.
func TestPublishManySettlesBases(t *testing.T) {
	t.Parallel()
	l, b := publishtest.NewShop(t), &imagetest.Builders{T: t}
	at := l.Host + "/blumeops/"
	pinned := at + "c:v1.0.0@sha256:" + strings.Repeat("0", 64)
	files := fstest.MapFS{"containers/tool/main.go": {Data: []byte("// Command tool.\n//\n//blumeops:version 1.0.0\n//blumeops:base " + at + "b:v1.0.0\npackage main\n")}}
	for name, from := range map[string][]string{"a": {at + "b:v1.0.0", at + "d:v1.0.0", at + "gone:v1.0.0"}, "b": {at + "c:dev", pinned}, "c": {"scratch"}, "d": {"scratch"}, "e": {at + "c:dev", at + "c:v1.0.0"}} {
		text := "ARG CONTAINER_APP_VERSION=1.0\n"
		for _, reference := range from {
			text += "FROM " + reference + "\n"
		}
		files["containers/"+name+"/Dockerfile"] = &fstest.MapFile{Data: []byte(text)}
	}
	var notes []string
	try := func(names, version string) error {
		m := publish.Many{
			Bases: fromLines, Note: func(s string) { notes = append(notes, s) }, Limit: 1,
			Newest: func(_ context.Context, name image.Name) (string, error) {
				return map[image.Name]string{"d": "v1.0.0-4444444"}[name], nil
			},
			Each: func(image.Name) publish.Publish {
				p := l.Publish(t, publishtest.Clean(publishtest.First), nil)
				p.Files, p.Trees, p.Builder = files, publishtest.Trees{FS: files}, b
				return p
			},
		}
		_, err := m.Run(t.Context(), tasks.PublishArgs{Name: names, Version: version, Platforms: "linux/amd64"})
		return err
	}
	run := func(names, version string) {
		t.Helper()
		if err := try(names, version); err != nil {
			t.Fatal(err)
		}
	}
	run("a,b,c,tool", "auto")
	const made = ":v1.0.0-1111111"
	want := map[string]map[string]string{
		"a": {at + "b:v1.0.0": at + "b" + made, at + "d:v1.0.0": at + "d:v1.0.0-4444444"}, "b": {at + "c:dev": at + "c" + made}, "c": {},
		"tool": {at + "b:v1.0.0": at + "b" + made},
	}
	if !reflect.DeepEqual(b.Bases, want) || strings.Join(b.Built, " ") != "c b a tool" {
		t.Errorf("built %q on\n%v\nwant\n%v", b.Built, b.Bases, want)
	}
	if said := strings.Join(notes, "\n"); !strings.Contains(said, "a: built on "+at+"b"+made+" instead of "+at+"b:v1.0.0") {
		t.Errorf("says %q", said)
	}
	notes, b.Bases = nil, nil
	run("a,b", "v2.0.0")
	if said := strings.Join(notes, "\n"); len(b.Bases["a"]) > 0 || !strings.Contains(said, "a: built on "+at+"b:v1.0.0, which it names") || strings.Contains(said, "sha256") {
		t.Errorf("by a version of its own: on %v, says %q", b.Bases, said)
	}
	notes, b.Bases = nil, nil
	run("c,e", "dev")
	if said := strings.Join(notes, "\n"); len(b.Bases["e"]) > 0 || said != "e: built on "+at+"c:v1.0.0, which it names; the version auto uses the newest" {
		t.Errorf("two versions of one image, of which one is published: on %v, says %q", b.Bases, said)
	}
	notes, b.Broken = nil, []string{"e"}
	if err := try("e", "test"); err == nil || len(notes) > 0 {
		t.Errorf("what was not built: %v, says %q", err, notes)
	}
}

// movingRepo moves to another commit after some calls.
type movingRepo struct {
	publishtest.Repo
	asked *atomic.Int64
}

func (r movingRepo) Head() (image.Commit, error) {
	commit, err := r.Repo.Head()
	if r.asked.Add(1) > 20 {
		commit.Hash = strings.Repeat("9", 40)
	}
	return commit, err
}

// TestPublishManyOfOneCommit has a checkout that moves meanwhile: nothing is published from a commit that the versions do
// not name.
func TestPublishManyOfOneCommit(t *testing.T) {
	t.Parallel()
	l, b := publishtest.NewShop(t), &imagetest.Builders{T: t}
	m := many(l, t, movingRepo{publishtest.Clean(publishtest.First), new(atomic.Int64)}, b)
	m.Limit = 1
	got, err := m.Run(t.Context(), tasks.PublishArgs{Name: "a,b,c,d,e", Version: "auto"})
	var moved *publish.HeadMovedError
	if !errors.As(err, &moved) || moved.From != publishtest.First || moved.Hint() == "" {
		t.Fatalf("%v", err)
	}
	if len(got) == 0 || len(got) == 5 || len(b.Built) != len(got) {
		t.Errorf("published %v, built %q", got, b.Built)
	}
	for _, p := range got {
		if p.Revision != publishtest.First || !slices.Contains([]string{"a", "b", "c", "d"}, string(p.Name)) {
			t.Errorf("%+v", p)
		}
	}
	testenv.WantError(t, err, fmt.Sprintf("e: the checkout moved from %.12s", publishtest.First))
	_, err = many(l, t, publishtest.Repo{}, b).Run(context.Background(), tasks.PublishArgs{Name: "x", Version: "auto"})
	testenv.WantError(t, err, "unknown container")
}
