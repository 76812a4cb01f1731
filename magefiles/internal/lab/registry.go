package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

// RegistryOptions are the settings of a registry. The zero value is open to all, over plain HTTP, on a free port.
type RegistryOptions struct {
	Addr       string                          // address to listen on; "" is a free port of 127.0.0.1
	Users      map[string]string               // name to password; if there are any, every request needs one of them
	Protected  []string                        // repositories that only Seed writes; with Users, each user may
	CreateOnly bool                            // tags can be made, but neither moved nor deleted nor put again (Zot's policy for CI)
	TLS        bool                            // speak HTTPS with a certificate of its own authority (CA)
	Wrap       func(http.Handler) http.Handler // a test's own handler that is slow, fails or lies; it gets each request before the registry
}

// Registry is the CNCF distribution registry. It is behind a fault proxy, which logs requests, speaks TLS, and fails on request.
type Registry struct {
	Addr string // host:port
	CA   []byte // PEM of the authority to trust, with TLS

	options  RegistryOptions
	password string // of the owner
	dir      string // has all its data
	remove   string // the same, if it is removed with the registry
	proxy    *faultproxy.Proxy
	process  *process
}

var registryProgram = toolbuild.Program{
	Name: "registry", Title: "the registry (CNCF distribution)", Dir: "registry", Package: ".",
	Module: "github.com/distribution/distribution/v3", Seconds: 30,
}

// StartRegistry starts a registry; the caller closes it. A home with the same folder keeps its content.
func StartRegistry(ctx context.Context, h Home, o RegistryOptions) (_ *Registry, err error) {
	path, err := h.build(ctx, registryProgram)
	if err != nil {
		return nil, err
	}
	r := &Registry{options: o, password: rand.Text()}
	defer func() {
		if err != nil {
			err = fmt.Errorf("start the registry: %w", errors.Join(err, r.Close()))
		}
	}()
	var temporary bool
	if r.dir, temporary, err = h.folder("registry"); err != nil {
		return nil, err
	}
	if temporary {
		r.remove = r.dir
	}
	r.proxy, err = faultproxy.Start(faultproxy.Options{Addr: o.Addr, TLS: o.TLS, Wrap: r.wrap})
	if err != nil {
		return nil, err
	}
	r.Addr, r.CA = r.proxy.Addr(), r.proxy.CA()
	if err := r.start(ctx, path); err != nil {
		return nil, err
	}
	return r, nil
}

// wrap puts the access rules, and the test's own handler before them, in front of the registry.
func (r *Registry) wrap(registry http.Handler) http.Handler {
	if len(r.options.Users) == 0 && len(r.options.Protected) > 0 {
		registry = r.protect(registry)
	}
	if r.options.CreateOnly {
		registry = createOnly(registry)
	}
	if r.options.Wrap != nil {
		registry = r.options.Wrap(registry)
	}
	return registry
}

// portAttempts is how many free ports are tried: another process may find the same port at the same time.
const portAttempts = 5

func (r *Registry) start(ctx context.Context, path string) error {
	for attempt := 1; ; attempt++ {
		behind, err := addrOr("")
		if err != nil {
			return err
		}
		taken, err := r.startOn(ctx, path, behind)
		if !taken || attempt == portAttempts {
			return err
		}
	}
}

// startOn starts the registry on an address, behind the fault proxy. It reports whether it failed because another process has the address.
func (r *Registry) startOn(ctx context.Context, path, behind string) (taken bool, err error) {
	mark := rand.Text()
	config, err := r.configure(behind, mark)
	if err != nil {
		return false, err
	}
	r.process, err = startProcess(program{
		Name: "registry", Path: path, Args: []string{"serve", config}, Dir: r.dir, Log: r.Log(),
		Env: []string{"OTEL_TRACES_EXPORTER=none"}, // otherwise it looks for a collector of traces
	})
	if err != nil {
		return false, err
	}
	target := &url.URL{Scheme: "http", Host: behind}
	err = r.process.ready(ctx, func(ctx context.Context) error { return answersWith(ctx, target, mark) })
	if err != nil {
		taken = !r.process.running() && strings.Contains(r.process.lastOutput(), "address already in use")
		return taken, errors.Join(err, r.process.stop())
	}
	r.proxy.To(target)
	return false, nil
}

// answersWith checks that a registry answers, and that it has that mark: another one may have taken the port.
func answersWith(ctx context.Context, registry *url.URL, mark string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, registry.JoinPath("/v2/").String(), nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // without a proxy
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.Header.Get(markHeader) != mark {
		return fmt.Errorf("another server answers at %s", registry)
	}
	return nil
}

// Close ends the registry and open connections, and removes its temporary folder.
func (r *Registry) Close() error {
	var errs []error
	if r.proxy != nil {
		errs = append(errs, r.proxy.Close())
	}
	errs = append(errs, r.process.stop())
	if r.remove != "" {
		errs = append(errs, os.RemoveAll(r.remove))
	}
	return errors.Join(errs...)
}

// Name is "registry".
func (r *Registry) Name() string { return "registry" }

// URL is the registry's address with its scheme.
func (r *Registry) URL() string { return r.proxy.URL() }

// Log is the file that holds the registry's warnings and errors.
func (r *Registry) Log() string { return filepath.Join(r.dir, "registry.log") }

// Proxy is the registry's fault proxy.
func (r *Registry) Proxy() *faultproxy.Proxy { return r.proxy }

// Client trusts the registry's authority.
func (r *Registry) Client() *http.Client { return r.proxy.Client() }

// Requests returns the requests so far, in the order of arrival.
func (r *Registry) Requests() []faultproxy.Request { return r.proxy.Requests() }

// Forget empties the list of requests.
func (r *Registry) Forget() { r.proxy.Forget() }

// UploadedBytes is the number of received bytes of blobs (layers and configurations).
func (r *Registry) UploadedBytes() int64 {
	var n int64
	for _, q := range r.Requests() {
		if strings.Contains(q.Path, "/blobs/uploads/") {
			n += q.Received
		}
	}
	return n
}
