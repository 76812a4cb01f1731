package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"
	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// A file that BuildKit has is not sent again with the changed files. Here it is removed before BuildKit requests the folder, so it could not be
// sent.
func TestUnchangedFilesAreNotSentAgain(t *testing.T) {
	testenv.Slow(t, "builds and starts BuildKit")
	ctx, folder := t.Context(), t.TempDir()
	opts := enginetest.Options(t, folder)
	if !tellsItsStart(t, opts) {
		testenv.Missing(t, "the engine was started by an older version: mage engine:down")
	}
	at := func(name string) string { return filepath.Join(folder, name) }
	write := func(name, text string) { // the time is always the same
		old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		must(t, os.WriteFile(at(name), []byte(text), 0o644))
		must(t, os.Chtimes(at(name), old, old))
	}
	write("same", time.Now().String())
	write("edited", "1")
	read := func(before func()) (string, error) {
		s, err := engine.Connect(ctx, opts)
		must(t, err)
		defer func() { must(t, s.Close()) }()
		d := s.Client.Host().Directory(".")
		_, err = d.ID(ctx) // now it is read
		must(t, err)
		before()
		return d.File("edited").Contents(ctx)
	}
	_, err := read(func() {})
	must(t, err)
	write("edited", "2")
	// A session keeps its files until BuildKit has noticed its end.
	waitFor(t, "the end of the session before", func() bool {
		same, err := os.ReadFile(at("same"))
		must(t, err)
		got, err := read(func() { must(t, os.Remove(at("same"))) })
		write("same", string(same))
		if err == nil && got != "2" {
			t.Errorf("the edited file is %q", got)
		}
		return err == nil
	})
}

func tellsItsStart(t *testing.T, opts engine.Options) bool {
	t.Helper()
	d, err := engine.Up(t.Context(), opts)
	must(t, err)
	c, err := d.Client(t.Context())
	must(t, err)
	defer c.Close()
	workers, err := c.ListWorkers(t.Context())
	must(t, err)
	return len(workers) > 0 && workers[0].Labels[daemon.StartLabel] != ""
}

const readAttribute = `package main

import ("fmt"; "syscall")

func main() {
	b := make([]byte, 9)
	n, err := syscall.Getxattr("/d/f", "user.test", b)
	fmt.Println(string(b[:max(n, 0)]), err)
}
`

// BuildKit does not compare attributes before it requests a file.
func TestAnAttributeThatChangedIsSent(t *testing.T) {
	enginetest.NeedsRuntime(t, enginetest.Options(t, "/"))
	ctx, folder := t.Context(), t.TempDir()
	file := filepath.Join(folder, "f")
	must(t, os.WriteFile(file, []byte(time.Now().String()), 0o644))
	programs := program(t, readAttribute)
	for _, value := range []string{"one", "two"} {
		if err := unix.Setxattr(file, "user.test", []byte(value), 0); err != nil {
			testenv.Missing(t, fmt.Sprintf("the file system has no attributes: %v", err))
		}
		s, err := engine.Connect(ctx, enginetest.Options(t, folder))
		must(t, err)
		host := s.Client.Host()
		out, err := s.Client.Container().WithFile("/program", host.File(programs+"/program")).
			WithDirectory("/d", host.Directory(".", dagger.HostDirectoryOpts{Include: []string{"f"}})).WithExec([]string{"/program"}).Stdout(ctx)
		must(t, err)
		must(t, s.Close())
		if !strings.Contains(out, value) {
			t.Errorf("the attribute is %q, not %q", out, value)
		}
	}
}
