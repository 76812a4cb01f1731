package content

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
	"golang.org/x/sync/errgroup"
)

// mirrors is an engine that behaves like Dagger: it has a folder for each requested path, and transfers to it with the code that BuildKit and
// Dagger share.
type mirrors struct{ root string }

func (m mirrors) send(t *testing.T, path string) (mirror string) {
	t.Helper()
	fs, err := fsutil.NewFS(path)
	if err != nil {
		t.Fatal(err)
	}
	mirror = filepath.Join(m.root, path)
	if err := os.MkdirAll(mirror, 0o755); err != nil {
		t.Fatal(err)
	}
	group, ctx := errgroup.WithContext(t.Context())
	here, there := make(chan []byte, 64), make(chan []byte, 64)
	group.Go(func() error {
		defer close(there)
		return fsutil.Send(ctx, stream{ctx, here, there}, fs, nil)
	})
	group.Go(func() error {
		defer close(here)
		return fsutil.Receive(ctx, stream{ctx, there, here}, mirror, fsutil.ReceiveOpt{})
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return mirror
}

// stream is one end of a connection within the process.
type stream struct {
	ctx     context.Context
	in, out chan []byte
}

func (s stream) Context() context.Context { return s.ctx }

func (s stream) SendMsg(m any) error {
	b, err := m.(*fstypes.Packet).MarshalVT()
	if err != nil {
		return err
	}
	select {
	case s.out <- b:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

func (s stream) RecvMsg(m any) error {
	select {
	case b, ok := <-s.in:
		if !ok {
			return io.EOF
		}
		return m.(*fstypes.Packet).UnmarshalVT(b)
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

func TestACopyReachesAnEngineThatComparesSizesAndTimes(t *testing.T) {
	dir, _ := treeOf(t, map[string]string{"Dockerfile": "FROM scratch", "notes.md": "no page"})
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	store, engine := Store{Dir: filepath.Join(t.TempDir(), "sent")}, mirrors{t.TempDir()}
	word := filepath.Join(dir, "sub/word")
	stale := false
	for _, text := range []string{"one", "two", "six", "one"} {
		write(t, word, text)
		place, err := store.Put(t.Context(), dir, []string{"*.md"})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(engine.send(t, place), "sub/word")); err != nil || string(got) != text {
			t.Errorf("the engine has %q, %v; the host %q", got, err, text)
		}
		if _, err := os.Stat(filepath.Join(place, "notes.md")); err == nil {
			t.Error("an excluded file was copied")
		}
		itself, err := os.ReadFile(filepath.Join(engine.send(t, dir), "sub/word"))
		stale = stale || err == nil && string(itself) != text
	}
	if !stale {
		t.Error("the folder itself reached the engine each time, so that copies would not be needed")
	}
}

func TestACopyIsWhatItWasMadeOf(t *testing.T) {
	dir, _ := treeOf(t, map[string]string{"a": "hi", "run": "#!/bin/sh"})
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.Chmod(at("run"), 0o755), os.Symlink("../elsewhere", at("link")), os.Link(at("a"), at("b")), os.Mkdir(at("empty"), 0o755),
		os.Chtimes(at("a"), time.Unix(1e9, 5), time.Unix(1e9, 5)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	store := Store{Dir: t.TempDir()}
	put := func() (place string, made time.Time) {
		t.Helper()
		place, err := store.Put(t.Context(), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(place, "empty"))
		if err != nil {
			t.Fatal(err)
		}
		return place, info.ModTime()
	}
	place, made := put()
	if again, since := put(); again != place || !since.Equal(made) {
		t.Error("what is copied already was copied again")
	}
	for _, name := range []string{"a", "b", "run", "link", "empty"} {
		want, err1 := os.Lstat(at(name))
		got, err2 := os.Lstat(filepath.Join(place, name))
		if err1 != nil || err2 != nil || got.Mode() != want.Mode() || want.Mode().IsRegular() && !got.ModTime().Equal(want.ModTime()) {
			t.Errorf("%s is %v, the original %v", name, got, want)
		}
	}
	write(t, filepath.Join(place, "a"), "ho") // size and time as before
	if place, _ := put(); place == "" {
		t.Error("no copy")
	} else if text, err := os.ReadFile(filepath.Join(place, "a")); err != nil || string(text) != "hi" {
		t.Errorf("a damaged copy was handed out: %q, %v", text, err)
	}
}

func TestOldCopiesAreRemoved(t *testing.T) {
	store := Store{Dir: t.TempDir()}
	var places []string
	for _, text := range []string{"one", "two"} {
		dir, _ := treeOf(t, map[string]string{"word": text})
		place, err := store.Put(t.Context(), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, place)
	}
	long := time.Now().Add(-2 * keep)
	if err := os.Chtimes(places[0], long, long); err != nil {
		t.Fatal(err)
	}
	dir, _ := treeOf(t, map[string]string{"word": "two"})
	if _, err := store.Put(t.Context(), dir, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(places[0]); err == nil {
		t.Error("a copy stays that nobody asked for")
	}
	if _, err := os.Stat(places[1]); err != nil {
		t.Error(err)
	}
}
