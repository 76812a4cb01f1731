// Package registry inspects, assembles and pushes container images according to the OCI distribution and image specifications
// (https://github.com/opencontainers/distribution-spec, https://github.com/opencontainers/image-spec).
//
// The protocol itself is go-containerregistry's. This package adds the rest of publishing: it assembles images from an engine's
// exports, tells faults from denials, and makes errors that name the registry and say what to do.
package registry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Options say how registries are reached. The zero value uses HTTPS with the system's roots and takes credentials from the
// Docker config.
type Options struct {
	// Plain names the hosts (HOST or HOST:PORT) for which plain HTTP is allowed; it always is for loopback.
	Plain []string
	// CAFile is a PEM bundle of certificate authorities that are trusted in addition to the system's; "" for none.
	CAFile string
	// Credentials returns the account for a registry host; ok is false if it knows none. Then the Docker config and its
	// credential helpers are asked, and without an account there the registry is asked anonymously.
	Credentials func(ctx context.Context, host string) (user, password string, ok bool, err error)
	// Log receives one line for each retry; nil is silent.
	Log func(string)
	// Progress is called during a push with the progress so far; calls never overlap. nil is silent.
	Progress func(Progress)
	// Timeout bounds how long a registry may neither answer nor take data; 0 means 30 seconds.
	Timeout time.Duration
	// Retry bounds the attempts at a faulty registry; zero fields have defaults.
	Retry Retry
	// Jobs is the number of blobs that are sent in parallel; 0 means 4.
	Jobs int
	// Cache keeps what Look reads by digest, the manifests of an index and configs; nil keeps nothing. With it, Look does not notice that a
	// registry has lost what it names.
	Cache *Cache
}

// Client makes requests to registries. It is safe for concurrent use.
type Client struct {
	opts      Options
	transport func() (http.RoundTripper, error) // built on first use: reading the CA file may fail

	mu      sync.Mutex
	readers map[string]*reader // by repository
}

const (
	defaultTimeout = 30 * time.Second
	defaultJobs    = 4
	userAgent      = "blumeops"
)

// New makes a client. Nothing is read or contacted yet: an unusable CA file is an error of the first call that needs it.
func New(o Options) *Client {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Jobs <= 0 {
		o.Jobs = defaultJobs
	}
	return &Client{opts: o, readers: map[string]*reader{}, transport: sync.OnceValues(func() (http.RoundTripper, error) {
		own, err := newTransport(o)
		return o.guarded(own), err
	})}
}

func (o Options) guarded(own *http.Transport) http.RoundTripper {
	return remembering(
		&guard{plain: o.Plain, next: httpx.NoStall(own, o.Timeout)},
		func(host string) bool { return plainAllowed(host, o.Plain) },
	)
}

// tag turns a reference into go-containerregistry's, and allows plain HTTP for the hosts of plainAllowed. Invalid options are an
// error here, before any network error.
func (c *Client) tag(ref image.Reference) (name.Tag, error) {
	if _, err := c.transport(); err != nil {
		return name.Tag{}, err
	}
	tag, err := name.NewTag(ref.String(), c.nameOptions(ref)...)
	if err != nil {
		return name.Tag{}, fmt.Errorf("image reference %q: %w; expected REGISTRY/REPOSITORY:TAG", ref.String(), err)
	}
	return tag, nil
}

// remoteOptions are the options of every call to package remote. Its own retries are off: they neither end with the context nor
// obey Retry-After; Client.retry does both.
func (c *Client) remoteOptions(ctx context.Context, acc *account) ([]remote.Option, error) {
	rt, err := c.transport()
	if err != nil {
		return nil, err
	}
	return []remote.Option{
		remote.WithContext(ctx),
		remote.WithTransport(rt),
		remote.WithAuthFromKeychain(acc),
		remote.WithUserAgent(userAgent),
		remote.WithJobs(c.opts.Jobs),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
		remote.WithRetryPredicate(func(error) bool { return false }),
		remote.WithRetryStatusCodes(),
	}, nil
}

// plainAllowed reports whether host (HOST or HOST:PORT) may be reached without TLS.
func plainAllowed(host string, plain []string) bool {
	bare := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		bare = h
	}
	bare = strings.Trim(bare, "[]")
	if bare == "localhost" || strings.HasSuffix(bare, ".localhost") {
		return true
	}
	if ip := net.ParseIP(bare); ip != nil && ip.IsLoopback() {
		return true
	}
	return slices.Contains(plain, host) || slices.Contains(plain, bare)
}
