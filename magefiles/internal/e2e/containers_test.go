package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
)

// newCheckout is a world in which mage runs in this repository itself. What it writes goes elsewhere.
func newCheckout(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.repo = setup.root
	return w
}

// maxNettest is how large the image of nettest may be, as it travels.
const maxNettest = 8 << 20

// nettest is built and run, and is small.
func TestNettest(t *testing.T) {
	w := newCheckout(t)
	archive, root := filepath.Join(w.work, "nettest.tar"), filepath.Join(w.work, "rootfs")
	w.mage("container:build", "nettest", "-output="+archive)
	p, err := readLayout(archive)
	if err != nil {
		t.Fatal(err)
	}
	if size := p.images[0].size; size >= maxNettest || size == 0 {
		t.Errorf("the image has %d bytes, expected less than %d", size, maxNettest)
	}
	w.mage("container:build", "nettest", "-output=dir:"+root)
	s := w.newServer(lab.RegistryOptions{})
	run := func(args ...string) (string, int) {
		cmd := exec.Command(filepath.Join(root, "nettest"), args...)
		cmd.Env = nil // it brings all that it needs
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	out, status := run("-format=json", "registry://"+s.Addr)
	if status != 0 || !json.Valid([]byte(out)) {
		t.Errorf("at a registry: status %d, %s", status, out)
	}
	if out, status := run("registry://127.0.0.1:1"); status != 1 || !strings.Contains(out, "refused") {
		t.Errorf("where nothing listens: status %d, %s", status, out)
	}
}

func TestDevpi(t *testing.T) {
	registry, python := needBase(t, baseimage.Python())
	w := newCheckout(t)
	archive := filepath.Join(w.work, "devpi.tar")
	w.mage("container:build", "devpi", "-target=runtime", "-args=PYTHON_BASE="+registry+"/"+python, "-output="+archive)
	one := readOnlyImage(t, archive)
	config := one.config.Config
	if config.User != "1000:1000" || config.WorkingDir != "/devpi" || len(config.Entrypoint) != 1 || config.Entrypoint[0] != "/usr/local/bin/start.sh" {
		t.Errorf("configuration %+v", config)
	}
	files, err := one.files()
	if err != nil {
		t.Fatal(err)
	}
	if files["/usr/local/bin/start.sh"] == "" || files["/usr/local/bin/healthcheck.py"] == "" {
		t.Error("the start script or the health check is missing")
	}
	t.Log("not built: the stage that installs devpi itself, which takes it from a package index")
}

func TestQuartz(t *testing.T) {
	registry, nginx := needBase(t, baseimage.Nginx())
	w := newCheckout(t)
	archive := filepath.Join(w.work, "quartz.tar")
	w.mage("container:build", "quartz", "-args=NGINX_BASE="+registry+"/"+nginx, "-output="+archive)
	one := readOnlyImage(t, archive)
	config := one.config.Config
	if config.User != "101:101" || config.StopSignal != "SIGQUIT" || len(config.Entrypoint) != 1 {
		t.Errorf("configuration %+v", config)
	}
	files, err := one.files()
	if err != nil {
		t.Fatal(err)
	}
	if files["/usr/local/bin/start.sh"] == "" || files["/etc/quartz/nginx.conf"] == "" {
		t.Error("the start script or nginx's configuration is missing")
	}
	t.Log("built on a stand-in for docker.io/library/nginx, made from Debian's packages")
}

func readOnlyImage(t *testing.T, archive string) onePlatform {
	t.Helper()
	p, err := readLayout(archive)
	if err != nil || len(p.images) != 1 {
		t.Fatalf("%s: %v", archive, err)
	}
	return p.images[0]
}
