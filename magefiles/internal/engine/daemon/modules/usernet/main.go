// Command usernet connects a network namespace with the network of the machine, without the rights of root. File 3 is a packet socket: its frames
// come from processes in the namespace. The program answers as the machine that has the requested address, and opens a connection of its own to
// that address, with TCP or UDP. It ends at the end of its stdin.
package main

import (
	"errors"
	"io"
	"log"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	socket = 3
	nic    = 1
	// mtu and the gateways are constants of the daemon too (modules/buildkitd/outside.go).
	mtu      = 65520
	gateway  = "192.0.0.1"
	gateway6 = "fdb1:0e0b:5::1"
	// dialTime is the time for a connection. The programs in the namespace have their own limits.
	dialTime = time.Minute
	// dials is the number of connections that are opened at the same time.
	dials = 512
	// udpIdle is the time after which the answers to a UDP port are no longer awaited.
	udpIdle = 90 * time.Second
	// window is the size of a TCP receive window.
	window = 1 << 20
)

var hardware = tcpip.LinkAddress("\x02\x00\x00\x00\x00\x01")

func main() {
	log.SetFlags(0)
	log.SetPrefix("usernet: ")
	err := serve(socket, func(err tcpip.Error) { log.Fatal(err) })
	if err != nil {
		log.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // it ends with the daemon
}

// serve answers the frames of a packet socket.
func serve(fd int, ended func(tcpip.Error)) error {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{arp.NewProtocol, ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
	})
	link, err := fdbased.New(&fdbased.Options{
		FDs: []int{fd}, MTU: mtu, EthernetHeader: true, Address: hardware, ClosedFunc: ended,
		RXChecksumOffload: true, // the kernel does not compute the checksums of frames that stay in the machine
	})
	if err != nil {
		return err
	}
	if err := connect(s, link); err != nil {
		return errors.New(err.String())
	}
	s.SetTransportProtocolHandler(tcp.ProtocolNumber, tcp.NewForwarder(s, window, dials, forwardTCP).HandlePacket)
	s.SetTransportProtocolHandler(udp.ProtocolNumber, udp.NewForwarder(s, forwardUDP).HandlePacket)
	return nil
}

// connect makes the stack answer for all addresses.
func connect(s *stack.Stack, link stack.LinkEndpoint) tcpip.Error {
	if err := s.CreateNIC(nic, link); err != nil {
		return err
	}
	for protocol, at := range map[tcpip.NetworkProtocolNumber]string{ipv4.ProtocolNumber: gateway, ipv6.ProtocolNumber: gateway6} {
		own := tcpip.AddrFromSlice(netip.MustParseAddr(at).AsSlice()).WithPrefix()
		if err := s.AddProtocolAddress(nic, tcpip.ProtocolAddress{Protocol: protocol, AddressWithPrefix: own}, stack.AddressProperties{}); err != nil {
			return err
		}
	}
	if err := s.SetPromiscuousMode(nic, true); err != nil {
		return err
	}
	if err := s.SetSpoofing(nic, true); err != nil {
		return err
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}, {Destination: header.IPv6EmptySubnet, NIC: nic}})
	sack := tcpip.TCPSACKEnabled(true)
	return s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack)
}

// target is the address that a process in the namespace connects to.
func target(id stack.TransportEndpointID) string {
	return net.JoinHostPort(id.LocalAddress.String(), strconv.Itoa(int(id.LocalPort)))
}

// forwardTCP accepts a connection after its target has accepted one; otherwise it is refused.
func forwardTCP(r *tcp.ForwarderRequest) {
	out, err := net.DialTimeout("tcp", target(r.ID()), dialTime)
	if err != nil {
		r.Complete(true)
		return
	}
	var queue waiter.Queue
	endpoint, failed := r.CreateEndpoint(&queue)
	r.Complete(false)
	if failed != nil {
		out.Close()
		return
	}
	in := gonet.NewTCPConn(&queue, endpoint)
	var both sync.WaitGroup
	both.Go(func() { pipe(in, out) })
	both.Go(func() { pipe(out, in) })
	both.Wait()
	in.Close()
	out.Close()
}

// pipe copies until the end of a stream, and passes the end on.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from) // an error ends the stream as well
	_ = to.(interface{ CloseWrite() error }).CloseWrite()
}

// forwardUDP gives each port of a process a socket for each address that it sends to.
func forwardUDP(r *udp.ForwarderRequest) {
	var queue waiter.Queue
	endpoint, failed := r.CreateEndpoint(&queue)
	if failed != nil {
		return
	}
	in := gonet.NewUDPConn(&queue, endpoint)
	out, err := net.Dial("udp", target(r.ID()))
	if err != nil {
		in.Close()
		return
	}
	var used atomic.Int64
	go datagrams(in, out, &used)
	go datagrams(out, in, &used)
}

// datagrams copies until the connection was not used for a while, in either direction. It closes both ends.
func datagrams(to, from net.Conn, used *atomic.Int64) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 1<<16)
	for {
		now := time.Now()
		_ = from.SetReadDeadline(now.Add(udpIdle)) // if it is closed, the read fails too
		n, err := from.Read(buf)
		switch {
		case err == nil:
			used.Store(time.Now().UnixNano())
			_, _ = to.Write(buf[:n]) // a datagram may be lost
		case errors.Is(err, syscall.ECONNREFUSED): // of an earlier datagram
		case isTimeout(err):
			if used.Load() < now.UnixNano() {
				return
			}
		default:
			return
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
