package build

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
)

// newCheckout is a workspace in which mage runs in this repository itself. What it writes goes elsewhere.
func newCheckout(t *testing.T) *workspace {
	t.Helper()
	w := newWorkspace(t)
	w.Repo = e2etest.Root()
	return w
}

// maxNettest is how large the image of nettest may be, as it travels.
const maxNettest = 8 << 20

// nettest is built and run, and is small.
func TestNettest(t *testing.T) {
	w := newCheckout(t)
	archive, root := filepath.Join(w.Dir, "nettest.tar"), filepath.Join(w.Dir, "rootfs")
	w.Mage("container:build", "nettest", "-output="+archive)
	p, err := e2etest.ReadLayout(archive)
	if err != nil {
		t.Fatal(err)
	}
	if size := p.Images[0].Size; size >= maxNettest || size == 0 {
		t.Errorf("the image has %d bytes, expected less than %d", size, maxNettest)
	}
	w.Mage("container:build", "nettest", "-output=dir:"+root)
	s := w.NewRegistry(lab.RegistryOptions{})
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
	registry, python := e2etest.NeedBase(t, testimage.Python())
	w := newCheckout(t)
	archive := filepath.Join(w.Dir, "devpi.tar")
	w.Mage("container:build", "devpi", "-target=runtime", "-args=PYTHON_BASE="+registry+"/"+python, "-output="+archive)
	one := e2etest.ReadOneImage(t, archive)
	config := one.Config.Config
	if config.User != "1000:1000" || config.WorkingDir != "/devpi" || len(config.Entrypoint) != 1 || config.Entrypoint[0] != "/usr/local/bin/start.sh" {
		t.Errorf("configuration %+v", config)
	}
	files, err := one.Files()
	if err != nil {
		t.Fatal(err)
	}
	if files["/usr/local/bin/start.sh"] == "" || files["/usr/local/bin/healthcheck.py"] == "" {
		t.Error("the start script or the health check is missing")
	}
	t.Log("not built: the stage that installs devpi itself, which takes it from a package index")
}

func TestQuartz(t *testing.T) {
	registry, nginx := e2etest.NeedBase(t, testimage.Nginx())
	w := newCheckout(t)
	archive := filepath.Join(w.Dir, "quartz.tar")
	w.Mage("container:build", "quartz", "-args=NGINX_BASE="+registry+"/"+nginx, "-output="+archive)
	one := e2etest.ReadOneImage(t, archive)
	config := one.Config.Config
	if config.User != "101:101" || config.StopSignal != "SIGQUIT" || len(config.Entrypoint) != 1 {
		t.Errorf("configuration %+v", config)
	}
	files, err := one.Files()
	if err != nil {
		t.Fatal(err)
	}
	if files["/usr/local/bin/start.sh"] == "" || files["/etc/quartz/nginx.conf"] == "" {
		t.Error("the start script or nginx's configuration is missing")
	}
	t.Log("built on a stand-in for docker.io/library/nginx, made from Debian's packages")
}
