package lab

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"

	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"             // the access controller "htpasswd"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // the storage driver "filesystem"
)

// RegistryOptions chooses what kind of registry it is. The zero value is open to all, over plain HTTP, on a free port.
type RegistryOptions struct {
	Addr       string                          // to listen on; "" is a free port of 127.0.0.1
	Dir        string                          // where it stores; "" is a temporary folder that goes with the registry
	Users      map[string]string               // name to password; if any, everything needs one of them
	CreateOnly bool                            // tags can be made, but neither moved nor deleted nor even put again (Zot's policy for CI)
	TLS        bool                            // speak HTTPS with a certificate of its own authority (CA)
	Wrap       func(http.Handler) http.Handler // a test's own way to be slow, to fail, to lie; sees each request first
}

// Registry is the CNCF distribution registry in this process.
type Registry struct {
	Addr string // host:port
	CA   []byte // PEM of the authority to trust, with TLS

	options RegistryOptions
	server  *httptest.Server
	app     *handlers.App
	remove  string // a folder that goes with the registry

	mu  sync.Mutex
	log []Request
}

// quiet silences the registry, which logs to logrus's one global logger whatever it is told.
var quiet = sync.OnceFunc(func() { logrus.SetOutput(io.Discard) })

// StartRegistry starts a registry; the caller closes it.
func StartRegistry(o RegistryOptions) (*Registry, error) {
	quiet()
	r := &Registry{options: o}
	if r.options.Dir == "" {
		dir, err := os.MkdirTemp("", "blumeops-registry-")
		if err != nil {
			return nil, fmt.Errorf("start registry: %w", err)
		}
		r.options.Dir, r.remove = dir, dir
	}
	if err := r.start(); err != nil {
		r.Close()
		return nil, fmt.Errorf("start registry: %w", err)
	}
	return r, nil
}

func (r *Registry) start() error {
	config, err := r.configuration()
	if err != nil {
		return err
	}
	addr := r.options.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	r.Addr = listener.Addr().String()
	r.app = handlers.NewApp(context.Background(), config)
	handler := http.Handler(r.app)
	if r.options.CreateOnly {
		handler = createOnly(handler)
	}
	handler = r.logged(handler)
	if r.options.Wrap != nil {
		handler = r.options.Wrap(handler)
	}
	r.server = &httptest.Server{Listener: listener, Config: &http.Server{
		Handler: handler, ErrorLog: log.New(io.Discard, "", 0), // what clients do wrong, tests say themselves
	}}
	if r.options.TLS {
		r.server.StartTLS()
		r.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.server.Certificate().Raw})
	} else {
		r.server.Start()
	}
	return nil
}

func (r *Registry) configuration() (*configuration.Configuration, error) {
	c := &configuration.Configuration{
		Version: configuration.CurrentVersion,
		Storage: configuration.Storage{
			"filesystem": configuration.Parameters{"rootdirectory": r.options.Dir},
			"delete":     configuration.Parameters{"enabled": true},
			// An upload that a test broke off is gone with the folder; the purger would outlive the registry.
			"maintenance": configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}},
		},
	}
	c.Catalog.MaxEntries = 1000
	c.HTTP.Secret = "of a registry that lives as long as a test"
	if len(r.options.Users) == 0 {
		return c, nil
	}
	file, err := r.passwords()
	if err != nil {
		return nil, err
	}
	c.Auth = configuration.Auth{"htpasswd": configuration.Parameters{"realm": "lab", "path": file}}
	return c, nil
}

// passwords writes the users as Apache's htpasswd does.
func (r *Registry) passwords() (file string, err error) {
	var text []byte
	for name, password := range r.options.Users {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			return "", err
		}
		text = fmt.Appendf(text, "%s:%s\n", name, hash)
	}
	file = filepath.Join(r.options.Dir, "htpasswd")
	return file, os.WriteFile(file, text, 0o600)
}

// Close stops the registry, cutting what is still connected, and removes its temporary folder.
func (r *Registry) Close() error {
	var errs []error
	if r.server != nil {
		r.server.CloseClientConnections()
		r.server.Close()
	}
	if r.app != nil {
		errs = append(errs, r.app.Shutdown())
	}
	if r.remove != "" {
		errs = append(errs, os.RemoveAll(r.remove))
	}
	return errors.Join(errs...)
}

// URL is the registry's address with its scheme.
func (r *Registry) URL() string { return r.server.URL }

// Client trusts the registry's authority.
func (r *Registry) Client() *http.Client { return r.server.Client() }
