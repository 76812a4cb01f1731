package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// hub is the network of the bridge, and of the steps that use services. A daemon of root uses the network of the machine. Another daemon cannot
// change that network: it has one of its own, which the program usernet connects with the machine's.
type hub struct {
	usernet string // path of the program; "": the network of the machine

	mu      sync.Mutex
	handle  netns.NsHandle // of its own network; 0: not made yet
	outside bool           // usernet runs

	loopback loopback
}

// do runs f on a thread of this network. f must not start other goroutines that need the network.
func (h *hub) do(f func() error) error {
	if h.usernet == "" {
		return f()
	}
	if err := h.open(); err != nil {
		return err
	}
	return within(h.handle, f)
}

// within runs f on a thread of a network namespace. The thread ends with the goroutine, because it stays locked: without root, a thread cannot
// return to the network of the machine.
func within(handle netns.NsHandle, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := netns.Set(handle); err != nil {
			done <- fmt.Errorf("enter a network namespace: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}

// open makes the network if there is none, and starts usernet if it does not run.
func (h *hub) open() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.handle == 0 {
		made, err := newNamespace()
		if err != nil {
			return fmt.Errorf("make a network namespace: %w%s", err, hint(err))
		}
		if err := within(made, startLoopback); err != nil {
			made.Close()
			return fmt.Errorf("start a loopback interface: %w", err)
		}
		h.handle = made
	}
	if h.outside {
		return nil
	}
	ended, err := startUsernet(h.usernet, h.handle)
	if err != nil {
		return fmt.Errorf("connect the network of the services with that of the machine: %w%s", err, hint(err))
	}
	h.outside = true
	go func() {
		log.Printf("usernet ended: %v", <-ended)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.outside = false
	}()
	return nil
}

func startLoopback() error {
	link, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// forStep adds the network to the context of a step that uses services.
func (h *hub) forStep(ctx context.Context) (context.Context, error) {
	if h.usernet == "" {
		return ctx, nil
	}
	if err := h.loopback.update(h); err != nil {
		return nil, err
	}
	return context.WithValue(ctx, namespaceKey{}, &namespace{handle: h.handle, leave: func() error { return nil }}), nil
}

// path names an open namespace for the OCI runtime.
func path(handle netns.NsHandle) string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), handle) }
