package pipeline_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
)

// withProgram are images with one container, web, whose folder holds the program hello for a platform.
func withProgram(t *testing.T, p image.Platform, run string) (pipeline.Images, string) {
	t.Helper()
	opts := enginetest.Options(t, t.TempDir())
	enginetest.NeedsRuntime(t, opts)
	session := enginetest.Connect(t, opts)
	b := images(t, session.Client, map[string]string{
		"containers/web/Dockerfile": "FROM scratch\nCOPY hello /hello\nRUN " + run + "\n", "hello/main.go": filler,
	})
	program := filepath.Join(b.Root, "containers/web/hello")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./hello")
	cmd.Dir, cmd.Env = b.Root, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+p.Architecture)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return b, program
}

// filler writes 4 MiB into the given file, and prints the result.
const filler = `package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) > 1 {
		if err := os.WriteFile(os.Args[1], make([]byte, 4<<20), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
	}
}
`

func build(t *testing.T, b pipeline.Images, p image.Platform) (hint string, err error) {
	t.Helper()
	_, err = b.Build(t.Context(), pipeline.Request{BuildRequest: image.BuildRequest{Container: container(t, b), Platforms: []image.Platform{p}}})
	var hinter interface{ Hint() string }
	if errors.As(err, &hinter) {
		hint = hinter.Hint()
	}
	return hint, err
}

// A RUN for a platform that this machine cannot run reports that, with the remedies; with Debian's emulator it runs. The test asks the kernel
// which of the two applies.
func TestForeignPlatform(t *testing.T) {
	b, program := withProgram(t, arm64, `["/hello"]`)
	if errors.Is(exec.CommandContext(t.Context(), program).Run(), syscall.ENOEXEC) {
		hint, err := build(t, b, arm64)
		wantError(t, err, "cannot run programs for linux/arm64 on linux/", "/hello: exit code 1")
		for _, way := range []string{"qemu-user-static binfmt-support", "BUILDKIT_HOST"} {
			if !strings.Contains(hint, way) {
				t.Errorf("hint %q; want it to name %s", hint, way)
			}
		}
		emulate(t)
	}
	if out, err := exec.CommandContext(t.Context(), program).CombinedOutput(); err != nil {
		t.Fatalf("with an emulator: %v: %s", err, out)
	}
	b, _ = withProgram(t, arm64, `["/hello"]`) // another session, as for a user
	if _, err := build(t, b, arm64); err != nil {
		var step *pipeline.StepError
		_ = errors.As(err, &step)
		t.Errorf("with an emulator: %v: %+v", err, step)
	}
}

const handlers = "/proc/sys/fs/binfmt_misc"

// emulate makes the kernel run programs for arm64 with Debian's emulator until the test ends. That is a setting of the whole machine, so it is
// done only in CI.
func emulate(t *testing.T) {
	t.Helper()
	debian, err := os.ReadFile("/usr/share/binfmts/qemu-aarch64") // of the package qemu-user-static
	switch {
	case os.Getenv("CI") != "true":
		t.Skip("this machine does not run programs for arm64, and only in CI is that changed: apt-get install qemu-user-static binfmt-support")
	case err != nil:
		t.Fatal(err)
	case os.Geteuid() != 0:
		t.Fatal("only root can set up an emulator")
	}
	about := map[string]string{}
	for line := range strings.Lines(string(debian)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		about[name] = value
	}
	if _, err := os.Stat(handlers + "/register"); err != nil {
		if err := syscall.Mount("binfmt_misc", handlers, "binfmt_misc", 0, ""); err != nil {
			t.Fatalf("this kernel does not allow an emulator: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(handlers, 0) })
	}
	flags := "F"
	if about["preserve"] == "yes" {
		flags += "P"
	}
	handler := fmt.Sprintf(":blumeops-test:M::%s:%s:%s:%s", about["magic"], about["mask"], about["interpreter"], flags)
	if err := os.WriteFile(handlers+"/register", []byte(handler), 0); err != nil {
		t.Fatalf("this kernel does not allow an emulator: %v", err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(handlers+"/blumeops-test", []byte("-1"), 0); err != nil {
			t.Error(err)
		}
	})
}

// A step on a full disk reports that. The test limits the size of a mount, because a full disk would stop other tests.
func TestFullDisk(t *testing.T) {
	b, _ := withProgram(t, amd64, `--mount=type=tmpfs,target=/small,size=1048576 ["/hello", "/small/file"]`)
	hint, err := build(t, b, amd64)
	var step *pipeline.StepError
	if !errors.As(err, &step) || step.Code != 3 || !strings.Contains(step.Stderr, "no space left on device") || !pipeline.IsFull(err) {
		t.Errorf("%v: %+v", err, step)
	}
	if !strings.Contains(hint, "engine:prune") || !strings.Contains(hint, "BLUMEOPS_ENGINE_STATE") {
		t.Errorf("hint %q", hint)
	}
}
