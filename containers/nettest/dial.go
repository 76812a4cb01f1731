package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxAddresses is the maximum number of addresses of a name that are tried.
const maxAddresses = 8

// resolve looks the host up. It returns an IP address unchanged.
func (p *Prober) resolve(ctx context.Context, t Target, r *Result) []netip.Addr {
	if ip, err := netip.ParseAddr(t.Host); err == nil {
		r.Addresses = []string{ip.String()}
		return []netip.Addr{ip}
	}
	start := time.Now()
	found, err := p.Resolver.LookupNetIP(ctx, "ip", t.Host)
	r.timed(HopDNS, start)
	if err != nil {
		r.fail(HopDNS, err, dnsHint(err))
		return nil
	}
	for i, ip := range found {
		found[i] = ip.Unmap()
		r.Addresses = append(r.Addresses, found[i].String())
	}
	return found[:min(len(found), maxAddresses)]
}

// dial connects to all addresses in parallel and returns the connection to the first of them that answered, in the resolver's order of
// preference. If an address does not answer although another one does, that is a warning: programs that try it first are slow or fail.
func dial(ctx context.Context, addresses []netip.Addr, port string, r *Result) net.Conn {
	conns := make([]net.Conn, len(addresses))
	errs := make([]error, len(addresses))
	took := make([]time.Time, len(addresses))
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, connectTime(ctx))
	defer cancel()
	var wg sync.WaitGroup
	for i, ip := range addresses {
		wg.Go(func() {
			conns[i], errs[i] = new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(ip.String(), port))
			took[i] = time.Now()
		})
	}
	wg.Wait()

	var chosen net.Conn
	for i, conn := range conns {
		switch {
		case conn == nil:
		case chosen == nil:
			chosen = conn
			r.Address = conn.RemoteAddr().String()
			r.Phases = append(r.Phases, Phase{HopConnect, float64(took[i].Sub(start).Microseconds()) / 1000})
		default:
			conn.Close()
		}
	}
	if chosen == nil {
		r.timed(HopConnect, start)
		r.fail(HopConnect, errors.Join(errs...), connectHint(errs[0], port))
		return nil
	}
	for i, err := range errs {
		if err != nil {
			r.warn(fmt.Sprintf("address %s does not answer: %v", addresses[i], reason(err)))
		}
	}
	return chosen
}

// connectTime leaves half of the remaining time to the hops after the connection.
func connectTime(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Minute
	}
	return time.Until(deadline) / 2
}

// reason is the innermost text of a dial error, without the address before it.
func reason(err error) error {
	if op := new(net.OpError); errors.As(err, &op) {
		return op.Err
	}
	return err
}

func dnsHint(err error) string {
	dns := new(net.DNSError)
	switch {
	case !errors.As(err, &dns):
		return ""
	case dns.IsNotFound:
		return "the nameserver answers, but has no such name: check the spelling, the zone, and whether this name is for another network (VPN, tailnet)"
	case dns.IsTimeout:
		return "the nameserver does not answer: check nameserver and search in /etc/resolv.conf, and whether UDP port 53 is open from here"
	default:
		return "the nameserver failed: check nameserver in /etc/resolv.conf; -nameserver=IP asks another one"
	}
}

func connectHint(err error, port string) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the host is there, but nothing listens on port " + port + ": check the port and whether the service runs"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route: check the network of this container, its default route, and IPv6 if the address is one"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "no answer at all: a firewall or network policy drops the packets, or the host is down"
	default:
		return ""
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout() || strings.Contains(err.Error(), "i/o timeout")
}
