package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// loopback makes the TCP servers of the machine's loopback addresses reachable in the hub, at the same addresses, as for steps with the network of
// the machine.
type loopback struct {
	mu        sync.Mutex
	listeners map[netip.AddrPort]net.Listener
}

// update adds servers that have started since the last update, and removes those that have ended.
func (l *loopback) update(h *hub) error {
	servers, err := loopbackServers("/proc/self/net") // of the main thread, which is in the network of the machine
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for at, listener := range l.listeners {
		if !slices.Contains(servers, at) {
			_ = listener.Close() // the address is free, with or without an error
			delete(l.listeners, at)
		}
	}
	if l.listeners == nil {
		l.listeners = map[netip.AddrPort]net.Listener{}
	}
	return h.do(func() error {
		for _, at := range servers {
			if l.listeners[at] != nil {
				continue
			}
			listener, err := net.Listen("tcp", at.String())
			if err != nil {
				continue // a step that runs has the address, or the network has no IPv6
			}
			l.listeners[at] = listener
			go serveLoopback(listener, at)
		}
		return nil
	})
}

// serveLoopback forwards connections to the server of the machine until the listener is closed.
func serveLoopback(l net.Listener, at netip.AddrPort) {
	for {
		conn, err := accept(l)
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			server, err := net.Dial("tcp", at.String())
			if err != nil {
				_ = conn.(*net.TCPConn).SetLinger(0) // the client gets an error, and not an empty answer
				return
			}
			defer server.Close()
			var both sync.WaitGroup
			both.Go(func() { pipe(conn, server) })
			both.Go(func() { pipe(server, conn) })
			both.Wait()
		}()
	}
}

// pipe copies until the end of a stream, and passes the end on.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from) // an error ends the stream as well
	_ = to.(*net.TCPConn).CloseWrite()
}

// loopbackServers are the loopback addresses at which a program accepts TCP connections, see proc_pid_net(5).
func loopbackServers(dir string) (all []netip.AddrPort, err error) {
	for _, name := range []string{"tcp", "tcp6"} {
		f, err := os.Open(dir + "/" + name)
		if errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6
			continue
		}
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			for _, at := range loopbackServer(lines.Text()) {
				if !slices.Contains(all, at) {
					all = append(all, at)
				}
			}
		}
		if err := errors.Join(lines.Err(), f.Close()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// loopbackServer reads a line: a number, the local address, the remote address, the state. It returns the loopback addresses of a server.
func loopbackServer(line string) (all []netip.AddrPort) {
	const listening = "0A"
	fields := strings.Fields(line)
	if len(fields) < 4 || fields[3] != listening {
		return nil
	}
	host, port, _ := strings.Cut(fields[1], ":")
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return nil
	}
	raw, err := hex.DecodeString(host)
	if err != nil || len(raw)%4 != 0 {
		return nil
	}
	for i := 0; i < len(raw); i += 4 { // each word has the byte order of the machine
		binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
	}
	address, _ := netip.AddrFromSlice(raw)
	own := []netip.Addr{address.Unmap()}
	switch address {
	case netip.IPv4Unspecified():
		own = []netip.Addr{localhost}
	case netip.IPv6Unspecified(): // mostly for both
		own = []netip.Addr{localhost, netip.IPv6Loopback()}
	}
	for _, at := range own {
		if at.IsLoopback() {
			all = append(all, netip.AddrPortFrom(at, uint16(number)))
		}
	}
	return all
}

var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})
