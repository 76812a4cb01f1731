package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
)

// answerTime is how long a daemon may take to report its worker.
const answerTime = 10 * time.Second

// named is a daemon that somebody else runs.
type named struct {
	address string
	builder bool // one of several builders; otherwise the daemon that $BUILDKIT_HOST names
}

// named returns the daemon that the options name; ok is false if they name none.
func (o Options) named() (n named, ok bool) {
	if o.Builder != "" {
		return named{o.Builder, true}, true
	}
	host := o.Getenv("BUILDKIT_HOST")
	return named{address: host}, host != ""
}

// dialNamed checks a named daemon.
func dialNamed(ctx context.Context, n named, getenv func(string) string) (*Daemon, error) {
	d := &Daemon{Address: n.address, Runtime: "remote", External: true}
	if err := checkAddress(n.address); err != nil && !n.builder { // those of builders are checked with the settings
		return nil, err
	}
	if strings.HasPrefix(n.address, "tcp://") {
		opts, err := n.tlsOptions(getenv)
		if err != nil {
			return nil, err
		}
		d.dialOpts = opts
	}
	info, err := d.worker(ctx, answerTime)
	switch {
	case err != nil && n.builder:
		return nil, noBuilder(ctx, err, len(d.dialOpts) > 0)
	case err != nil:
		return nil, fmt.Errorf("BUILDKIT_HOST=%s does not answer as a BuildKit daemon: %w (start one there, or unset BUILDKIT_HOST to use the embedded engine's daemon)", n.address, err)
	case n.builder && info.BuildkitVersion.Package == daggerPackage:
		return nil, &builderError{"is an engine of Dagger", "write its address as dagger+" + n.address, nil}
	}
	d.Version, d.platforms = info.BuildkitVersion.Version, info.Platforms
	return d, nil
}

func checkAddress(host string) error {
	u, err := url.Parse(host)
	switch {
	case strings.Contains(host, "@") && !strings.HasPrefix(host, "unix://"):
		return errors.New("BUILDKIT_HOST contains a user or a password before an @ (not printed here): expected unix:///PATH/buildkitd.sock or tcp://HOST:PORT; " +
			"set BUILDKIT_TLS_DIR to the folder of the certificates")
	case err != nil:
		return fmt.Errorf("invalid BUILDKIT_HOST: %w", err)
	case u.Scheme == "unix" && u.Path != "":
		return nil
	case u.Scheme == "tcp" && u.Port() != "":
		return nil
	}
	return fmt.Errorf("BUILDKIT_HOST=%s: expected unix:///PATH/buildkitd.sock or tcp://HOST:PORT", host)
}

// tlsOptions reads a folder of three PEM files, with either of the two common sets of names: ca.pem, cert.pem, key.pem (Docker and BuildKit) or
// ca.crt, tls.crt, tls.key (a Kubernetes secret). Without a folder it uses plain TCP. A builder may have its own folder in it, named by its host.
func (n named) tlsOptions(getenv func(string) string) ([]client.ClientOpt, error) {
	dir := getenv("BUILDKIT_TLS_DIR")
	if dir == "" {
		return nil, nil
	}
	u, err := url.Parse(n.address)
	if err != nil {
		return nil, err
	}
	server := getenv("BUILDKIT_TLS_SERVER_NAME")
	if server == "" || n.builder { // one name cannot be that of several builders
		server = u.Hostname()
	}
	if own := filepath.Join(dir, u.Hostname()); n.builder && isFolder(own) {
		dir = own
	}
	names := [3]string{"ca.pem", "cert.pem", "key.pem"}
	if _, err := os.Stat(filepath.Join(dir, "tls.crt")); err == nil {
		names = [3]string{"ca.crt", "tls.crt", "tls.key"}
	}
	var files [3]string
	for i, name := range names {
		files[i] = filepath.Join(dir, name)
		if _, err := os.Stat(files[i]); err != nil {
			return nil, fmt.Errorf("BUILDKIT_TLS_DIR=%s: expected ca.pem, cert.pem and key.pem: %w", dir, err)
		}
	}
	return []client.ClientOpt{
		client.WithServerConfig(server, files[0]),
		client.WithCredentials(files[1], files[2]),
	}, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func findNamed(ctx context.Context, n named, getenv func(string) string) (*Status, error) {
	d, err := dialNamed(ctx, n, getenv)
	if err != nil {
		return nil, err
	}
	s := &Status{Running: true, External: true, Address: d.Address, Version: d.Version, Runtime: d.Runtime, Daemon: d}
	return s, s.fill(ctx, d)
}

// worker asks the daemon for its worker, which has version, labels and limits in one call.
func (d *Daemon) worker(ctx context.Context, patience time.Duration) (*client.WorkerInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := d.Client(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	workers, err := c.ListWorkers(ctx)
	if err != nil {
		return nil, err
	}
	if len(workers) == 0 {
		return nil, fmt.Errorf("it has no worker")
	}
	return workers[0], nil
}

// fill adds the daemon's figures about its cache.
func (s *Status) fill(ctx context.Context, d *Daemon) error {
	c, err := d.Client(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	workers, err := c.ListWorkers(ctx)
	if err != nil {
		return err
	}
	for _, w := range workers {
		s.Snapshots = w.Labels["org.mobyproject.buildkit.worker.snapshotter"]
		for _, rule := range w.GCPolicy {
			s.CacheLimit = max(s.CacheLimit, rule.MaxUsedSpace)
		}
	}
	records, err := c.DiskUsage(ctx)
	if err != nil {
		return err
	}
	for _, r := range records {
		if !r.Shared {
			s.CacheUsed += r.Size
		}
	}
	return nil
}
