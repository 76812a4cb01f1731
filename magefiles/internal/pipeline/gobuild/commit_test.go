//go:build unix

package gobuild

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// committed has a program with files from all allowed places: embedded ones, assembly with an include, links to a file and to a folder, and
// modules of the same repository.
var committed = map[string]string{
	"go.mod": "module example.org/m\n\ngo 1.26\n\nrequire (\n\texample.org/other v0.0.0\n\texample.org/unused v0.0.0\n)\n\n" +
		"replace (\n\texample.org/other => ./other\n\texample.org/unused => ./unused\n)\n",
	"containers/hello/main.go": "package main\n\nimport (\n\t\"example.org/m/asm\"\n\t\"example.org/m/way\"\n\t\"example.org/m/words\"\n\t\"example.org/other/pkg\"\n)\n\n" +
		"var version = \"none\"\n\nfunc main() { print(version, words.Hello(), asm.Answer(), way.Name, pkg.Name, linked) }\n",
	"shared/linked.go":     "package main\n\nconst linked = \"linked\"\n",
	"real/way.go":          "package way\n\nconst Name = \"way\"\n",
	"words/words.go":       source["words/words.go"],
	"words/text/hello.txt": "line\nline\n",
	"asm/asm.go":           "package asm\n\nfunc Answer() int\n",
	"asm/asm_amd64.s":      "#include \"../shared/answer.h\"\n\nTEXT ·Answer(SB), 4, $0-8\n\tMOVQ $ANSWER, ret+0(FP)\n\tRET\n",
	"shared/answer.h":      "#define ANSWER 42\n",
	"other/go.mod":         "module example.org/other\n\ngo 1.26\n",
	"other/pkg/pkg.go":     "package pkg\n\nconst Name = \"other\"\n",
	"unused/go.mod":        "module example.org/unused\n\ngo 1.26\n",
	"docs/page.md":         "no part of it\n",
}

// gitIn runs git in a folder, for a user without configuration.
func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestAnyCloneCompilesTheCommit compares with a full checkout by git that contains nothing else.
func TestAnyCloneCompilesTheCommit(t *testing.T) {
	testenv.Program(t, "git", "apt-get install git")
	origin := Compiler{Root: t.TempDir(), Cache: t.TempDir(), Environ: os.Environ()}
	gitIn(t, origin.Root, "init", "-q", "-b", "main")
	for name, text := range committed {
		write(t, origin, name, text)
	}
	for name, target := range map[string]string{"containers/hello/linked.go": "../../shared/linked.go", "way": "real"} {
		if err := os.Symlink(target, filepath.Join(origin.Root, name)); err != nil {
			t.Fatal(err)
		}
	}
	gitIn(t, origin.Root, "add", "-A")
	gitIn(t, origin.Root, "commit", "-q", "-m", "one")
	want := read(t, build(t, origin, hello(amd64))[amd64])
	if out, err := exec.Command(build(t, origin, hello(amd64))[amd64]).CombinedOutput(); image.NativePlatform() == amd64 && string(out) != "v1.2.3line\nline\n42wayotherlinked" {
		t.Fatalf("prints %q, %v", out, err)
	}

	defer syscall.Umask(syscall.Umask(0o077))
	clone := filepath.Join(t.TempDir(), "clone")
	gitIn(t, t.TempDir(), "clone", "-q", "-c", "core.autocrlf=true", "-c", "core.fileMode=false", origin.Root, clone)
	here := Compiler{Root: clone}
	write(t, here, ".git/info/exclude", "local.go\nmore.s\n")
	write(t, here, "containers/hello/local.go", "package main\n\nfunc init() { version = \"ignored\" }\n")
	write(t, here, "words/local.go", "package words\n\nfunc init() { hello = \"ignored\" }\n")
	if status := gitIn(t, clone, "status", "--porcelain"); status != "" {
		t.Fatalf("git sees changes:\n%s", status)
	}
	if text := read(t, filepath.Join(clone, "words/text/hello.txt")); text != "line\r\nline\r\n" {
		t.Fatalf("the clone has %q", text)
	}
	git, err := repo.Open(clone)
	if err != nil {
		t.Fatal(err)
	}
	hash, cache := gitIn(t, clone, "rev-parse", "HEAD"), t.TempDir()
	program := image.Container{Name: "hello", Kind: image.KindGo, Dir: "containers/hello"}
	roots := map[string]bool{}
	for n := range 2 {
		tree, err := git.CheckOutContainer(t.Context(), hash, cache, program)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, build(t, Compiler{Root: tree.Root, Cache: tree.Scratch, Environ: os.Environ()}, hello(amd64))[amd64]); got != want {
			t.Error("another program than that of a full checkout")
		}
		roots[tree.Root] = true
		tree.Release()
		write(t, here, "docs/page.md", strings.Repeat("x", n+1)) // another commit, of the same program
		gitIn(t, clone, "commit", "-q", "-a", "-m", "docs")
		hash = gitIn(t, clone, "rev-parse", "HEAD")
	}
	if len(roots) != 1 {
		t.Errorf("the same sources were laid out at %v", roots)
	}
}
