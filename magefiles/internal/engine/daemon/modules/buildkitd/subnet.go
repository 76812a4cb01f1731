package main

import (
	"errors"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// subnetBits is the size of the services' subnet: 1022 addresses.
const subnetBits = 22

// candidates are private ranges that are seldom used, the preferred one first.
func candidates() (all []netip.Prefix) {
	for i := range 32 {
		all = append(all, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(213 + i), 0, 0}), subnetBits))
	}
	for i := range 12 {
		all = append(all, netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(31 - i), 212, 0}), subnetBits))
	}
	for i := range 16 {
		all = append(all, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(252 - 4*i), 0}), subnetBits))
	}
	return all
}

// freeSubnet is the first candidate that overlaps no route and no address of the host, in any routing table.
func freeSubnet() (netip.Prefix, error) {
	taken, err := takenRanges()
	if err != nil {
		return netip.Prefix{}, err
	}
	return firstFree(candidates(), taken)
}

func firstFree(candidates, taken []netip.Prefix) (netip.Prefix, error) {
	for _, c := range candidates {
		free := true
		for _, t := range taken {
			free = free && !c.Overlaps(t)
		}
		if free {
			return c, nil
		}
	}
	return netip.Prefix{}, errors.New("every private address range that services could use is part of a route of this machine (ip route show table all)")
}

func takenRanges() ([]netip.Prefix, error) {
	routes, err := netlink.RouteListFiltered(unix.AF_INET, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, err
	}
	addresses, err := netlink.AddrList(nil, unix.AF_INET)
	if err != nil {
		return nil, err
	}
	var taken []netip.Prefix
	for _, r := range routes {
		if p, ok := prefix(r.Dst); ok && p.Bits() > 0 { // every range overlaps the default route
			taken = append(taken, p)
		}
	}
	for _, a := range addresses {
		if p, ok := prefix(a.IPNet); ok {
			taken = append(taken, p)
		}
	}
	return taken, nil
}

func prefix(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	ones, bits := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), ones), ok && bits == 32
}

// address is an address of the subnet by its number.
func address(subnet netip.Prefix, number int) netip.Addr {
	a := subnet.Masked().Addr().As4()
	a[2] += byte(number >> 8)
	a[3] += byte(number)
	return netip.AddrFrom4(a)
}

// hostNetwork is that address with the subnet's mask.
func hostNetwork(subnet netip.Prefix, number int) *net.IPNet {
	return &net.IPNet{IP: address(subnet, number).AsSlice(), Mask: net.CIDRMask(subnet.Bits(), 32)}
}
