package pipeline_test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/content"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
)

// An engine must build from the current content. These tests edit a file, build, and compare the image with the source, again and again. No edit
// changes the file's size, and each restores its time, as tar -x, rsync -t and touch -r do: an engine that compares sizes and times would keep
// the first content.

// copies are made for Dagger, as in production.
func copies(dir string, s *engine.Session) pipeline.Copies {
	return func() *content.Store {
		if s.Choice == engine.Embedded {
			return nil
		}
		return &content.Store{Dir: dir}
	}
}

// words have one length. The first occurs again after others.
var words = []string{"one", "two", "six", "one", "ten"}

// eachWord calls do for each word with its own session, as each command does: an open session does not receive changes of its files.
func eachWord(t *testing.T, do func(t *testing.T, i int, word string, s *engine.Session)) {
	for i, word := range words {
		t.Run(word, func(t *testing.T) { do(t, i, word, openSession(t)) })
	}
}

// edit writes a file, and keeps the time of an existing one.
func edit(t *testing.T, file, text string) {
	t.Helper()
	before, statErr := os.Stat(file)
	if statErr == nil && before.Size() != int64(len(text)) {
		t.Fatalf("%s had %d bytes, and has %d now: this edit must keep the size", file, before.Size(), len(text))
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if statErr == nil {
		if err := os.Chtimes(file, before.ModTime(), before.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGoContainersContainTheCompiledProgram(t *testing.T) {
	source := func(word string) string {
		return "package main\n\nvar version = \"none\"\n\nfunc main() { print(version, \" " + word + "\") }\n"
	}
	b := images(t, nil, map[string]string{"containers/hello/main.go": source(words[0])})
	size := 0
	eachWord(t, func(t *testing.T, i int, word string, session *engine.Session) {
		edit(t, filepath.Join(b.Root, "containers/hello/main.go"), source(word))
		b.Connect = connected(session.Client)
		r := pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{amd64, arm64}, Version: []string{"v1.0.0", "v1.0.1"}[i%2]}}
		img, err := b.Build(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		archives, err := img.Archives(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range archives {
			program := read(t, a.File).contents[a.Program]
			if got := sha256Of(program); got != a.SHA256 {
				t.Errorf("%s %s for %s: the image holds a program with SHA-256 %s, compiled was %s", r.Version, word, a.Platform, got, a.SHA256)
			}
			if a.Platform != image.NativePlatform() {
				continue
			}
			if size == 0 {
				size = len(program)
			}
			if len(program) != size {
				t.Errorf("%s %s has %d bytes, the first had %d: this edit must keep the size", r.Version, word, len(program), size)
			}
			if got, want := output(t, program), r.Version+" "+word; got != want {
				t.Errorf("the program in the image says %q, want %q", got, want)
			}
		}
	})
}

// output runs a program that a test took out of an image.
func output(t *testing.T, program string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return string(text)
}

func TestDockerfilesCopyExistingFiles(t *testing.T) {
	b := images(t, nil, map[string]string{"containers/web/Dockerfile": ""})
	dir, sent := filepath.Join(b.Root, "containers/web"), t.TempDir()
	if err := os.Remove(filepath.Join(dir, "Dockerfile")); err != nil {
		t.Fatal(err)
	}
	eachWord(t, func(t *testing.T, _ int, word string, session *engine.Session) {
		edit(t, filepath.Join(dir, "Dockerfile"), "FROM scratch\nLABEL word="+word+"\nCOPY . /src/\n")
		edit(t, filepath.Join(dir, "text/word"), word)
		b.Connect, b.Copies = connected(session.Client), copies(sent, session)
		e := export(t, b, pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{amd64}}})[0]
		if e.Config.Labels["word"] != word || e.contents["/src/text/word"] != word {
			t.Errorf("the Dockerfile says %q, the image %q; the file says %q, the image %q", word, e.Config.Labels["word"], word, e.contents["/src/text/word"])
		}
	})
}

// A folder that is copied before it is sent gives the same image.
func TestCopiesGiveTheSameImage(t *testing.T) {
	b := images(t, nil, map[string]string{
		"containers/web/Dockerfile":    "FROM scratch\nCOPY . /src/\n",
		"containers/web/.dockerignore": "*.log\n!keep.log\n",
		"containers/web/run":           "#!/bin/sh",
		"containers/web/a.log":         "a",
		"containers/web/keep.log":      "k",
		"containers/web/sub/word":      "one",
	})
	dir := filepath.Join(b.Root, "containers/web")
	if err := errors.Join(os.Chmod(filepath.Join(dir, "run"), 0o755), os.Symlink("sub/word", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	b.Connect = connected(connect(t))
	r := pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{amd64}}}
	want := export(t, b, r)[0]
	sent := t.TempDir()
	b.Copies = func() *content.Store { return &content.Store{Dir: sent} }
	got := export(t, b, r)[0]
	if !slices.Equal(got.files, want.files) || !maps.Equal(got.contents, want.contents) || len(got.contents) < 4 {
		t.Errorf("with copies it holds %q, without %q", got.files, want.files)
	}
}

// A user's own pipelines mount host files, and read them back. Dagger itself is not tested: it would keep files with the same time.
func TestMountsHoldWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "word")
	eachWord(t, func(t *testing.T, i int, word string, session *engine.Session) {
		edit(t, file, word)
		if session.Choice == engine.Dagger {
			at := time.Unix(1e9+int64(i), 0)
			if err := os.Chtimes(file, at, at); err != nil {
				t.Fatal(err)
			}
		}
		client := session.Client
		ctr := client.Container().
			WithMountedFile("/mounted/file", client.Host().File(file)).
			WithMountedDirectory("/mounted/folder", client.Host().Directory(dir)).
			WithFile("/copied", client.Host().Directory(dir).File("word")).
			WithDirectory("/all", client.Host().Directory(dir, dagger.HostDirectoryOpts{Include: []string{"w*"}}))
		for _, name := range []string{"/mounted/file", "/mounted/folder/word", "/copied", "/all/word"} {
			if got, err := ctr.File(name).Contents(t.Context()); err != nil || got != word {
				t.Errorf("%s holds %q, %v; the host's file %q", name, got, err, word)
			}
		}
	})
}

// The content that is sent must be the content that was read, or the engine would keep other content under its name. The next session has the new
// content.
func TestAFileThatChangesWhileItIsSent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "word")
	eachWord(t, func(t *testing.T, i int, word string, session *engine.Session) {
		if session.Choice == engine.Dagger {
			t.Skip("Dagger reads when it sends")
		}
		edit(t, file, word)
		folder := session.Client.Host().Directory(filepath.Dir(file))
		id, err := folder.ID(t.Context()) // it is read, and not sent yet
		if err != nil {
			t.Fatal(err)
		}
		same := session.Client.LoadDirectoryFromID(dagger.DirectoryID(id))
		if i != 1 {
			if got, err := same.File("word").Contents(t.Context()); err != nil || got != word {
				t.Errorf("%q, %v; want %q", got, err, word)
			}
			return
		}
		edit(t, file, words[i+1])
		if got, err := same.File("word").Contents(t.Context()); err == nil || !strings.Contains(err.Error(), "word was changed while it was sent: run the command again") {
			t.Errorf("%q, %v", got, err)
		} else {
			t.Log(err)
		}
	})
}

func TestSitesAreBuiltFromExistingFiles(t *testing.T) {
	base := write(t, map[string]string{
		"package.json":      `{"name": "site", "version": "1.0.0"}`,
		"package-lock.json": `{"name": "site", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "site", "version": "1.0.0"}}}`,
	})
	overlay, sent := t.TempDir(), t.TempDir()
	d := docs(t, connect(t))
	eachWord(t, func(t *testing.T, _ int, word string, session *engine.Session) {
		edit(t, filepath.Join(base, "theme/word"), word)
		edit(t, filepath.Join(overlay, "content/word"), word)
		d.Connect, d.Copies = connected(session.Client), copies(sent, session)
		to := filepath.Join(t.TempDir(), "site")
		site := docsite.Generation{Base: base, Overlay: overlay, Build: []string{"cp", "-r", "content", "theme", "public/"}, Output: "public"}
		edit(t, filepath.Join(overlay, "public/index.html"), word)
		if err := d.Build(t.Context(), site, to); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"content/word", "theme/word", "index.html"} {
			if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(got) != word {
				t.Errorf("%s of the site is %q, %v; the source says %q", name, got, err, word)
			}
		}
	})
}
