package toolbuild

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup/procgrouptest"
)

func TestBuildsOnceAndKeeps(t *testing.T) {
	b, log := newBuilder(t)
	if kept, err := b.Built(hello()); kept || err != nil {
		t.Errorf("before the build: %t, %v", kept, err)
	}
	path := build(t, b, hello())
	s := look(t, b, hello())
	out, err := exec.Command(path).Output()
	if want := "hello v1.2.3 1.2.3 k-" + s.Key + "\n"; err != nil || string(out) != want {
		t.Errorf("it said %q, %v; want %q", out, err, want)
	}
	if s.Path != path || !s.Kept || s.Label() != "Hello v1.2.3" {
		t.Errorf("state %+v of %s", s, path)
	}
	if got := files(t, b.Bin); !slices.Equal(got, []string{"hello-" + s.Key}) {
		t.Errorf("kept %v", got)
	}
	if log.count("building Hello v1.2.3, once for this machine: about 1 s on two cores") != 1 || log.count("built Hello") != 1 {
		t.Errorf("said %q", log.all)
	}
	said := len(log.all)
	if again := build(t, b, hello()); again != path || len(log.all) != said {
		t.Errorf("the second time: %s, said %q", again, log.all[said:])
	}
	if kept, err := b.Built(hello()); !kept || err != nil {
		t.Errorf("after the build: %t, %v", kept, err)
	}
}

func TestFolderMayBeAbsoluteAndRelative(t *testing.T) {
	b, _ := newBuilder(t)
	want := look(t, b, hello())
	p := hello()
	p.Dir = filepath.Join(b.Sources, "hello")
	t.Chdir(filepath.Dir(b.Bin))
	if got := look(t, Builder{Bin: "bin"}, p); got.Key != want.Key || got.Path != want.Path {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if path := build(t, Builder{Bin: "bin"}, p); path != want.Path {
		t.Errorf("built %s, want %s", path, want.Path)
	}
}

func TestChangesOfContentAreOtherExecutables(t *testing.T) {
	b, _ := newBuilder(t)
	first := build(t, b, hello())
	write(t, "package main\n\nfunc main() { println(\"changed\") }\n", b.Sources, "hello", "main.go")
	second := build(t, b, hello())
	if out, err := exec.Command(second).CombinedOutput(); err != nil || string(out) != "changed\n" {
		t.Errorf("it said %q, %v", out, err)
	}
	if _, err := os.Stat(first); err != nil {
		t.Errorf("what another clone may use is gone: %v", err)
	}
}

// A clone with CRLF line endings (core.autocrlf) has the same key, so the executable is kept. A build there gives the same program.
func TestLineEndsAreNoOtherProgram(t *testing.T) {
	b, _ := newBuilder(t)
	path := build(t, b, hello())
	err := filepath.WalkDir(filepath.Join(b.Sources, "hello"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(path, bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
	if s := look(t, b, hello()); s.Path != path || !s.Kept {
		t.Errorf("with CRLF it is %s, with LF %s", s.Path, path)
	}
	want, wantErr := exec.Command(path).Output()
	b.Bin = filepath.Join(t.TempDir(), "bin")
	got, err := exec.Command(build(t, b, hello())).Output()
	if err != nil || wantErr != nil || string(got) != string(want) {
		t.Errorf("with CRLF it says %q, %v; with LF %q, %v", got, err, want, wantErr)
	}
}

func TestKeyHoldsWhatTheProgramIsBuiltFrom(t *testing.T) {
	dir := func(b Builder, name string) string {
		return filepath.Join(b.Sources, "hello", filepath.FromSlash(name))
	}
	for name, change := range map[string]func(*testing.T, Builder, *Program){
		"source":        func(t *testing.T, b Builder, _ *Program) { write(t, "package main\n", dir(b, "more.go")) },
		"package below": func(t *testing.T, b Builder, _ *Program) { write(t, "package sub\n", dir(b, "sub/sub.go")) },
		"go.sum":        func(t *testing.T, b Builder, _ *Program) { write(t, "example.org/x v1.0.0 h1:x\n", dir(b, "go.sum")) },
		"go.mod": func(t *testing.T, b Builder, _ *Program) {
			write(t, "module m\n\nrequire example.org/lib v1.2.3\n", dir(b, "go.mod"))
		},
		"package": func(_ *testing.T, _ Builder, p *Program) { p.Package = "example.org/hello" },
		"tags":    func(_ *testing.T, _ Builder, p *Program) { p.Tags = "loud" },
		"cgo":     func(_ *testing.T, _ Builder, p *Program) { p.CGO = true },
		"stamp":   func(_ *testing.T, _ Builder, p *Program) { p.Stamp["main.version"] = "other" },
	} {
		b, _ := newBuilder(t)
		p := hello()
		before := look(t, b, p).Key
		if change(t, b, &p); look(t, b, p).Key == before {
			t.Errorf("another %s: the same key", name)
		}
	}
	b, _ := newBuilder(t)
	before := look(t, b, hello()).Key
	write(t, "package main\n", dir(b, "main_test.go"))
	write(t, "package x\n", dir(b, "testdata/x.go"))
	write(t, "package lib\n", dir(b, "lib/other.go")) // its own module
	write(t, "words", dir(b, "README.md"))
	if look(t, b, hello()).Key != before {
		t.Error("what is not built changes the key")
	}
}

func TestTwoAtOnceBuildOnce(t *testing.T) {
	b, log := newBuilder(t)
	waits := make(chan struct{}, 2)
	log.heard = func(line string) {
		if strings.Contains(line, "waiting for it") {
			waits <- struct{}{}
		}
	}
	if err := os.MkdirAll(b.Bin, 0o700); err != nil {
		t.Fatal(err)
	}
	unlock, err := b.lock(t.Context(), look(t, b, hello()))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	var errs [2]error
	for i := range errs {
		group.Go(func() { _, errs[i] = b.Build(t.Context(), hello()) })
	}
	<-waits
	<-waits
	unlock()
	group.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Error(err)
	}
	if n := log.count("once for this machine"); n != 1 {
		t.Errorf("built %d times: %q", n, log.all)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	b, log := newBuilder(t)
	if err := os.MkdirAll(b.Bin, 0o700); err != nil {
		t.Fatal(err)
	}
	unlock, err := b.lock(t.Context(), look(t, b, hello()))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("interrupted")
	log.heard = func(string) { cancel(reason) }
	if _, err := b.Build(ctx, hello()); !errors.Is(err, reason) {
		t.Errorf("got %v, want %v", err, reason)
	}
}

func TestErrorsSayWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		change func(Builder, *Program)
		want   []string
	}{
		"no sources": {func(_ Builder, p *Program) { p.Dir = "nowhere" }, []string{"the sources of Hello", "nowhere"}},
		"module":     {func(_ Builder, p *Program) { p.Module = "example.org/other" }, []string{"does not require example.org/other"}},
		"package":    {func(_ Builder, p *Program) { p.Package = "example.org/lib/nowhere" }, []string{"build Hello v1.2.3", "example.org/lib/nowhere"}},
		"compiler's words": {
			func(b Builder, _ *Program) {
				write(t, "package main\n\nfunc main() { nowhere() }\n", b.Sources, "hello", "main.go")
			},
			[]string{"build Hello v1.2.3", "main.go:3:15: undefined: nowhere"},
		},
		"not a go.mod": {func(b Builder, _ *Program) { write(t, "require (\n", b.Sources, "hello", "go.mod") }, []string{"go.mod:1:", "syntax error"}},
	} {
		b, _ := newBuilder(t)
		p := hello()
		c.change(b, &p)
		_, err := b.Build(t.Context(), p)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q in it", name, err, want)
			}
		}
		if _, err := os.Stat(b.Bin); err == nil && len(files(t, b.Bin)) > 0 {
			t.Errorf("%s: left behind %v", name, files(t, b.Bin))
		}
	}
}

func TestMissingCompilerIsToldBeforeTheBuild(t *testing.T) {
	b, log := newBuilder(t)
	p := hello()
	p.CGO = true
	t.Setenv("CC", filepath.Join(t.TempDir(), "cc"))
	_, err := b.Build(t.Context(), p)
	if !errors.Is(err, ErrNoCompiler) || !strings.Contains(err.Error(), "apt-get install gcc libc6-dev") {
		t.Errorf("got %v", err)
	}
	if len(log.all) > 0 {
		t.Errorf("said %q", log.all)
	}
}

func TestUnusedExecutablesGo(t *testing.T) {
	b, _ := newBuilder(t)
	const key = "0123456789abcdef"
	for _, name := range []string{"hello-" + key, "hello-1" + key[1:], "hello-2" + key[1:] + ".77.tmp", "hello-world-" + key} {
		write(t, "", b.Bin, name)
	}
	long := time.Now().Add(-2 * unusedTime)
	for _, name := range []string{"hello-" + key, "hello-world-" + key} {
		if err := os.Chtimes(filepath.Join(b.Bin, name), long, long); err != nil {
			t.Fatal(err)
		}
	}
	path := build(t, b, hello())
	want := []string{filepath.Base(path), "hello-1" + key[1:], "hello-world-" + key}
	slices.Sort(want)
	if got := files(t, b.Bin); !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
}

func TestUseKeepsAnExecutable(t *testing.T) {
	b, _ := newBuilder(t)
	path := build(t, b, hello())
	long := time.Now().Add(-2 * unusedTime)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	build(t, b, hello())
	if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()) > unusedTime {
		t.Errorf("still counts as unused: %v, %v", info.ModTime(), err)
	}
}

func TestPatchedText(t *testing.T) {
	b, _ := newBuilder(t)
	plain, p := build(t, b, hello()), hello()
	p.Patch = []Patch{
		{Module: "example.org/lib", File: "lib.go", Old: `"hello"`, New: `"welcome"`},
		{Module: "example.org/lib", File: "lib.go", Old: `"welcome"`, New: `"patched"`},
	}
	patched := build(t, b, p)
	out, err := exec.Command(patched).Output()
	if err != nil || !strings.HasPrefix(string(out), "patched ") {
		t.Errorf("it said %q, %v", out, err)
	}
	if patched == plain {
		t.Error("the program without the patch is taken for the one with it")
	}
	text, err := os.ReadFile(filepath.Join(b.Sources, "hello", "lib", "lib.go"))
	if err != nil || strings.Contains(string(text), "patched") {
		t.Errorf("the module itself was changed (%v):\n%s", err, text)
	}
	for old, want := range map[string]string{"no such text": "0 times", "Greeting": "2 times"} {
		p.Patch = []Patch{{Module: "example.org/lib", File: "lib.go", Old: old}}
		if _, err := b.Build(t.Context(), p); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "lib.go") {
			t.Errorf("patch of %q: %v, want it to say %q", old, err, want)
		}
	}
}

func TestTheGoCommandGetsNoSecret(t *testing.T) {
	procgrouptest.Secrets(t)
	environments := procgrouptest.Witness(t, "go")
	b, _ := newBuilder(t)
	build(t, b, hello())
	if leaks := procgrouptest.Leaks(environments()); len(leaks) > 0 {
		t.Errorf("the go command was given %q", leaks)
	}
}
