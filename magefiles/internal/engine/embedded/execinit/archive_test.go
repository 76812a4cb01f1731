//go:build linux

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
)

// GNU tar unpacks the archive of the init to the same files, except sockets.
func TestArchive(t *testing.T) {
	b := newBench(t)
	one, two := filepath.Join(b.dir, "one"), filepath.Join(b.dir, "two")
	long := strings.Repeat("long-name/", 30)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{one + "/closed", one + "/" + long, two} {
		must(os.MkdirAll(d, 0o755))
	}
	for name, text := range map[string]string{"a": "text", "closed/b": strings.Repeat("0123456789", 100000), long + "c": "", "latin-\xe9": "x", "two\nlines": "y"} {
		must(os.WriteFile(filepath.Join(one, name), []byte(text), 0o640))
	}
	must(os.WriteFile(filepath.Join(two, "a"), []byte("other"), 0o600))
	must(os.Link(filepath.Join(one, "a"), filepath.Join(two, "same")))
	must(os.Symlink("/nowhere/\xe9", filepath.Join(one, "link")))
	must(syscall.Mkfifo(filepath.Join(one, "pipe"), 0o600))
	must(os.Chmod(filepath.Join(one, "a"), 0o711|os.ModeSetuid))
	must(os.Chmod(filepath.Join(one, "closed"), 0o555|os.ModeSticky))
	socket, err := net.Listen("unix", filepath.Join(one, "socket"))
	must(err)
	defer socket.Close()

	cmd := b.command(execmeta.Instruction{}, one, two)
	cmd.Env = append(cmd.Env, execmeta.ArchiveName+"=1")
	out, err := cmd.Output()
	must(err)
	into := filepath.Join(b.dir, "into")
	must(os.Mkdir(into, 0o755))
	unpack := exec.Command("tar", "--extract", "--same-permissions", "--directory="+into)
	unpack.Stdin = strings.NewReader(string(out))
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	list := func(root string) string {
		out, err := exec.Command("sh", "-c", `cd "$0" && find one two ! -type s -printf '%p %M %n %U:%G %s %l %Ts\0' | grep -zv '^one d\|^two d' | sort -z; cat one/closed/b two/same`, root).Output()
		if err != nil {
			t.Error(err)
		}
		return string(out)
	}
	if got, want := list(filepath.Join(into, b.dir)), list(b.dir); got != want {
		t.Errorf("%q, want %q", got[:min(len(got), 3000)], want[:min(len(want), 3000)])
	}
	cmd = b.command(execmeta.Instruction{}, filepath.Join(b.dir, "nothing"))
	cmd.Env = append(cmd.Env, execmeta.ArchiveName+"=1")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "no such file") {
		t.Errorf("%v, %s", err, out)
	}
}
