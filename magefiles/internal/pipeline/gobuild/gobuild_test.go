package gobuild

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup/procgrouptest"
)

var (
	amd64  = image.Platform{OS: "linux", Architecture: "amd64"}
	arm64  = image.Platform{OS: "linux", Architecture: "arm64"}
	armv7  = image.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}
	source = map[string]string{
		"go.mod":                   "module example.org/m\n\ngo 1.26\n",
		"containers/hello/main.go": "package main\n\nimport \"example.org/m/words\"\n\nvar version = \"none\"\n\nfunc main() { println(version, words.Hello()) }\n",
		"words/words.go":           "package words\n\nimport _ \"embed\"\n\n//go:embed text/hello.txt\nvar hello string\n\nfunc Hello() string { return hello }\n",
		"words/text/hello.txt":     "hello",
	}
)

// compiler writes the module into a new folder. The sources are older than any compilation, as those of a checkout are.
func compiler(t *testing.T) Compiler {
	t.Helper()
	c := Compiler{Root: t.TempDir(), Cache: t.TempDir(), Environ: os.Environ()}
	for name, text := range source {
		write(t, c, name, text)
	}
	return c
}

func write(t *testing.T, c Compiler, name, text string) {
	t.Helper()
	file := filepath.Join(c.Root, name)
	before := time.Now().Add(-time.Hour)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, before, before); err != nil {
		t.Fatal(err)
	}
}

func hello(platforms ...image.Platform) Program {
	return Program{Name: "hello", Dir: "containers/hello", Version: "v1.2.3", Platforms: platforms}
}

func build(t *testing.T, c Compiler, p Program) map[image.Platform]string {
	t.Helper()
	b, err := c.Build(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	b.Release()
	paths := map[image.Platform]string{}
	for platform, binary := range b.Files {
		paths[platform] = binary.Path
	}
	return paths
}

func TestBinariesAreStaticAndOfTheirPlatform(t *testing.T) {
	files := build(t, compiler(t), hello(amd64, arm64, armv7))
	for platform, machine := range map[image.Platform]elf.Machine{amd64: elf.EM_X86_64, arm64: elf.EM_AARCH64, armv7: elf.EM_ARM} {
		f, err := elf.Open(files[platform])
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Machine != machine {
			t.Errorf("%s: machine %v, want %v", platform, f.Machine, machine)
		}
		if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 || f.Section(".interp") != nil {
			t.Errorf("%s: not static: libraries %v, %v", platform, libraries, err)
		}
	}
	if output, err := exec.Command(files[image.NativePlatform()]).CombinedOutput(); err == nil && string(output) != "v1.2.3 hello\n" {
		t.Errorf("prints %q", output)
	}
}

// Two checkouts on different paths, with their own caches, give the same bytes.
func TestBinariesRepeat(t *testing.T) {
	first, second := compiler(t), compiler(t)
	second.Environ = append(os.Environ(), "GOFLAGS=-tags=other", "GOAMD64=v3", "CGO_ENABLED=1")
	a := read(t, build(t, first, hello(amd64))[amd64])
	b := read(t, build(t, second, hello(amd64))[amd64])
	if a != b {
		t.Error("the same source gave different binaries")
	}
	if strings.Contains(a, first.Root) {
		t.Error("the binary holds the path of the checkout")
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNothingChangedStartsNoCompiler(t *testing.T) {
	c := compiler(t)
	before := read(t, build(t, c, hello(amd64))[amd64])
	for name, change := range map[string]func(){
		"nothing":           func() {},
		"an unrelated file": func() { write(t, c, "docs/x.md", "text") },
	} {
		change()
		if !unchanged(c, hello(amd64), amd64) {
			t.Errorf("%s changed, and the program would be compiled again", name)
		}
	}
	for _, step := range []struct {
		name   string
		change func()
	}{
		{"the source", func() {
			write(t, c, "containers/hello/main.go", strings.Replace(source["containers/hello/main.go"], "none", "nil", 1))
		}},
		{"a package that it imports", func() { write(t, c, "words/words.go", source["words/words.go"]+"\nvar Other = 1\n") }},
		{"an embedded file", func() { write(t, c, "words/text/hello.txt", "bye") }},
		{"a new file", func() { write(t, c, "containers/hello/new.go", "package main\n\nfunc init() { println(1) }\n") }},
		{"the module", func() { write(t, c, "go.mod", source["go.mod"]+"\n// changed\n") }},
		{"the binary", func() { damage(t, build(t, c, hello(amd64))[amd64]) }},
	} {
		step.change()
		if unchanged(c, hello(amd64), amd64) {
			t.Errorf("%s changed, and the old binary would be used", step.name)
		}
		if after := read(t, build(t, c, hello(amd64))[amd64]); after == before && step.name == "an embedded file" {
			t.Errorf("%s changed, and the binary did not", step.name)
		}
		if !unchanged(c, hello(amd64), amd64) {
			t.Errorf("%s: not known again after a build", step.name)
		}
	}
	other := hello(amd64)
	other.Version = "v2.0.0"
	if unchanged(c, other, amd64) {
		t.Error("another version would be served the old binary")
	}
}

// damage changes one byte of a file, but neither its size nor its time.
func damage(t *testing.T, file string) {
	t.Helper()
	text := []byte(read(t, file))
	text[len(text)/2]++
	info, err := os.Stat(file)
	if err := errors.Join(err, os.WriteFile(file, text, 0o755), os.Chtimes(file, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
}

// unchanged uses the record that Build would use.
func unchanged(c Compiler, p Program, platform image.Platform) bool {
	_, ok := c.recorder(p, platform).kept(p.Name)
	return ok
}

// Engines do not send a file again whose path, size and time they know. All programs have one time, and often one size, so their paths must
// differ.
func TestEachContentHasAPathOfItsOwn(t *testing.T) {
	c := compiler(t)
	first := hello(amd64)
	original := build(t, c, first)[amd64]
	size, seen := len(read(t, original)), map[string]string{original: "v1.2.3 hello"}
	for _, step := range []struct{ version, words, want string }{
		{"v1.2.4", "hello", "v1.2.4 hello"},
		{"v1.2.4", "hallo", "v1.2.4 hallo"},
		{"v1.2.4", "hullo", "v1.2.4 hullo"},
	} {
		write(t, c, "words/text/hello.txt", step.words)
		p := first
		p.Version = step.version
		file := build(t, c, p)[amd64]
		if of, known := seen[file]; known {
			t.Errorf("%s has the path of %s", step.want, of)
		}
		seen[file] = step.want
		content := read(t, file)
		if sum := sha256.Sum256([]byte(content)); !strings.Contains(file, hex.EncodeToString(sum[:])) {
			t.Errorf("%s does not name the hash of its content", file)
		}
		if len(content) != size {
			t.Errorf("%s has %d bytes, not %d: edits of another size show nothing here", step.want, len(content), size)
		}
		if output, err := exec.Command(file).CombinedOutput(); image.NativePlatform() == amd64 && (err != nil || string(output) != step.want+"\n") {
			t.Errorf("prints %q, %v; want %q", output, err, step.want)
		}
	}
	write(t, c, "words/text/hello.txt", "hello")
	if again := build(t, c, first)[amd64]; again != original {
		t.Errorf("the first program again is %s, and was %s", again, original)
	}
}

// goThat puts a go command on PATH that runs a shell command each time after it has built a program.
func goThat(t *testing.T, does string) {
	t.Helper()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := "#!/bin/sh\n'" + real + "' \"$@\" || exit\nif [ \"$1\" = build ]; then " + does + "; fi\n"
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// As an archive that is unpacked during the build does it: the new source has the time of the old one.
func TestChangeDuringTheBuildIsNotRecorded(t *testing.T) {
	for _, alone := range []bool{false, true} {
		t.Run(fmt.Sprint(alone), func(t *testing.T) {
			c := compiler(t)
			c.Alone = alone
			goThat(t, "cp -p words/text/hello.txt old; echo -n hallo >words/text/hello.txt; touch -r old words/text/hello.txt; rm old")
			build(t, c, hello(amd64))
			if unchanged(c, hello(amd64), amd64) {
				t.Error("a binary was recorded whose source changed while it was compiled")
			}
			build(t, c, hello(amd64))
			if !unchanged(c, hello(amd64), amd64) {
				t.Error("nothing changed, and the binary is not recorded")
			}
		})
	}
}

// Go follows links to source files, and the go.mod of a module that is replaced by a folder sets the Go version of its packages.
func TestSourcesOutsideOfThePackages(t *testing.T) {
	c := compiler(t)
	write(t, c, "go.mod", source["go.mod"]+"\nrequire example.org/other v0.0.0\n\nreplace example.org/other => ./other\n")
	write(t, c, "containers/hello/main.go", strings.Replace(source["containers/hello/main.go"], `import "example.org/m/words"`, `import words "example.org/other/words"`, 1))
	write(t, c, "other/go.mod", "module example.org/other\n\ngo 1.26\n")
	write(t, c, "elsewhere/linked.txt", "package words\n\nfunc Hello() string { return \"hello\" }\n")
	if err := errors.Join(os.Mkdir(filepath.Join(c.Root, "other/words"), 0o755), os.Symlink("../../elsewhere/linked.txt", filepath.Join(c.Root, "other/words/linked.go"))); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(){
		"the file that a link leads to": func() {
			write(t, c, "elsewhere/linked.txt", "package words\n\nfunc Hello() string { return \"hallo\" }\n")
		},
		"the go.mod of a replaced module": func() { write(t, c, "other/go.mod", "module example.org/other\n\ngo 1.25\n") },
	} {
		build(t, c, hello(amd64))
		if !unchanged(c, hello(amd64), amd64) {
			t.Fatal("nothing changed, and the program would be compiled again")
		}
		change()
		if unchanged(c, hello(amd64), amd64) {
			t.Errorf("%s changed, and the old binary would be used", name)
		}
	}
}

func TestCompileErrorIsTheCompilers(t *testing.T) {
	c := compiler(t)
	write(t, c, "containers/hello/main.go", "package main\n\nfunc main() { undefined() }\n")
	_, err := c.Build(t.Context(), hello(arm64))
	if err == nil || !strings.Contains(err.Error(), "compile for linux/arm64") || !strings.Contains(err.Error(), "main.go:3:15: undefined: undefined") {
		t.Errorf("error %v; want the compiler's, with line and column", err)
	}
	write(t, c, "containers/hello/main.go", source["containers/hello/main.go"])
	build(t, c, hello(arm64))
}

func TestCancelledBuildLeavesTheNextOneWorking(t *testing.T) {
	c := compiler(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Build(ctx, hello(amd64)); err == nil {
		t.Error("a cancelled build succeeded")
	}
	build(t, c, hello(amd64))
}

// The go command runs programs that a repository's modules name, so it gets no token of the run.
func TestTheGoCommandGetsNoSecret(t *testing.T) {
	procgrouptest.Secrets(t)
	environments := procgrouptest.Witness(t, "go")
	c := compiler(t)
	c.Environ = os.Environ()
	build(t, c, hello(amd64))
	seen := environments()
	if leaks := procgrouptest.Leaks(seen); len(leaks) > 0 {
		t.Errorf("the go command was given %q", leaks)
	}
	if !strings.Contains(seen, "HOME="+os.Getenv("HOME")) {
		t.Error("the go command was not given HOME, which holds its caches")
	}
}
