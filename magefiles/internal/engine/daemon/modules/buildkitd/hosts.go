package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/moby/buildkit/util/resolver"
	registry "github.com/moby/buildkit/util/resolver/config"
)

// registryHosts returns the hosts of each registry as BuildKit does, and trusts the authorities of cfg at all of them. A host on loopback without
// settings uses plain HTTP, with any authorities, unless it speaks TLS.
func registryHosts(cfg config) docker.RegistryHosts {
	if cfg.CAFile == "" {
		return resolver.NewRegistryConfig(cfg.Registries)
	}
	var mu sync.Mutex
	made := map[string][]docker.RegistryHost{} // cached, so that connections are kept
	return func(host string) ([]docker.RegistryHost, error) {
		mu.Lock()
		defer mu.Unlock()
		if hosts, ok := made[host]; ok {
			return slices.Clone(hosts), nil
		}
		hosts, err := cfg.reach(host)
		if err != nil {
			return nil, err
		}
		made[host] = hosts
		return slices.Clone(hosts), nil
	}
}

// reach returns the hosts of a registry: its mirrors, and itself.
func (c config) reach(host string) ([]docker.RegistryHost, error) {
	trusting := map[string]registry.RegistryConfig{}
	for name, r := range c.Registries {
		trusting[name] = c.trust(r)
		for _, mirror := range r.Mirrors {
			if at := mirrorHost(mirror); trusting[at].RootCAs == nil {
				trusting[at] = c.trust(c.Registries[at])
			}
		}
	}
	trusting[host] = c.trust(c.Registries[host])
	hosts, err := resolver.NewRegistryConfig(trusting)(host)
	if err != nil {
		return nil, err
	}
	for i, h := range hosts {
		local, _ := docker.MatchLocalhost(h.Host)
		if known := c.Registries[h.Host]; h.Scheme != "http" || !local || known.PlainHTTP != nil {
			continue
		}
		pool, err := c.pool()
		if err != nil {
			return nil, err
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
		hosts[i].Scheme, hosts[i].Client = "https", &http.Client{Transport: docker.NewHTTPFallback(transport)}
	}
	return hosts, nil
}

func (c config) trust(r registry.RegistryConfig) registry.RegistryConfig {
	r.RootCAs = append(slices.Clip(r.RootCAs), c.CAFile)
	return r
}

// pool are the system's authorities and those of the file.
func (c config) pool() (*x509.CertPool, error) {
	text, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("certificate authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	pool.AppendCertsFromPEM(text)
	return pool, nil
}

// trustDownloads makes BuildKit's HTTP source trust the authorities. It uses Go's transport, and has no setting of its own.
func (c config) trustDownloads() error {
	if c.CAFile == "" {
		return nil
	}
	pool, err := c.pool()
	if err != nil {
		return err
	}
	http.DefaultTransport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return nil
}

// mirrorHost is the host of a mirror, which may have a path.
func mirrorHost(mirror string) string {
	host, _, _ := strings.Cut(mirror, "/")
	return host
}
