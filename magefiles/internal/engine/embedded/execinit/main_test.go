//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// testPlace makes the test binary an init whose files are in the folder that its value names.
const testPlace = "EXECINIT_TEST_PLACE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(testPlace); dir != "" {
		os.Exit(run(os.Args[1:], placeIn(dir)))
	}
	os.Exit(m.Run())
}

func placeIn(dir string) place {
	return place{
		meta:   filepath.Join(dir, "meta"),
		input:  filepath.Join(dir, "input"),
		passwd: filepath.Join(dir, "passwd"),
		group:  filepath.Join(dir, "group"),
	}
}

// bench is a folder in which tests run inits.
type bench struct {
	t    *testing.T
	dir  string
	root string // a folder that replaces the root file system: commands write their files there
	env  []string
	pid1 bool
}

func newBench(t *testing.T) *bench {
	t.Helper()
	// Not t.TempDir: other users must be able to reach the folder.
	dir, err := os.MkdirTemp("/tmp", "execinit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b := &bench{t: t, dir: dir, root: filepath.Join(dir, "root")}
	for _, d := range []string{b.dir, filepath.Join(dir, "meta"), filepath.Join(dir, "input"), b.root} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.write("passwd", "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/usr/sbin:/bin/false\nnobody:x:65534:65533::/nonexistent:/bin/false\nworker:x:1001:1001::/home/worker:/bin/sh\n")
	b.write("group", "root:x:0:\ndaemon:x:1:\nnogroup:x:65533:\nworker:x:1001:\ndocker:x:999:worker\n")
	return b
}

func (b *bench) write(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// outcome is the whole output of an exec.
type outcome struct {
	status                   execmeta.Status
	stdout, stderr, combined string
	exit                     int    // of the init
	seenOut, seenErr         string // the output of the init itself
}

// command returns the init that will run args, not started.
func (b *bench) command(in execmeta.Instruction, args ...string) *exec.Cmd {
	b.t.Helper()
	if in.Workdir == "" {
		in.Workdir = b.root
	}
	if in.User == "" && os.Geteuid() != 0 { // an init without rights can only run commands as its own user
		in.User = fmt.Sprintf("%d:%d", os.Geteuid(), os.Getegid())
	}
	text, err := in.Encode()
	if err != nil {
		b.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append([]string{testPlace + "=" + b.dir, execmeta.EnvName + "=" + text, "LEAK=must not reach the command"}, b.env...)
	if b.pid1 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	}
	return cmd
}

func (b *bench) run(in execmeta.Instruction, args ...string) outcome {
	b.t.Helper()
	var out, errs bytes.Buffer
	cmd := b.command(in, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exitErr *exec.ExitError
	if err != nil && !errors.As(err, &exitErr) {
		b.t.Fatalf("start the init: %v", err)
	}
	o := b.outcome()
	o.exit, o.seenOut, o.seenErr = cmd.ProcessState.ExitCode(), out.String(), errs.String()
	return o
}

func (b *bench) sh(in execmeta.Instruction, script string) outcome {
	b.t.Helper()
	return b.run(in, "sh", "-c", script)
}

// outcome reads the answer as the engine does.
func (b *bench) outcome() outcome {
	b.t.Helper()
	var o outcome
	for name, to := range map[string]*string{execmeta.StdoutFile: &o.stdout, execmeta.StderrFile: &o.stderr, execmeta.CombinedFile: &o.combined} {
		text, err := os.ReadFile(filepath.Join(b.dir, "meta", name))
		if err != nil && !os.IsNotExist(err) {
			b.t.Fatal(err)
		}
		*to = string(text)
	}
	text, err := os.ReadFile(filepath.Join(b.dir, "meta", execmeta.StatusFile))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &o.status); err != nil {
		b.t.Fatalf("status %q: %v", text, err)
	}
	return o
}

// needRoot skips a test that changes users or namespaces, unless it runs as root.
func needRoot(t *testing.T) {
	t.Helper()
	testenv.Superuser(t, "mounts and changes users")
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

func contains(t *testing.T, what, got, part string) {
	t.Helper()
	if !strings.Contains(got, part) {
		t.Errorf("%s = %q, want it to hold %q", what, got, part)
	}
}
