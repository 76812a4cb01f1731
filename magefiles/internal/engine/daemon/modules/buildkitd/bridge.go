package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// bridge is the network of the services: a Linux bridge, to which each service is connected by a pair of virtual interfaces. It exists while a
// service runs. It is in the network of the steps that use services. The services have no route to other networks.
type bridge struct {
	root string // of the daemon: it is part of the interfaces' names
	hub  *hub

	mu     sync.Mutex
	link   netlink.Link // nil: there is no service
	subnet netip.Prefix
	used   map[int]bool // numbers of addresses in subnet
	last   int          // the number that was used last: addresses are not used again immediately
}

// bridgeNumber is the number of the bridge's own address; maxServices is the number of the last service's, since a bridge has at most 1023 ports.
const (
	bridgeNumber = 1
	maxServices  = 1000
)

// bridgeName is the name of the bridge of the daemon with this root folder. Package daemon removes the bridge of a daemon that was killed.
func bridgeName(root string) string { return "bo-" + interfaceKey(root) }

func interfaceKey(root string) string {
	sum := sha256.Sum256([]byte(root))
	return hex.EncodeToString(sum[:4])
}

// removeRemains removes the bridge that a killed daemon left.
func (b *bridge) removeRemains() {
	if link, err := netlink.LinkByName(bridgeName(b.root)); err == nil {
		_ = netlink.LinkDel(link)
	}
}

// join makes a network namespace that is connected to the bridge, with an address of its own.
func (b *bridge) join() (*namespace, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.up(); err != nil {
		return nil, fmt.Errorf("make the network of the services: %w%s", err, hint(err))
	}
	number, err := b.number()
	if err != nil {
		return nil, err
	}
	n, err := b.connect(number)
	if err != nil {
		b.release(number)
		return nil, fmt.Errorf("make a network namespace for a service: %w%s", err, hint(err))
	}
	return n, nil
}

// hint is the end of the message of an error of the kernel.
func hint(err error) string {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return " (services require the capability CAP_NET_ADMIN: run the engine as root of the machine or of a privileged container, or use Dagger)"
	case errors.Is(err, unix.ENOSPC):
		return " (services require network namespaces: sysctl user.max_net_namespaces=15000, or use Dagger)"
	case errors.Is(err, unix.EAFNOSUPPORT):
		return " (services of an engine without root require the kernel module af_packet: as root, modprobe af_packet, or use Dagger)"
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENODEV):
		return " (services require the kernel modules bridge and veth: as root, modprobe -a bridge veth, or use Dagger)"
	}
	return ""
}

// up makes the bridge if there is none.
func (b *bridge) up() error {
	if b.link != nil {
		return nil
	}
	subnet, err := freeSubnet()
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = bridgeName(b.root), hardware(bridgeName(b.root))
	link := &netlink.Bridge{LinkAttrs: attrs}
	if err := b.hub.do(func() error { return b.add(link, subnet) }); err != nil {
		return err
	}
	b.link, b.subnet, b.used = link, subnet, map[int]bool{}
	b.last = max(b.last, bridgeNumber)
	return nil
}

func (b *bridge) add(link netlink.Link, subnet netip.Prefix) error {
	b.removeRemains()
	if err := netlink.LinkAdd(link); err != nil {
		return err
	}
	err := netlink.AddrAdd(link, &netlink.Addr{IPNet: hostNetwork(subnet, bridgeNumber)})
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		return errors.Join(err, netlink.LinkDel(link))
	}
	return nil
}

// hardware is an address for an interface, derived from its name. Without one, a bridge has the lowest address of its ports, which changes with
// them; and udev may change it after the start.
func hardware(name string) net.HardwareAddr {
	sum := sha256.Sum256([]byte(name))
	return append(net.HardwareAddr{0x02}, sum[:5]...) // locally administered, one receiver
}

// number is a free number of an address.
func (b *bridge) number() (int, error) {
	for range maxServices {
		b.last++
		if b.last > maxServices {
			b.last = bridgeNumber + 1
		}
		if !b.used[b.last] {
			b.used[b.last] = true
			return b.last, nil
		}
	}
	return 0, fmt.Errorf("%d services run already", len(b.used))
}

// serves reports whether a service has the address.
func (b *bridge) serves(at netip.Addr) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for number := range b.used {
		if address(b.subnet, number) == at {
			return true
		}
	}
	return false
}

// connect makes the namespace and its interfaces.
func (b *bridge) connect(number int) (*namespace, error) {
	ns, err := newNamespace()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("bo%s%x", interfaceKey(b.root), number)
	at := hostNetwork(b.subnet, number)
	err = b.hub.do(func() error {
		_ = removeInterface(name) // of a container that a killed daemon left, and that is still ending
		return addInterfaces(ns, name, b.link.Attrs().Index)
	})
	if err == nil {
		err = within(ns, func() error { return configure(at) })
	}
	if err == nil {
		err = b.hub.do(func() error { return errors.Join(waitForward(name), waitForward(b.link.Attrs().Name)) })
	}
	leave := func() error { return b.hub.do(func() error { return removeInterface(name) }) }
	if err != nil {
		return nil, errors.Join(err, leave(), ns.Close())
	}
	return &namespace{handle: ns, address: netip.PrefixFrom(address(b.subnet, number), b.subnet.Bits()), leave: func() error {
		err := leave()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.release(number)
		return errors.Join(err, ns.Close())
	}}, nil
}

// release frees the number, and removes the bridge after the last service.
func (b *bridge) release(number int) {
	delete(b.used, number)
	if len(b.used) == 0 {
		_ = b.hub.do(func() error { return netlink.LinkDel(b.link) }) // the next service, or the next daemon, tries again
		b.link = nil
	}
}

// addInterfaces makes a pair of interfaces: one, named name, in the bridge, and eth0 in the namespace.
func addInterfaces(ns netns.NsHandle, name string, bridge int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MasterIndex, attrs.HardwareAddr = name, bridge, hardware(name)
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(ns)}
	if err := netlink.LinkAdd(pair); err != nil {
		return err
	}
	return netlink.LinkSetUp(pair)
}

// waitForward waits until an interface of the bridge, or the bridge with its first one, passes packets. The kernel enables them a moment after the
// other end is up. The first packet of a connection that comes before is lost, and sent again after one second.
func waitForward(name string) error {
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if link.Attrs().OperState == netlink.OperUp || time.Now().After(deadline) {
			return nil
		}
	}
}

// configure starts the interfaces of a service.
func configure(at *net.IPNet) error {
	if err := startLoopback(); err != nil {
		return err
	}
	link, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: at}); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

func removeInterface(name string) error {
	link, err := netlink.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return err
	}
	return netlink.LinkDel(link)
}
