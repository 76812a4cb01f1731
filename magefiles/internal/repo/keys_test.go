package repo

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// run runs a program for a test.
func run(t testing.TB, name string, args ...string) {
	t.Helper()
	path := testenv.Program(t, name, "apt-get install openssh-client")
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// sshKey makes a key without a passphrase.
func sshKey(t testing.TB, kind string) (private []byte, public string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	run(t, "ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "test", "-f", file)
	private, err := os.ReadFile(file)
	must(t, err)
	line, err := os.ReadFile(file + ".pub")
	must(t, err)
	return private, strings.TrimSpace(string(line))
}

// silence is the address of a server that accepts connections and sends nothing.
func silence(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
