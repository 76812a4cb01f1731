package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"time"
)

// DefaultStateDir is where the engine keeps its state: blumeops/engine in the user's cache folder ($XDG_CACHE_HOME, else ~/.cache).
func DefaultStateDir(lookupEnv func(string) (string, bool)) (string, error) {
	if dir, _ := lookupEnv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "blumeops", "engine"), nil
	}
	home, _ := lookupEnv("HOME")
	if !filepath.IsAbs(home) {
		return "", errors.New("no folder for the engine's state: set XDG_CACHE_HOME or HOME to an absolute path, or set BLUMEOPS_ENGINE_STATE")
	}
	return filepath.Join(home, ".cache", "blumeops", "engine"), nil
}

// pingTimeout is the time limit for Docker's answer to a ping.
const pingTimeout = 2 * time.Second

// daggerAvailable reports whether the real Dagger is available without an explicit choice, and the reason.
func daggerAvailable(ctx context.Context, opts Options) (why string, ok bool) {
	for _, v := range []struct{ name, what string }{
		{sessionVariable, "a session is open"},
		{runnerVariable, "a runner is set"},
	} {
		if opts.getenv(v.name) != "" {
			return fmt.Sprintf("%s: $%s", v.what, v.name), true
		}
	}
	if opts.getenv("BUILDKIT_HOST") != "" {
		return "$BUILDKIT_HOST names a BuildKit", false
	}
	for _, c := range containerEngines(opts) {
		if _, err := exec.LookPath(c.command); err == nil && answers(ctx, c.host) {
			return c.name + " answers", true
		}
	}
	return "no Docker, no Dagger runner", false
}

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

// answers reports whether the Docker API answers at host.
func answers(ctx context.Context, host string) bool {
	u, err := url.Parse(host)
	if err != nil {
		return false
	}
	network, address := "unix", u.Path
	switch u.Scheme {
	case "unix":
	case "tcp":
		network, address = "tcp", u.Host
	default:
		return true // ssh and similar: Dagger checks it
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
	if err != nil {
		return false
	}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close() // the body is not used
	// A TLS endpoint answers 400 to plain HTTP: a server listens there, and Dagger knows the certificates.
	return res.StatusCode == http.StatusOK || network == "tcp"
}
