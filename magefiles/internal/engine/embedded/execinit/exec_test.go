//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
)

func TestStreams(t *testing.T) {
	b := newBench(t)
	o := b.sh(execmeta.Instruction{}, "echo out; echo err >&2; echo out2")
	equal(t, "stdout", o.stdout, "out\nout2\n")
	equal(t, "stderr", o.stderr, "err\n")
	if len(o.combined) != 13 {
		t.Errorf("combined = %q, want all 13 bytes", o.combined)
	}
	equal(t, "the init's own stdout", o.seenOut, o.stdout)
	equal(t, "the init's own stderr", o.seenErr, o.stderr)
	if want := (execmeta.Status{Started: true}); o.status != want || o.exit != 0 {
		t.Errorf("status %+v, exit %d; want %+v, 0", o.status, o.exit, want)
	}
}

func TestStreamsAreKeptWhole(t *testing.T) {
	b := newBench(t)
	o := b.sh(execmeta.Instruction{}, `seq 1 400000; printf '\377\376\000A\r\n\033[31mred'`)
	if len(o.stdout) != 2688895+14 || !strings.HasSuffix(o.stdout, "400000\n\xff\xfe\x00A\r\n\x1b[31mred") {
		t.Errorf("stdout has %d bytes and ends in %q", len(o.stdout), o.stdout[max(0, len(o.stdout)-30):])
	}
}

// The exit codes and texts are those of container-basics/exec_signal, exec_missing_binary, exec_not_executable, exec_no_args.
func TestHowItEnds(t *testing.T) {
	b := newBench(t)
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(b.root, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	closed := file("closed.sh", "#!/bin/sh\n", 0o644)
	badInterpreter := file("bad.sh", "#!/no/interp\n", 0o755)
	noShebang := file("plain.sh", "echo hi\n", 0o755)
	file("rel.sh", "#!/bin/sh\necho rel\n", 0o755)

	for _, c := range []struct {
		name    string
		args    []string
		code    int
		stderr  string
		started bool
	}{
		{"code", []string{"sh", "-c", "exit 3"}, 3, "", true},
		{"code 255", []string{"sh", "-c", "exit 255"}, 255, "", true},
		{"killed", []string{"sh", "-c", "kill -9 $$"}, 137, "", true},
		{"terminated", []string{"sh", "-c", "kill -TERM $$"}, 143, "", true},
		{"relative", []string{"./rel.sh"}, 0, "", true},
		{"not found", []string{"no-such-binary", "x"}, 1, "exec: \"no-such-binary\": executable file not found in $PATH\n", false},
		{"no such file", []string{"/no/such/binary"}, 1, "fork/exec /no/such/binary: no such file or directory\n", false},
		{"empty", []string{""}, 1, "fork/exec : no such file or directory\n", false},
		{"not executable", []string{closed}, 1, "fork/exec " + closed + ": permission denied\n", false},
		{"directory", []string{"/etc"}, 1, "fork/exec /etc: permission denied\n", false},
		{"no interpreter", []string{badInterpreter}, 1, "fork/exec " + badInterpreter + ": no such file or directory\n", false},
		{"no shebang", []string{noShebang}, 1, "fork/exec " + noShebang + ": exec format error\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := b.run(execmeta.Instruction{}, c.args...)
			if want := (execmeta.Status{ExitCode: c.code, Started: c.started}); o.status != want {
				t.Errorf("status %+v, want %+v", o.status, want)
			}
			equal(t, "stderr", o.stderr, c.stderr)
			if o.exit != c.code {
				t.Errorf("the init's exit is %d, want %d", o.exit, c.code)
			}
		})
	}
}

func TestExpectDecidesTheInitsExit(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		code   int
		expect execmeta.Expect
		fails  bool
	}{
		{0, execmeta.Success, false}, {4, execmeta.Success, true},
		{0, execmeta.Failure, true}, {4, execmeta.Failure, false}, {200, execmeta.Failure, false},
		{0, execmeta.Any, false}, {4, execmeta.Any, false}, {137, execmeta.Any, true},
	} {
		o := b.sh(execmeta.Instruction{Expect: c.expect}, fmt.Sprint("exit ", c.code))
		if (o.exit != 0) != c.fails || o.status.ExitCode != c.code {
			t.Errorf("code %d under %s: the init's exit is %d, status %+v", c.code, c.expect, o.exit, o.status)
		}
	}
}

func TestNothingIsRun(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		name    string
		in      execmeta.Instruction
		message string
	}{
		{"user", execmeta.Instruction{User: "nosuch"}, "get user: unable to find user nosuch: no matching entries in passwd file"},
		{"group", execmeta.Instruction{User: "root:nosuch"}, "get user: unable to find group nosuch: no matching entries in group file"},
		{"stdin", execmeta.Instruction{RedirectStdin: "none"}, "open redirect stdin file: open " + b.root + "/none: no such file or directory"},
		{"stdout", execmeta.Instruction{RedirectStdout: "/no/dir/o"}, "open redirect stdout file: open /no/dir/o: no such file or directory"},
		{"stderr", execmeta.Instruction{RedirectStderr: "no/e"}, "open redirect stderr file: open " + b.root + "/no/e: no such file or directory"},
		{"redirect before workdir", execmeta.Instruction{Workdir: b.root + "/w", RedirectStdout: "o"}, "open redirect stdout file: open " + b.root + "/w/o: no such file or directory"},
		{"workdir below a file", execmeta.Instruction{Workdir: "/etc/passwd/x"}, "failed to create working directory /etc/passwd/x: mkdir /etc/passwd: not a directory"},
		{"relative workdir", execmeta.Instruction{Workdir: "w"}, `working directory "w" is not absolute`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in.Expect = execmeta.Any
			o := b.sh(c.in, "touch "+b.root+"/ran")
			if want := (execmeta.Status{ExitCode: execmeta.NotStarted, Message: c.message}); o.status != want {
				t.Errorf("status %+v, want %+v", o.status, want)
			}
			if o.exit == 0 {
				t.Error("the init's exit is 0: BuildKit would cache it")
			}
			equal(t, "streams", o.stdout+o.stderr+o.combined, "")
			contains(t, "the init's own stderr", o.seenErr, c.message)
			if _, err := os.Stat(b.root + "/ran"); err == nil {
				t.Error("the command ran")
			}
		})
	}
}

// In Dagger these two are errors of runc, and so on the stderr of the exec.
func TestRefusedByTheRuntime(t *testing.T) {
	b := newBench(t)
	const runc = "runc run failed: unable to start container process: error during container init: "
	for want, in := range map[string]execmeta.Instruction{
		runc + "environment variable name can't be empty: \"=1\"\n": {Env: []string{"A=1", "=1"}},
		runc + "mkdir /etc/passwd: not a directory\n":               {Workdir: "/etc/passwd"},
	} {
		o := b.sh(in, "true")
		equal(t, "stderr", o.stderr, want)
		if o.status != (execmeta.Status{ExitCode: 1}) {
			t.Errorf("status %+v", o.status)
		}
	}
}

func TestInstructionFromAFile(t *testing.T) {
	b := newBench(t)
	long := strings.Repeat("x", 100<<10)
	in := execmeta.Instruction{User: fmt.Sprint(os.Geteuid(), ":", os.Getegid()), Workdir: b.root, Env: []string{"A=" + long, "B=" + long}}
	text, err := in.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(text) <= execmeta.MaxEnv {
		t.Fatalf("%d bytes fit in the environment", len(text))
	}
	b.write("input/"+execmeta.InstructionFile, text)
	cmd := b.command(execmeta.Instruction{}, "sh", "-c", "echo ${#A} ${#B}")
	cmd.Env = []string{testPlace + "=" + b.dir}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	equal(t, "stdout", b.outcome().stdout, "102400 102400\n")
}

func TestNoInstruction(t *testing.T) {
	b := newBench(t)
	for name, env := range map[string][]string{
		"no instruction in $" + execmeta.EnvName: nil,
		"decode exec instruction":                {execmeta.EnvName + "={"},
	} {
		cmd := b.command(execmeta.Instruction{}, "true")
		cmd.Env = append([]string{testPlace + "=" + b.dir}, env...)
		if err := cmd.Run(); err == nil {
			t.Error("the init's exit is 0")
		}
		contains(t, "message", b.outcome().status.Message, name)
	}
}

func TestOutputThatCannotBeKept(t *testing.T) {
	needRoot(t)
	b := newBench(t)
	o := b.sh(execmeta.Instruction{RedirectStdout: "/dev/full", Expect: execmeta.Any}, "seq 1 100000; echo end >&2")
	contains(t, "message", o.status.Message, "keep stdout: write /dev/full: no space left on device")
	if o.exit == 0 {
		t.Error("the init's exit is 0 although output was lost")
	}
	if !strings.HasSuffix(o.stdout, "\n100000\n") || o.stderr != "end\n" {
		t.Errorf("the command did not go on: stderr %q", o.stderr)
	}
}
