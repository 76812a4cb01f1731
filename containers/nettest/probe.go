package main

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Prober probes targets. It keeps no connection and is safe for concurrent use.
type Prober struct {
	Timeout       time.Duration   // total, for one target
	Roots         *x509.CertPool  // the CAs to trust
	Plain         map[string]bool // registries (host or host:port) to ask over plain HTTP, in addition to loopback
	Resolver      *net.Resolver
	ExpiryWarning time.Duration // warn about certificates that expire within this time
}

// maxParallel is the maximum number of parallel probes, so that a long list does not use up the file descriptors.
const maxParallel = 32

// ProbeAll probes the targets in parallel and returns the results in the order of the targets.
func (p *Prober) ProbeAll(ctx context.Context, targets []Target) []Result {
	results := make([]Result, len(targets))
	slots := make(chan struct{}, maxParallel)
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i] = p.Probe(ctx, t)
		})
	}
	wg.Wait()
	return results
}

// Probe tries the hops to a target in order and stops at the first that fails.
func (p *Prober) Probe(ctx context.Context, t Target) Result {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	r := Result{Target: t.String(), Kind: t.Kind, OK: true, Phases: []Phase{}}
	p.walk(ctx, t, &r)
	return r
}

func (p *Prober) walk(ctx context.Context, t Target, r *Result) {
	addresses := p.resolve(ctx, t, r)
	if !r.OK || t.Kind == KindDNS {
		return
	}
	plain := p.isPlain(t)
	tcp := dial(ctx, addresses, portOf(t, plain), r)
	if tcp == nil {
		return
	}
	defer tcp.Close()
	// When the time is up, or a signal ends the context, a blocked read ends too.
	defer context.AfterFunc(ctx, func() { tcp.SetDeadline(time.Unix(1, 0)) })()
	if t.Kind == KindTCP {
		return
	}
	conn := tcp
	if !plain {
		if conn = p.handshake(ctx, tcp, t, r); !r.OK || t.Kind == KindTLS {
			return
		}
	}
	get(ctx, conn, t, plain, r)
}

// isPlain says whether a target is asked without TLS.
func (p *Prober) isPlain(t Target) bool {
	switch t.Kind {
	case KindHTTP:
		return true
	case KindRegistry:
		return isLoopback(t.Host) || p.Plain[t.Host] || p.Plain[strings.TrimPrefix(t.String(), "registry://")]
	default:
		return false
	}
}

// isLoopback says whether a host is this machine by its name or address alone, without a look-up.
func isLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	host = strings.TrimSuffix(host, ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// portOf returns the port of a target, or the default port of its protocol.
func portOf(t Target, plain bool) string {
	switch {
	case t.Port != "":
		return t.Port
	case plain:
		return "80"
	default:
		return "443"
	}
}
