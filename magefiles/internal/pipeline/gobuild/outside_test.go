package gobuild

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hostSecret writes a file of the host, such as a private key.
func hostSecret(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("CANARY of the host\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// No file in a container's folder may make the compiler read, print or include a file of the host.
func TestTheCompilerReadsNothingOutsideOfTheModule(t *testing.T) {
	t.Parallel()
	const main = "package main\n\nfunc f()\n\nfunc main() { f() }\n"
	for name, c := range map[string]struct {
		make func(t *testing.T, c Compiler, secret string) // in containers/hello
		says string
	}{
		"an absolute path": {func(t *testing.T, c Compiler, secret string) {
			write(t, c, "containers/hello/main.go", main)
			write(t, c, "containers/hello/f.s", "#include \"textflag.h\"\n/* x */ # /* y */ include \""+secret+"\"\n")
		}, "absolute path"},
		"up": {func(t *testing.T, c Compiler, secret string) {
			rel, err := filepath.Rel(filepath.Join(c.Root, "containers/hello"), secret)
			if err != nil {
				t.Fatal(err)
			}
			write(t, c, "containers/hello/main.go", main)
			write(t, c, "containers/hello/f.s", "#include \""+rel+"\"\n")
		}, "outside of the module"},
		"through Go's own folder": {func(t *testing.T, c Compiler, _ string) {
			write(t, c, "containers/hello/main.go", main)
			write(t, c, "containers/hello/f.s", "#include \"../../../../../../../../../../etc/hostname\"\n")
		}, "outside of the module"},
		"a header that includes": {func(t *testing.T, c Compiler, secret string) {
			write(t, c, "containers/hello/main.go", main)
			write(t, c, "containers/hello/f.s", "#include \"sub/a.h\"\n")
			write(t, c, "containers/hello/sub/a.h", "#define X 1\n#include \""+secret+"\"\n")
		}, "absolute path"},
		"a header that is a link": {func(t *testing.T, c Compiler, secret string) {
			write(t, c, "containers/hello/main.go", main)
			write(t, c, "containers/hello/f.s", "#include \"a.inc\"\n")
			link(t, secret, filepath.Join(c.Root, "containers/hello/a.inc"))
		}, "outside of the module"},
		"a source that is a link": {func(t *testing.T, c Compiler, secret string) {
			link(t, secret, filepath.Join(c.Root, "containers/hello/key.go"))
		}, "escapes"},
		"assembly that is a link": {func(t *testing.T, c Compiler, secret string) {
			write(t, c, "containers/hello/main.go", main)
			link(t, secret, filepath.Join(c.Root, "containers/hello/f.s"))
		}, "escapes"},
		"go.mod is a link": {func(t *testing.T, c Compiler, secret string) {
			if err := os.Remove(filepath.Join(c.Root, "go.mod")); err != nil {
				t.Fatal(err)
			}
			link(t, secret, filepath.Join(c.Root, "go.mod"))
		}, "escapes"},
		"another package of the module": {func(t *testing.T, c Compiler, secret string) {
			write(t, c, "words/words.go", "package words\n\nfunc f()\n\nfunc Hello() string { f(); return \"\" }\n")
			write(t, c, "words/f.s", "#include \""+secret+"\"\n")
		}, "absolute path"},
		"a replacement": {func(t *testing.T, c Compiler, secret string) {
			dir := filepath.Dir(secret)
			for file, text := range map[string]string{"go.mod": "module example.org/private\n", "p.go": "package private\n\nconst X = `CANARY`\n"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write(t, c, "go.mod", source["go.mod"]+"\nrequire example.org/private v0.0.0\n\nreplace example.org/private => "+dir+"\n")
			write(t, c, "containers/hello/main.go", "package main\n\nimport \"example.org/private\"\n\nfunc main() { println(private.X) }\n")
		}, "outside of the repository"},
		"embedding": {func(t *testing.T, c Compiler, secret string) {
			link(t, secret, filepath.Join(c.Root, "words/text/key"))
			write(t, c, "words/words.go", strings.Replace(source["words/words.go"], "text/hello.txt", "text/key", 1))
		}, "irregular"}, // by Go itself
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			module, secret := compiler(t), hostSecret(t)
			c.make(t, module, secret)
			b, err := module.Build(t.Context(), hello(amd64))
			if err == nil {
				b.Release()
				t.Fatal("it was built")
			}
			if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("error %v, want %q", err, c.says)
			}
			left := filepath.Join(module.folder(hello(amd64)), "linux_amd64", "hello")
			if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s was left: %v", left, err)
			}
		})
	}
}

// The compiler may fail before Go has listed the files that it reads. Until then its output is not shown.
func TestTheCompilerFailsFirst(t *testing.T) {
	c, secret := compiler(t), hostSecret(t)
	build(t, c, hello(amd64)) // so that the go command lists packages during the compilation, not before it
	write(t, c, "containers/hello/main.go", "package main\n\nfunc f()\n\nfunc main() { f() }\n")
	write(t, c, "containers/hello/f.s", "#include \""+secret+"\"\n")
	goInOrder(t)
	b, err := c.Build(t.Context(), hello(amd64))
	if err == nil {
		b.Release()
		t.Fatal("it was built")
	}
	var outside *OutsideError
	if !errors.As(err, &outside) || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("error %v", err)
	}
}

// goInOrder puts a go command on PATH that lists packages only after it has built a program, whether that failed or not.
func goInOrder(t *testing.T) {
	t.Helper()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := "#!/bin/sh\nif [ \"$1\" = list ]; then while [ ! -e '" + dir + "/built' ]; do sleep 0.1; done; fi\n" +
		"'" + real + "' \"$@\"\nstatus=$?\nif [ \"$1\" = build ]; then touch '" + dir + "/built'; fi\nexit $status\n"
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

// Includes within the module still work.
func TestAssemblyOfTheModuleIsBuilt(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	write(t, c, "containers/hello/main.go", "package main\n\nfunc f()\n\nfunc main() { f() }\n")
	write(t, c, "containers/hello/f.s", "#include \"textflag.h\"\n#include \"go_asm.h\"\n#include \"../../words/a.h\"\n\nTEXT ·f(SB), NOSPLIT, $0-0\n\tRET\n")
	write(t, c, "words/a.h", "#include \"local.h\"\n")
	write(t, c, "containers/hello/local.h", "#define A 1\n")
	build(t, c, hello(amd64))
}
