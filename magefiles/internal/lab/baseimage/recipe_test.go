package baseimage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func TestKeyFollowsTheRecipe(t *testing.T) {
	key := func(change func(*Recipe)) string {
		r := NodeSlim()
		change(&r)
		key, err := r.key()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	same := func(*Recipe) {}
	one := key(same)
	if again := key(same); again != one {
		t.Errorf("the same recipe has the keys %s and %s", one, again)
	}
	for what, change := range map[string]func(*Recipe){
		"script":          func(r *Recipe) { r.Setup = "true" },
		"checksum":        func(r *Recipe) { r.NPM[0].Integrity = "sha512-x" },
		"configuration":   func(r *Recipe) { r.Config.User = "node" },
		"script of below": func(r *Recipe) { r.Base.Setup = "true" },
	} {
		if key(change) == one {
			t.Errorf("another %s, the same key %s", what, one)
		}
	}
}

func TestArchiveIsVerified(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.tgz")
	if err := os.WriteFile(file, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	a := Archive{Package: "a", Version: "1.0.0", Integrity: "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="}
	if err := a.verify(file); err != nil {
		t.Errorf("the right archive: %v", err)
	}
	a.Integrity = "sha512-other"
	if err := a.verify(file); err == nil || !strings.Contains(err.Error(), "a@1.0.0") {
		t.Errorf("another archive: %v", err)
	}
	a.Integrity = ""
	if err := a.fetch(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "no checksum") {
		t.Errorf("without a checksum: %v", err)
	}
}

func TestKeptImageIsReturned(t *testing.T) {
	dir := t.TempDir()
	key, err := DebianSlim().key()
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(dir, key)
	if err := os.MkdirAll(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(kept, "index.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "")
	if got, err := (Images{Dir: dir}).Make(t.Context(), DebianSlim()); err != nil || got != kept {
		t.Errorf("Make = %s, %v; want %s", got, err, kept)
	}
	if _, err := (Images{Dir: dir}).Make(t.Context(), Recipe{Name: "other", Suite: suite}); err == nil || !strings.Contains(err.Error(), "apt-get install debootstrap") {
		t.Errorf("without debootstrap: %v; want the command that brings it", err)
	}
}

// A process that is stopped leaves neither an incomplete image nor a mount, and the next attempt starts from the beginning.
func TestStoppedWhileMaking(t *testing.T) {
	recipe := Recipe{Name: "stopped", Tag: suite, Suite: suite}
	testenv.Slow(t, "makes images")
	if err := recipe.Ready(); err != nil {
		testenv.Missing(t, err)
	}
	images := Images{Dir: t.TempDir()}
	dir, err := images.place(recipe)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir+".making/root", 0o755); err != nil { // of a process that was killed
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	images.Log = func(string) { stop() }
	if _, err := images.Make(ctx, recipe); !errors.Is(err, context.Canceled) {
		t.Fatalf("error = %v, want %v", err, context.Canceled)
	}
	left, err := filepath.Glob(filepath.Join(images.Dir, "stopped*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
