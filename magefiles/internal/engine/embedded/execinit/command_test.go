//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
)

const defaultEnv = "HOME=/root\nPATH=" + defaultPath + "\n"

func TestEnvironment(t *testing.T) {
	needRoot(t)
	for _, c := range []struct {
		name string
		in   execmeta.Instruction
		own  []string
		want string
	}{
		{"none", execmeta.Instruction{}, nil, defaultEnv},
		{"nobody's home", execmeta.Instruction{User: "nobody"}, nil, "HOME=/nonexistent\nPATH=" + defaultPath + "\n"},
		{"unknown user's home", execmeta.Instruction{User: "4242"}, nil, "HOME=/\nPATH=" + defaultPath + "\n"},
		{"the last wins", execmeta.Instruction{Env: []string{"A=1", "A=2", "B=a=b"}}, nil, "A=2\nB=a=b\n" + defaultEnv},
		{"own PATH and HOME", execmeta.Instruction{Env: []string{"PATH=/bin", "HOME=/h"}}, nil, "HOME=/h\nPATH=/bin\n"},
		{"empty HOME", execmeta.Instruction{Env: []string{"HOME="}}, nil, defaultEnv},
		{"secret", execmeta.Instruction{SecretEnv: []string{"S"}, Env: []string{"S=plain"}}, []string{"S=hidden-value"}, defaultEnv + "S=***\n"},
		{"secret that is not there", execmeta.Instruction{SecretEnv: []string{"S"}}, nil, defaultEnv},
		{"inherited", execmeta.Instruction{Inherit: []string{"I", "J", "NOT"}, Env: []string{"J=mine"}}, []string{"I=1", "J=2"}, defaultEnv + "I=1\nJ=mine\n"},
		{"proxy in both spellings", execmeta.Instruction{Env: []string{"HTTP_PROXY=h", "no_proxy=n", "https_proxy=s", "HTTPS_PROXY=S"}}, nil,
			defaultEnv + "HTTPS_PROXY=S\nHTTP_PROXY=h\nNO_PROXY=n\nhttp_proxy=h\nhttps_proxy=s\nno_proxy=n\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.env = c.own
			o := b.run(c.in, "/usr/bin/env")
			equal(t, "environment", sortedLines(o.stdout), sortedLines(c.want))
		})
	}
}

func sortedLines(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func TestPathOfTheCommandFindsIt(t *testing.T) {
	b := newBench(t)
	const notFound = "exec: \"sh\": executable file not found in $PATH\n"
	for path, want := range map[string]string{"": notFound, "/nope": notFound, "/nope:/bin": ""} {
		o := b.sh(execmeta.Instruction{Env: []string{"PATH=" + path}}, "true")
		equal(t, "stderr with PATH="+path, o.stderr, want)
	}
}

func TestUser(t *testing.T) {
	needRoot(t)
	b := newBench(t)
	for user, want := range map[string]string{
		"":              "0 0 0",
		"root":          "0 0 0",
		"nobody":        "65534 65533 65533",
		"1000":          "1000 0 0",
		"1000:1000":     "1000 1000 1000",
		"nobody:daemon": "65534 1 1",
		"65534:daemon":  "65534 1 1",
		"65534":         "65534 65533 65533",
		"worker":        "1001 1001 1001 999", // a member of docker, as with any container engine
		"worker:daemon": "1001 1 1",
	} {
		for _, direct := range []bool{false, true} {
			o := b.sh(execmeta.Instruction{User: user, NoInit: direct}, "echo $(id -u) $(id -g) $(id -G)")
			equal(t, fmt.Sprintf("ids of %q (NoInit %v)", user, direct), o.stdout, want+"\n")
		}
	}
}

func TestUserCannotReachTheAnswer(t *testing.T) {
	needRoot(t)
	b := newBench(t)
	o := b.sh(execmeta.Instruction{User: "nobody"}, "ls "+filepath.Join(b.dir, "meta"))
	contains(t, "stderr", o.stderr, "Permission denied")
}

func TestUserSeesTheirOwnPrograms(t *testing.T) {
	needRoot(t)
	b := newBench(t)
	hidden := filepath.Join(b.root, "hidden")
	if err := os.Mkdir(hidden, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hidden+"/true", []byte("#!/bin/sh\nexit 9\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + hidden + ":/bin"}
	for user, code := range map[string]int{"root": 9, "nobody": 0} {
		if o := b.run(execmeta.Instruction{User: user, Env: env}, "true"); o.status.ExitCode != code {
			t.Errorf("%s: %+v, want code %d", user, o.status, code)
		}
	}
}

func TestUserMayReopenTheStreams(t *testing.T) {
	needRoot(t)
	for _, direct := range []bool{false, true} {
		b := newBench(t)
		o := b.sh(execmeta.Instruction{User: "nobody", NoInit: direct}, "echo o >/dev/stdout; echo e >/dev/stderr; cat /dev/stdin")
		equal(t, "stdout", o.stdout, "o\n")
		equal(t, "stderr", o.stderr, "e\n")
	}
}

func TestWorkdir(t *testing.T) {
	needRoot(t)
	b := newBench(t)
	dir := b.root + "/nb/x"
	o := b.sh(execmeta.Instruction{User: "nobody", Workdir: dir}, "pwd; stat -c '%a %u:%g' . ..; stat -c '%a %u:%g' ../..")
	equal(t, "stdout", o.stdout, dir+"\n755 65534:65533\n755 65534:65533\n755 0:0\n")
	o = b.sh(execmeta.Instruction{Workdir: dir}, "stat -c %u .")
	equal(t, "owner of one that was there", o.stdout, "65534\n")
}

// A working directory may be a link, also one to nothing, and may lead out of a folder that does not exist.
func TestWorkdirOnTheWay(t *testing.T) {
	needRoot(t)
	b := newBench(t)
	for link, target := range map[string]string{"dangling": b.root + "/made", "relative": "one/two", "loop": "loop"} {
		if err := os.Symlink(target, b.root+"/"+link); err != nil {
			t.Fatal(err)
		}
	}
	for workdir, want := range map[string]string{
		"dangling":          "/made 65534",
		"relative/below":    "/one/two/below 65534",
		"left/../entered/x": "/entered/x 65534",
	} {
		o := b.sh(execmeta.Instruction{User: "nobody", Workdir: b.root + "/" + workdir}, "echo $(pwd -P) $(stat -c %u .)")
		equal(t, workdir, o.stdout, b.root+want+"\n")
	}
	o := b.sh(execmeta.Instruction{Workdir: b.root}, "stat -c %u left")
	equal(t, "the folder that is left", o.stdout, "0\n")
	o = b.sh(execmeta.Instruction{Workdir: b.root + "/loop"}, "pwd")
	equal(t, "a loop", o.status.Message, "failed to create working directory "+b.root+"/loop: stat "+b.root+"/loop: too many levels of symbolic links")
}

func TestStdin(t *testing.T) {
	b := newBench(t)
	b.write("root/in", "from file")
	b.write("input/"+execmeta.StdinFile, "line1\nline2")
	for _, direct := range []bool{false, true} {
		for _, c := range []struct {
			name string
			in   execmeta.Instruction
			want string
		}{
			{"none", execmeta.Instruction{}, ""},
			{"given", execmeta.Instruction{Stdin: true}, "line1\nline2"},
			{"redirected", execmeta.Instruction{RedirectStdin: "in"}, "from file"},
			{"redirected, absolute", execmeta.Instruction{RedirectStdin: b.root + "/in"}, "from file"},
		} {
			c.in.NoInit = direct
			equal(t, c.name, b.run(c.in, "cat").stdout, c.want)
		}
	}
	o := b.sh(execmeta.Instruction{}, "readlink /proc/self/fd/0")
	contains(t, "stdin", o.stdout, "pipe:[")
	b.write("input/"+execmeta.StdinFile, strings.Repeat("x", 1<<20))
	if o := b.run(execmeta.Instruction{Stdin: true}, "true"); o.status.ExitCode != 0 || o.exit != 0 {
		t.Errorf("a stdin that is not read: %+v, exit %d", o.status, o.exit)
	}
}

func TestRedirect(t *testing.T) {
	b := newBench(t)
	existing := b.write("root/existing", "a long previous content")
	o := b.sh(execmeta.Instruction{RedirectStdout: existing, RedirectStderr: "rel-e"}, "echo o; echo e >&2")
	equal(t, "stdout", o.stdout, "o\n")
	equal(t, "stderr", o.stderr, "e\n")
	for path, want := range map[string]string{existing: "o\n", b.root + "/rel-e": "e\n"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, path, string(text), want)
	}
	info, err := os.Stat(b.root + "/rel-e")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of a new redirect file: %v, %v", info.Mode(), err)
	}
}

func TestNothingElseIsInherited(t *testing.T) {
	b := newBench(t)
	o := b.sh(execmeta.Instruction{}, "ls /proc/self/fd | tr '\\n' ' '; umask; ulimit -n")
	equal(t, "descriptors (3 is of ls itself), umask and open files", o.stdout, "0 1 2 3 0022\n20000\n")
}

func TestSecretsAreReplaced(t *testing.T) {
	b := newBench(t)
	b.env = []string{"S=sup3r-secret-value"}
	file := b.write("root/tok", "mounted-secret\nsecond-line\n")
	in := execmeta.Instruction{SecretEnv: []string{"S"}, SecretFiles: []string{"tok", "/not/there"}, RedirectStdout: "r"}
	o := b.sh(in, `echo "out $S"; echo "err $S" >&2; printf sup3r-sec; printf ret-value; cat tok; echo second-line; echo "$S" >leak; exit 3`)
	equal(t, "stdout", o.stdout, "out ***\n******"+"***\n")
	equal(t, "stderr", o.stderr, "err ***\n")
	equal(t, "the init's own stdout", o.seenOut, o.stdout)
	equal(t, "the init's own stderr", o.seenErr, o.stderr)
	if strings.Contains(o.combined, "sup3r") || strings.Contains(o.combined, "second-line") {
		t.Errorf("combined = %q", o.combined)
	}
	redirected, err := os.ReadFile(b.root + "/r")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "redirect file", string(redirected), o.stdout)
	leak, err := os.ReadFile(b.root + "/leak")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a file of the command's own", string(leak), "sup3r-secret-value\n")
	if text, err := os.ReadFile(file); err != nil || string(text) != "mounted-secret\nsecond-line\n" {
		t.Errorf("the secret file is now %q, %v", text, err)
	}
}

func TestSignalsReachTheWholeGroup(t *testing.T) {
	b := newBench(t)
	cmd := b.command(execmeta.Instruction{}, "sh", "-c", `trap 'echo got; exit 7' TERM; echo ready; sleep 1000 & wait`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("first line %q", lines.Text())
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "got" {
		t.Errorf("second line %q", lines.Text())
	}
	_ = cmd.Wait()
	if o := b.outcome(); o.status.ExitCode != 7 {
		t.Errorf("status %+v, want code 7", o.status)
	}
}

func TestProcessOne(t *testing.T) {
	needRoot(t)
	b := newBench(t)
	b.pid1 = true
	o := b.sh(execmeta.Instruction{}, "echo $$ $PPID")
	fields := strings.Fields(o.stdout)
	if len(fields) != 2 || fields[0] == "1" || fields[1] != "1" {
		t.Errorf("pid and ppid = %q, want the init as parent 1", o.stdout)
	}
}

// A background process in its own session holds the streams open, and an orphan becomes the init's child.
func TestProcessOneEndsWhatIsLeft(t *testing.T) {
	needRoot(t)
	b := newBench(t)
	b.pid1 = true
	o := b.sh(execmeta.Instruction{}, "setsid sleep 1000 & (sleep 0 &) ; (exit 5 &) ; echo end; exit 6")
	equal(t, "stdout", o.stdout, "end\n")
	if o.status.ExitCode != 6 {
		t.Errorf("status %+v, want the command's own code 6", o.status)
	}
}

func TestNoInit(t *testing.T) {
	needRoot(t)
	b := newBench(t)
	b.pid1 = true
	o := b.sh(execmeta.Instruction{NoInit: true, RedirectStderr: "e"}, "echo pid=$$; echo err >&2; ls /proc/self/fd | wc -l; exit 4")
	equal(t, "stdout", o.stdout, "pid=1\n4\n")
	equal(t, "stderr", o.stderr, "")
	if text, err := os.ReadFile(b.root + "/e"); err != nil || string(text) != "err\n" {
		t.Errorf("redirect file: %q, %v", text, err)
	}
	if want := (execmeta.Status{Started: true, Direct: true}); o.status != want || o.exit != 4 {
		t.Errorf("status %+v, exit %d; want %+v, 4", o.status, o.exit, want)
	}
	o = b.run(execmeta.Instruction{NoInit: true, User: "nobody"}, "/no/such")
	equal(t, "stderr", o.stderr, "fork/exec /no/such: no such file or directory\n")
	if want := (execmeta.Status{ExitCode: 1}); o.status != want || o.exit != 1 {
		t.Errorf("status %+v, exit %d; want %+v, 1", o.status, o.exit, want)
	}
}
