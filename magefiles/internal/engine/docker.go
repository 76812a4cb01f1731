package engine

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// pingTimeout is the time limit for Docker's answer to a ping.
const pingTimeout = 2 * time.Second

type containerEngine struct{ name, command, host string }

// containerEngines are the addresses of Docker and Podman, the one that the environment names first.
func containerEngines(opts Options) []containerEngine {
	if h := opts.getenv("DOCKER_HOST"); h != "" {
		return []containerEngine{{"Docker", "docker", h}}
	}
	out := []containerEngine{{"Docker", "docker", "unix:///var/run/docker.sock"}}
	if home := opts.getenv("HOME"); home != "" {
		out = append(out, containerEngine{"Docker", "docker", "unix://" + filepath.Join(home, ".docker", "run", "docker.sock")})
	}
	if run := opts.getenv("XDG_RUNTIME_DIR"); run != "" {
		out = append(out,
			containerEngine{"Docker", "docker", "unix://" + filepath.Join(run, "docker.sock")},
			containerEngine{"Podman", "podman", "unix://" + filepath.Join(run, "podman", "podman.sock")})
	}
	return append(out, containerEngine{"Podman", "podman", "unix:///run/podman/podman.sock"})
}

// ping returns nil if the Docker API answers at host. It connects as the docker command does: with TLS if DOCKER_TLS_VERIFY or DOCKER_TLS is set. The
// folder DOCKER_CERT_PATH, DOCKER_CONFIG or ~/.docker then has ca.pem, which DOCKER_TLS_VERIFY requires, and cert.pem and key.pem, which the server may
// require.
func ping(ctx context.Context, opts Options, host string) error {
	u, err := url.Parse(host)
	if err != nil {
		return err
	}
	network, address, scheme := "unix", u.Path, "http"
	var secure *tls.Config
	switch u.Scheme {
	case "unix":
	case "tcp":
		network, address = "tcp", u.Host
		if secure, err = dockerTLS(opts, u.Hostname()); err != nil {
			return err
		}
		if secure != nil {
			scheme = "https"
		}
	default:
		return nil // ssh and similar: Dagger checks it
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   secure,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://docker/_ping", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	var failed *url.Error
	switch {
	case errors.As(err, &failed):
		return failed.Err // without the address that is only in the request
	case err != nil:
		return err
	}
	res.Body.Close() // the body is not used
	switch {
	case res.StatusCode == http.StatusBadRequest && network == "tcp" && secure == nil:
		return errors.New("the server requires TLS: set DOCKER_TLS_VERIFY=1")
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("answer %s", res.Status)
	}
	return nil
}

// dockerTLS is how the docker command connects to a host by TCP; nil without TLS.
func dockerTLS(opts Options, host string) (*tls.Config, error) {
	verify := opts.getenv("DOCKER_TLS_VERIFY") != ""
	if !verify && opts.getenv("DOCKER_TLS") == "" {
		return nil, nil
	}
	dir := cmp.Or(opts.getenv("DOCKER_CERT_PATH"), opts.getenv("DOCKER_CONFIG"), filepath.Join(opts.getenv("HOME"), ".docker"))
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, InsecureSkipVerify: !verify}
	if verify {
		authorities, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
		if err != nil {
			return nil, err
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("no certificate in %s", filepath.Join(dir, "ca.pem"))
		}
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	switch {
	case err == nil:
		c.Certificates = []tls.Certificate{pair}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return c, nil
}
