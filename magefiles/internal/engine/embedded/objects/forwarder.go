package objects

import (
	"context"
	"io"
	"net"
	"sync"
	"syscall"
)

// forwarder forwards connections from its listeners.
type forwarder struct {
	mu        sync.Mutex
	closed    bool
	listeners []net.Listener
	conns     map[net.Conn]bool
}

// dialer connects to the target of a forwarding.
type dialer func() (net.Conn, error)

// forward forwards the connections of a listener, which it closes at the end.
func (f *forwarder) forward(l net.Listener, to dialer) {
	f.mu.Lock()
	f.listeners = append(f.listeners, l)
	f.mu.Unlock()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go f.connect(conn, to)
		}
	}()
}

func (f *forwarder) connect(conn net.Conn, to dialer) {
	defer conn.Close()
	other, err := to()
	if err != nil {
		return
	}
	defer other.Close()
	if !f.track(conn, other) {
		return
	}
	defer f.forget(conn, other)
	var both sync.WaitGroup
	both.Go(func() { pipe(conn, other) })
	both.Go(func() { pipe(other, conn) })
	both.Wait()
}

// pipe copies until the end of a stream, and passes the end on.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from) // an error ends the stream as well
	_ = to.(*net.TCPConn).CloseWrite()
}

func (f *forwarder) track(conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	if f.conns == nil {
		f.conns = map[net.Conn]bool{}
	}
	for _, c := range conns {
		f.conns[c] = true
	}
	return true
}

func (f *forwarder) forget(conns ...net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		delete(f.conns, c)
	}
}

func (f *forwarder) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, l := range f.listeners {
		_ = l.Close()
	}
	for c := range f.conns {
		_ = c.Close()
	}
}

// stopper ends the forwarder as a service.
func (f *forwarder) stopper(r *runningService) func(context.Context, syscall.Signal) error {
	return func(context.Context, syscall.Signal) error {
		f.close()
		r.end(nil)
		return nil
	}
}
