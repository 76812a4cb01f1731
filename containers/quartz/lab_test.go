// Package quartz_test runs the container's start script on this machine, with the real nginx and curl, against releases on a local server:
// with Debian's tools and with BusyBox's.
package quartz_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// need returns the path of a program. Without it, the test is skipped; in CI it fails.
func need(t *testing.T, program, install string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: %s", program, install)
	}
	t.Skipf("%s is missing: %s", program, install)
	return ""
}

// eachShell runs a test with Debian's tools and with BusyBox's.
func eachShell(t *testing.T, test func(t *testing.T, l *lab)) {
	t.Helper()
	t.Run("debian", func(t *testing.T) { test(t, newLab(t)) })
	t.Run("busybox", func(t *testing.T) {
		l := newLab(t)
		l.useBusyBox()
		test(t, l)
	})
}

// lab is a folder for one container and the tools for its script.
type lab struct {
	t     *testing.T
	dir   string // QUARTZ_DIR
	bin   string // first on PATH
	shell []string
	path  string
	port  string
}

// newLab makes a lab with Debian's tools.
func newLab(t *testing.T) *lab {
	t.Helper()
	nginx := need(t, "nginx", "apt-get install nginx-light")
	curl := need(t, "curl", "apt-get install curl")
	root, err := os.MkdirTemp("", "quartz") // the script's user cannot read t.TempDir
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(root) })
	must(t, os.Chmod(root, 0o755))
	l := &lab{t: t, dir: filepath.Join(root, "dir"), bin: filepath.Join(root, "bin"), shell: []string{"sh"}, port: freePort(t)}
	must(t, os.Mkdir(l.dir, 0o755))
	must(t, os.Mkdir(l.bin, 0o755))
	must(t, os.Symlink(nginx, filepath.Join(l.bin, "nginx")))
	must(t, os.Symlink(curl, filepath.Join(l.bin, "curl")))
	l.path = l.bin + ":" + os.Getenv("PATH")
	for _, file := range []string{"start.sh", "nginx.conf"} { // that user may not be able to read the checkout either
		content, err := os.ReadFile(file)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(root, file), content, 0o755))
	}
	if os.Getuid() == 0 {
		must(t, os.Chown(l.dir, nobody, nobody))
	}
	return l
}

// useBusyBox leaves only BusyBox, nginx and curl on PATH.
func (l *lab) useBusyBox() {
	l.t.Helper()
	busybox := need(l.t, "busybox", "apt-get install busybox-static")
	applets, err := exec.Command(busybox, "--list").Output()
	must(l.t, err)
	for _, applet := range strings.Fields(string(applets)) {
		must(l.t, os.Symlink(busybox, filepath.Join(l.bin, applet)))
	}
	l.shell, l.path = []string{busybox, "sh"}, l.bin
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// freePort is a port without a listener, below the ports that the kernel assigns to connections and listeners of other tests.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		port := strconv.Itoa(10_000 + rand.IntN(20_000))
		if listener, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			must(t, listener.Close())
			return port
		}
	}
}

// nobody is the user of the script if the tests run as root: nginx must work without root's rights.
const nobody = 65534

// running is a start script, or the nginx that replaced it.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	output *os.File
	done   chan struct{} // closed when it has ended
}

// start runs the script with additional environment variables.
func (l *lab) start(env ...string) *running {
	l.t.Helper()
	root := filepath.Dir(l.dir)
	output, err := os.Create(filepath.Join(root, "output"))
	must(l.t, err)
	args := append(l.shell[1:len(l.shell):len(l.shell)], filepath.Join(root, "start.sh"))
	cmd := exec.Command(l.shell[0], args...)
	cmd.Env = append([]string{
		"PATH=" + l.path, "QUARTZ_DIR=" + l.dir, "QUARTZ_PORT=" + l.port, "QUARTZ_CONFIG=" + filepath.Join(root, "nginx.conf"), "QUARTZ_ATTEMPTS=4", "QUARTZ_PAUSE=0",
	}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		must(l.t, output.Chown(nobody, nobody)) // nginx opens /dev/stdout again
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = root, output, output
	must(l.t, cmd.Start())
	r := &running{t: l.t, cmd: cmd, output: output, done: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(r.done)
	}()
	l.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-r.done
		output.Close()
	})
	return r
}

// log is the output of the script and of nginx so far.
func (r *running) log() string {
	text, err := os.ReadFile(r.output.Name())
	must(r.t, err)
	return string(text)
}

// status waits for the end and returns the exit status.
func (r *running) status() int {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(time.Minute):
		r.t.Fatalf("still running after a minute:\n%s", r.log())
	}
	return r.cmd.ProcessState.ExitCode()
}

// serve starts the script and returns once the site is served.
func (l *lab) serve(env ...string) *running {
	l.t.Helper()
	r := l.start(env...)
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		// Wait for an answer, not only for a connection: nginx listens before it handles signals.
		if resp, err := client.Get("http://127.0.0.1:" + l.port + "/healthz"); err == nil {
			resp.Body.Close()
			return r
		}
		select {
		case <-tick.C:
		case <-r.done:
			l.t.Fatalf("the script ended with status %d:\n%s", r.cmd.ProcessState.ExitCode(), r.log())
		case <-ctx.Done():
			l.t.Fatalf("not served after a minute:\n%s", r.log())
		}
	}
}

// wantFailure runs the script to its end and checks that it fails with a message and leaves no site.
func (l *lab) wantFailure(says string, env ...string) {
	l.t.Helper()
	r := l.start(env...)
	if status := r.status(); status != 1 || !strings.Contains(r.log(), says) {
		l.t.Errorf("%v: status %d, output:\n%swant status 1 and %q", env, status, r.log(), says)
	}
	if _, err := os.Stat(filepath.Join(l.dir, "site")); err == nil {
		l.t.Errorf("%v: a failed start left a site behind", env)
	}
}

// entry is one entry of an archive. A name that ends with "/" is a folder.
type entry struct {
	name, content string
	kind          byte // tar's type; 0 is a file or folder
}

// pack makes a .tar.gz. All times are the same, as in reproducible archives.
func pack(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	w := tar.NewWriter(zip)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o600, Typeflag: e.kind, ModTime: time.Unix(1_700_000_000, 0)}
		switch {
		case e.kind != 0:
			h.Linkname = e.content
		case strings.HasSuffix(e.name, "/"):
			h.Typeflag, h.Mode = tar.TypeDir, 0o700
		default:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(e.content))
		}
		must(t, w.WriteHeader(h))
		if h.Typeflag == tar.TypeReg {
			_, err := w.Write([]byte(e.content))
			must(t, err)
		}
	}
	must(t, w.Close())
	must(t, zip.Close())
	return b.Bytes()
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// release serves a handler and returns DOCS_RELEASE_URL=… for it.
func release(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return fmt.Sprintf("DOCS_RELEASE_URL=%s/docs-v1.0.0.tar.gz", server.URL)
}

// content answers every request with b.
func content(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Write(b) }
}
