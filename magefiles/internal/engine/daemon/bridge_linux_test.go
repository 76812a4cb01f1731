package daemon

import (
	"net"
	"os/exec"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func TestTheBridgeOfAKilledDaemonIsRemoved(t *testing.T) {
	testenv.Superuser(t, "makes a network interface")
	ip := testenv.Program(t, "ip", "apt-get install iproute2")
	root := t.TempDir()
	removeBridge(root) // there is none
	if out, err := exec.Command(ip, "link", "add", bridgeName(root), "type", "bridge").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	removeBridge(root)
	if link, err := net.InterfaceByName(bridgeName(root)); err == nil {
		t.Errorf("%s is left", link.Name)
	}
}
