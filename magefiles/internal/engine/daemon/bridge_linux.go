package daemon

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net"

	"golang.org/x/sys/unix"
)

// bridgeName is the name of the network interface of the services of a daemon, as its own bridgeName has it (modules/buildkitd/bridge.go).
func bridgeName(root string) string {
	sum := sha256.Sum256([]byte(root))
	return "bo-" + hex.EncodeToString(sum[:4])
}

// removeBridge removes the bridge that a killed daemon left. It stays if that fails, until the next start. The other interfaces of services end
// with their containers.
func removeBridge(root string) {
	link, err := net.InterfaceByName(bridgeName(root))
	if err != nil {
		return // there is none
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	// A struct nlmsghdr, and a struct ifinfomsg with the interface's index, see rtnetlink(7).
	request := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(request, uint32(len(request)))
	binary.NativeEndian.PutUint16(request[4:], unix.RTM_DELLINK)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(request[unix.SizeofNlMsghdr+4:], uint32(link.Index))
	_ = unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}
