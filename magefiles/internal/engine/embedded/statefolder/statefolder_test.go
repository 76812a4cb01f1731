package statefolder

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/scrub"
)

const canary = "canary-state-51c0"

// at is the time of all files.
var at = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

func dir(name string, mode int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode, ModTime: at}
}

// archive is a tar of headers; the content of a file is its Linkname, which is then removed.
func archive(t *testing.T, headers ...*tar.Header) func(io.Writer) error {
	return func(w io.Writer) error {
		a := tar.NewWriter(w)
		for _, h := range headers {
			content := ""
			if h.Typeflag == tar.TypeReg {
				content, h.Linkname, h.Size = h.Linkname, "", int64(len(h.Linkname))
			}
			h.ModTime, h.Uid, h.Gid = at, os.Geteuid(), os.Getegid()
			if err := a.WriteHeader(h); err != nil {
				return err
			}
			if _, err := io.WriteString(a, content); err != nil {
				return err
			}
		}
		return a.Close()
	}
}

func file(name, content string, mode int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Linkname: content, Mode: mode}
}

func link(name, to string, kind byte) *tar.Header {
	return &tar.Header{Typeflag: kind, Name: name, Linkname: to, Mode: 0o777}
}

func state(s State) State {
	set := scrub.NewSet(canary)
	s.Mask = func(w io.Writer) io.WriteCloser { return set.Writer(w) }
	return s
}

func TestWrite(t *testing.T) {
	to := filepath.Join(t.TempDir(), "state")
	err := Write(to, state(State{
		Lines: []string{"command: login " + canary, "exit code: 3"}, Output: []byte("said " + canary + "\n"),
		Places: []string{"/", "/alias/deep/ctx", "/file"},
		Archive: archive(t,
			dir("0", 0o755), dir("0/work", 0o700), dir("0/work/deep", 0o755), dir("0/work/deep/ctx", 0o755), file("0/work/deep/ctx/hidden", canary, 0o644),
			link("0/alias", "/../work", tar.TypeSymlink), dir("0/closed", 0o500), file("0/closed/tool", "x", 0o4755), link("0/closed/same", "0/closed/tool", tar.TypeLink),
			link("0/out", "/etc/passwd", tar.TypeSymlink), file("0/netrc", "password "+canary+"\nend", 0o600), file("0/"+canary, "x", 0o600), file("0/odd\nname", "", 0o600),
			link("0/to", canary, tar.TypeSymlink), link("0/again", "0/"+canary, tar.TypeLink), dir("0/d-"+canary, 0o755), file("0/d-"+canary+"/f", "", 0o644),
			&tar.Header{Typeflag: tar.TypeFifo, Name: "0/pipe", Mode: 0o600}, file("0/file", "below", 0o600),
			dir("1", 0o755), file("1/main.go", "package main", 0o644), file("2", "mounted", 0o644),
		),
	}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"work/deep/ctx/main.go": "package main", "netrc": "password ***\nend", "closed/same": "x", "file": "mounted",
	} {
		if got, err := os.ReadFile(filepath.Join(to, RootDir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	if info, err := os.Stat(filepath.Join(to, RootDir, "netrc")); err != nil || !info.ModTime().Equal(at) {
		t.Errorf("%v, %v", info, err)
	}
	if out, err := os.Readlink(filepath.Join(to, RootDir, "out")); err != nil || out != "/etc/passwd" {
		t.Errorf("%q, %v", out, err)
	}
	if info, err := os.Stat(filepath.Join(to, RootDir, "closed", "tool")); err != nil || info.Mode() != 0o755|os.ModeSetuid {
		t.Errorf("%v, %v", info, err)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(to, name))
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	step, files := read(StepFile), read(FilesFile)
	for _, want := range []string{"command: login ***\nexit code: 3\n", "masked secrets in: /netrc\n", "not kept, only in files.txt: /pipe\n", "a secret: 5\n"} {
		if !strings.Contains(step, want) {
			t.Errorf("%s has no %q:\n%s", StepFile, want, step)
		}
	}
	for _, want := range []string{" /alias -> /../work\n", " /closed/same = /closed/tool\n", " \"/odd\\nname\"\n", " 12 /work/deep/ctx/main.go\n"} {
		if !strings.Contains(files, want) {
			t.Errorf("%s has no %q:\n%s", FilesFile, want, files)
		}
	}
	if all := step + files + read(OutputFile); strings.Contains(all, canary) || strings.Contains(all, "hidden") {
		t.Errorf("it has a secret, or a hidden file:\n%s", all)
	}
	if _, err := os.Stat(filepath.Join(to, RootDir, "work/deep/ctx/hidden")); err == nil {
		t.Error("a file that the mount hides is kept")
	}
}

// A state that cannot be read to its end, or that would leave the folder, is not kept at all.
func TestIncomplete(t *testing.T) {
	broken := errors.New("broken")
	half := archive(t, dir("0", 0o755), dir("0/closed", 0o500), file("0/closed/x", "x", 0o400))
	for name, a := range map[string]func(io.Writer) error{
		"half":    func(w io.Writer) error { return errors.Join(half(w), broken) },
		"nothing": func(io.Writer) error { return broken },
		"outside": archive(t, dir("0", 0o755), link("0/etc", "/etc", tar.TypeSymlink), file("0/etc/x", "x", 0o600)),
		"number":  archive(t, dir("7", 0o755)),
		"name":    archive(t, dir("etc", 0o755)),
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			err := Write(filepath.Join(parent, "state"), state(State{Places: []string{"/"}, Archive: a}))
			if left, _ := os.ReadDir(parent); err == nil || len(left) > 0 {
				t.Errorf("%v, and it leaves %v", err, left)
			}
		})
	}
}

// An empty folder is replaced, another one is not.
func TestExisting(t *testing.T) {
	to := t.TempDir()
	one := func() State { return state(State{Places: []string{"/"}, Archive: archive(t, dir("0", 0o755))}) }
	if err := Write(to, one()); err != nil {
		t.Error(err)
	}
	if err := Write(to, one()); err == nil {
		t.Error("a folder with content was replaced")
	}
}
