package main

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// The pair of interfaces between the hub and usernet. usernet has the same constants (modules/usernet).
const (
	outsideName = "eth0"
	usernetMTU  = 65520
)

// outside are the addresses of the hub, and those of usernet: of ranges that no other network uses, see RFC 7335 and RFC 4193. A program prefers
// IPv4 to such an IPv6 address, as for a machine without global addresses.
var outside = []struct{ hub, usernet string }{
	{"192.0.0.2/29", "192.0.0.1"},
	{"fdb1:0e0b:5::2/64", "fdb1:0e0b:5::1"},
}

// startUsernet makes usernet the router of a network namespace. It returns when packets can be sent. The interfaces end with the program.
func startUsernet(program string, hub netns.NsHandle) (ended <-chan error, err error) {
	// The other end is alone in a namespace, so that the kernel answers none of its packets.
	far, err := newNamespace()
	if err != nil {
		return nil, err
	}
	defer far.Close()
	if err := within(hub, func() error { return addOutside(far) }); err != nil {
		return nil, err
	}
	var socket *os.File
	err = within(far, func() (err error) {
		socket, err = packetSocket("far")
		return err
	})
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	cmd := exec.Command(program)
	cmd.Env = []string{}
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr // the log of the daemon
	cmd.ExtraFiles = []*os.File{socket}
	alive, err := cmd.StdinPipe() // its end, with this process, ends the program
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	result := make(chan error, 1)
	go func() {
		defer alive.Close()
		result <- cmd.Wait()
	}()
	return result, nil
}

// addOutside makes the interfaces, and the route to all other networks.
func addOutside(far netns.NsHandle) error {
	if err := removeInterface(outsideName); err != nil { // of a usernet that has just ended
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = outsideName, usernetMTU
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: "far", PeerNamespace: netlink.NsFd(far), PeerMTU: usernetMTU}
	if err := netlink.LinkAdd(pair); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(pair); err != nil {
		return err
	}
	for _, o := range outside {
		at, gateway := netip.MustParsePrefix(o.hub), netip.MustParseAddr(o.usernet)
		if at.Addr().Is6() && !hasIPv6() {
			continue
		}
		own := &net.IPNet{IP: at.Addr().AsSlice(), Mask: net.CIDRMask(at.Bits(), at.Addr().BitLen())}
		// The address is used at once: no other machine can have it.
		if err := netlink.AddrAdd(pair, &netlink.Addr{IPNet: own, Flags: unix.IFA_F_NODAD}); err != nil {
			return err
		}
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: pair.Attrs().Index, Gw: gateway.AsSlice()}); err != nil {
			return err
		}
	}
	return nil
}

// hasIPv6 reports whether the kernel has IPv6, and uses it in new namespaces.
func hasIPv6() bool {
	disabled, err := os.ReadFile("/proc/sys/net/ipv6/conf/default/disable_ipv6")
	return err == nil && strings.TrimSpace(string(disabled)) == "0"
}

// packetSocket starts an interface, and returns a socket that has its frames.
func packetSocket(name string) (*os.File, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return nil, err
	}
	const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	err = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Attrs().Index})
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "packets"), nil
}
