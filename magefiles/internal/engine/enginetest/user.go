package enginetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// userID is the number of the user that AsUser makes.
const userID = 12345

// userFiles are the files that make the user known, in the namespace of the tests.
func userFiles(subIDs string) map[string]string {
	return map[string]string{
		"passwd": fmt.Sprintf("root:x:0:0::/root:/bin/sh\ntester:x:%d:%d::/:/bin/sh\n", userID, userID),
		"group":  fmt.Sprintf("root:x:0:\ntester:x:%d:\n", userID),
		"subuid": subIDs,
		"subgid": subIDs,
	}
}

// asUser replaces files of /etc in its mount namespace, and runs a program as the user. The user may read and write all files, since the checkout
// and Go's caches belong to root; its engine has no rights outside of its user namespace.
const asUser = `
for file in passwd group subuid subgid; do mount --bind "$1/$file" "/etc/$file"; done
id=$2
shift 2
exec setpriv --pdeathsig=KILL --reuid="$id" --regid="$id" --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override "$@"
`

// AsUser runs tests of this package again as an ordinary user, with an engine of this user. The user and all its processes exist only during the
// tests, in namespaces, and end with the tests, also if these are killed.
func AsUser(t *testing.T, names ...string) {
	t.Helper()
	testenv.Superuser(t, "makes a user")
	testenv.Program(t, "newuidmap", "apt-get install uidmap")
	asUserWith(t, "tester:200000:65536\n", names)
}

// AsLimitedUser is AsUser with a user without subordinate ids.
func AsLimitedUser(t *testing.T, names ...string) {
	t.Helper()
	testenv.Superuser(t, "makes a user")
	asUserWith(t, "", names)
}

func asUserWith(t *testing.T, subIDs string, names []string) {
	t.Helper()
	testenv.Program(t, "unshare", "apt-get install util-linux")
	setpriv := testenv.Program(t, "setpriv", "apt-get install util-linux")
	opts := Options(t, "/")
	NeedsRuntime(t, opts)
	home := userHome(t, opts, userFiles(subIDs))
	cmd := exec.Command(setpriv, "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", asUser, "sh", home, fmt.Sprint(userID),
		filepath.Join(home, "tests"), "-test.v", "-test.run=^("+strings.Join(names, "|")+")$")
	cmd.Env = append(os.Environ(), "HOME="+home, "USER=tester", "LOGNAME=tester", "XDG_CACHE_HOME="+filepath.Join(home, "cache"), "XDG_RUNTIME_DIR=",
		"GOCACHE="+goenv(t, "GOCACHE"), "GOMODCACHE="+goenv(t, "GOMODCACHE"))
	runtime.LockOSThread() // the signal comes at the end of the thread
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	passed := regexp.MustCompile(`(?m)^--- PASS: `).FindAll(out, -1)
	if err != nil || len(passed) != len(names) {
		t.Errorf("%d of %d tests passed as an ordinary user: %v\n%s", len(passed), len(names), err, out)
	}
}

// userHome is the home of the user: with the files for /etc, the test program, and the engine that is built already.
func userHome(t *testing.T, built engine.Options, files map[string]string) string {
	t.Helper()
	home, err := os.MkdirTemp("", "user") // not the folder of the test: its path is long, and so are those of sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(home, "cache", "blumeops", filepath.Base(built.StateDir))
	copies := [][2]string{{self, filepath.Join(home, "tests")}, {filepath.Join(built.StateDir, "bin"), state}}
	inits := filepath.Join(built.StateDir, "init")
	if _, err := os.Stat(inits); err == nil { // it is compiled when a command first runs
		copies = append(copies, [2]string{inits, state})
	}
	if err := os.MkdirAll(state, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range copies {
		if out, err := exec.Command("cp", "-r", c[0], c[1]).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err = filepath.WalkDir(home, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, userID, userID)
	})
	if err != nil {
		t.Fatal(err)
	}
	return home
}

func goenv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
