package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Clients reach the network of the services through a Unix socket: a client sends a line, such as "dial 10.213.0.2:80" or "listen 127.70.1.1:80".
// The daemon answers with "ok" and the TCP socket, or with an error. It is one request per connection. A socket keeps the network in which it was
// made, and it ends with the client.

// networkSocket is the path of the Unix socket.
func networkSocket(cfg config) string {
	return filepath.Join(filepath.Dir(cfg.Socket), "network.sock")
}

// requestTime limits a request.
const requestTime = 10 * time.Second

// accept waits for a connection. Its error is the end of the listener: if the process has too many open files, for example, it waits and tries again.
func accept(l net.Listener) (net.Conn, error) {
	for {
		conn, err := l.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return conn, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// serveSockets answers clients until the listener is closed.
func (b *bridge) serveSockets(l net.Listener) {
	for {
		conn, err := accept(l)
		if err != nil {
			return
		}
		go b.answer(conn.(*net.UnixConn))
	}
}

func (b *bridge) answer(client *net.UnixConn) {
	defer client.Close()
	_ = client.SetDeadline(time.Now().Add(requestTime)) // fails only after the end
	line, err := bufio.NewReader(client).ReadString('\n')
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	socket, err := b.socket(ctx, strings.TrimSpace(line))
	if err != nil {
		fmt.Fprintln(client, err)
		return
	}
	defer socket.Close()
	raw, err := socket.SyscallConn()
	if err != nil {
		fmt.Fprintln(client, err)
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_, _, _ = client.WriteMsgUnix([]byte("ok\n"), unix.UnixRights(int(fd)), nil) // without an answer the client reports the end
	})
}

// socketCloser is a connection or a listener.
type socketCloser interface {
	syscall.Conn
	io.Closer
}

// socket makes the socket of a request. A connection leads to a service of this daemon, or to a loopback address: the address of a service that has
// ended may be that of another machine, or of a service of another daemon. The check follows the connection, because no other daemon uses a subnet
// while this one does.
func (b *bridge) socket(ctx context.Context, request string) (made socketCloser, err error) {
	verb, address, _ := strings.Cut(request, " ")
	make := map[string]func() error{
		"dial": func() error {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
			if err == nil {
				made = conn.(*net.TCPConn)
			}
			return err
		},
		"listen": func() error {
			l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
			if err == nil {
				made = l.(*net.TCPListener)
			}
			return err
		},
	}[verb]
	if make == nil {
		return nil, fmt.Errorf("invalid request %q", request)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil { // the name of a host would be resolved by another thread
		return nil, err
	}
	if err := b.hub.do(make); err != nil {
		return nil, err
	}
	if !at.Addr().IsLoopback() && !b.serves(at.Addr()) {
		return nil, errors.Join(fmt.Errorf("no service has the address %s", at.Addr()), made.Close())
	}
	return made, nil
}
