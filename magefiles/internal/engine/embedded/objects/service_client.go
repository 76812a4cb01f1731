package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/opencontainers/go-digest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// serverOf is the service that answers at the host of an address: the argument experimentalServiceHost, which is started, or a running service of
// the session with that hostname. It is nil for a server outside of the session.
func (e *Env) serverOf(ctx context.Context, a gql.Args, host string) (*runningService, error) {
	s, given, err := gql.Object[*Service](a, "experimentalServiceHost")
	if err != nil {
		return nil, err
	}
	if given {
		r, err := e.Services.start(ctx, s)
		if err != nil {
			return nil, serviceBinding{service: s}.startError(ctx, err)
		}
		if r.host == host {
			return r, nil
		}
	}
	return e.Services.named(host), nil
}

// named is the running service with that hostname; nil if there is none.
func (all *Services) named(host string) *runningService {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, r := range all.byID {
		if r.host != host || r.hasEnded() {
			continue
		}
		select {
		case <-r.started:
			if r.err == nil {
				return r
			}
		default:
		}
	}
	return nil
}

// local is an address of this machine that leads to a port of a service until the session ends.
func (all *Services) local(r *runningService, port int) (string, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.closed {
		return "", errServicesClosed
	}
	to := net.JoinHostPort(r.address, strconv.Itoa(port))
	if at := all.locals[to]; at != "" {
		return at, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	all.relay.forward(l, func() (net.Conn, error) { return r.dial(all.starts, port) })
	if all.locals == nil {
		all.locals = map[string]string{}
	}
	all.locals[to] = l.Addr().String()
	return all.locals[to], nil
}

// stall is how long the server of a download may send nothing.
const stall = time.Minute

// client is an HTTP client for which the hostnames of the session's services are names of hosts. The name of server is that of server, even if
// another service has it too.
func (e *Env) client(server *runningService) (*http.Client, error) {
	named := func(host string) *runningService {
		if host == server.host {
			return server
		}
		return e.Services.named(host)
	}
	transport, err := trust.Transport(e.Authorities)
	if err != nil {
		return nil, err
	}
	elsewhere, proxy := transport.DialContext, transport.Proxy
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if r := named(host); r != nil {
			n, err := strconv.Atoi(port)
			if err != nil {
				return nil, err
			}
			return r.dial(ctx, n)
		}
		return elsewhere(ctx, network, address)
	}
	transport.Proxy = func(r *http.Request) (*url.URL, error) {
		if named(r.URL.Hostname()) != nil || proxy == nil {
			return nil, nil
		}
		return proxy(r)
	}
	return &http.Client{Transport: httpx.NoStall(transport, stall), CheckRedirect: httpx.CheckRedirect}, nil
}

// fetchFromService downloads a file from a service of the session, in this process: BuildKit does not know the names of services, and would keep
// a file by an address that another service has later.
func (e *Env) fetchFromService(ctx context.Context, server *runningService, address, name string, mode os.FileMode, header, checksum string) (_ *File, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	if header != "" {
		req.Header.Set("Authorization", header)
	}
	client, err := e.client(server)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("invalid response status %s", resp.Status)
	}
	dir, err := os.MkdirTemp(e.TempDir, "download-") // it goes with the session
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, name)
	sum, err := save(resp.Body, file, mode)
	if err != nil {
		return nil, err
	}
	if checksum != "" && checksum != sum.String() {
		return nil, fmt.Errorf("http checksum mismatch: expected %s, got %s", checksum, sum)
	}
	changed, err := http.ParseTime(resp.Header.Get("Last-Modified"))
	if err != nil {
		changed = time.Unix(0, 0) // as in Dagger
	}
	if err := os.Chtimes(file, changed, changed); err != nil {
		return nil, err
	}
	st, err := e.Solver.Local(ctx, dir, solver.Selection{}, llb.WithCustomName("download "+req.URL.Redacted()))
	return &File{env: e, st: st, hosted: true, path: "/" + name}, err
}

// save writes what r has to a new file, and returns its checksum.
func save(r io.Reader, file string, mode os.FileMode) (_ digest.Digest, err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := digest.Canonical.Digester()
	if _, err := io.Copy(io.MultiWriter(f, sum.Hash()), r); err != nil {
		return "", err
	}
	return sum.Digest(), f.Chmod(mode) // whatever the umask is
}
