//go:build unix

package engine_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	controlapi "github.com/moby/buildkit/api/services/control"
	"google.golang.org/grpc"

	apitypes "github.com/moby/buildkit/api/types"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

const (
	runner  = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
	session = "DAGGER_SESSION_PORT"
	token   = "DAGGER_SESSION_TOKEN"
)

// closed is a port of this machine where nothing listens. A port that was free a moment ago could be taken by another test.
const closed = "1"

// listens answers each connection, and then closes it.
func listens(t *testing.T, answer func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				answer(c)
			}()
		}
	}()
	return l.Addr().String()
}

// deadSocket is a socket in the file system at which no process listens any more.
func deadSocket(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "engine.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	must(t, l.Close())
	return path
}

// docker makes a program docker the only one on PATH, with the given output.
func docker(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\n"+script), 0o755))
	t.Setenv("PATH", dir)
}

// buildkit listens as a BuildKit daemon that reports this package.
func buildkit(t *testing.T, pkg string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	srv := grpc.NewServer()
	controlapi.RegisterControlServer(srv, &control{pkg: pkg})
	go srv.Serve(l) //nolint:errcheck // ends with the test
	t.Cleanup(srv.Stop)
	return "tcp://" + l.Addr().String()
}

type control struct {
	controlapi.UnimplementedControlServer
	pkg string
}

func (c *control) Info(context.Context, *controlapi.InfoRequest) (*controlapi.InfoResponse, error) {
	return &controlapi.InfoResponse{BuildkitVersion: &apitypes.BuildkitVersion{Package: c.pkg, Version: "v1"}}, nil
}

// Both a build and doctor notice a Dagger that cannot answer before they start the Dagger CLI, which would wait for minutes.
func TestUnreachableDaggerFailsImmediately(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer web.Close()
	webPort := web.URL[strings.LastIndexByte(web.URL, ':')+1:]
	for name, c := range map[string]struct {
		env  map[string]string
		path string // a script for docker; "-" for an empty PATH
		want []string
	}{
		"tcp refused":       {env: map[string]string{runner: "tcp://127.0.0.1:" + closed}, want: []string{"tcp://127.0.0.1:" + closed, "connection refused"}},
		"tls refused":       {env: map[string]string{runner: "tls://127.0.0.1:" + closed}, want: []string{"tls://127.0.0.1:" + closed, "connection refused"}},
		"no socket":         {env: map[string]string{runner: "unix:///nowhere/engine.sock"}, want: []string{"unix:///nowhere/engine.sock", "no such file"}},
		"dead socket":       {env: map[string]string{runner: "unix://" + deadSocket(t)}, want: []string{"connection refused"}},
		"no host":           {env: map[string]string{runner: "tcp://engine.invalid:8080"}, want: []string{"engine.invalid"}},
		"a web server":      {env: map[string]string{runner: "tcp://127.0.0.1:" + webPort}, want: []string{webPort, "not a Dagger engine"}},
		"another protocol":  {env: map[string]string{runner: "tcp://" + listens(t, func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-OpenSSH_9.2\r\n"); io.Copy(io.Discard, c) })}, want: []string{"not a Dagger engine"}}, //nolint:errcheck // its end is all that counts
		"a plain BuildKit":  {env: map[string]string{runner: buildkit(t, "github.com/moby/buildkit")}, want: []string{"not a Dagger engine", "github.com/moby/buildkit v1"}},
		"no address":        {env: map[string]string{runner: "127.0.0.1:8080"}, want: []string{"127.0.0.1:8080", "tcp://HOST:PORT"}},
		"unknown scheme":    {env: map[string]string{runner: "dockr://x"}, want: []string{"dockr://x", "tcp://HOST:PORT"}},
		"no docker":         {env: map[string]string{runner: "docker-container://x"}, path: "-", want: []string{"docker-container://x", "docker"}},
		"no container tool": {env: map[string]string{runner: "image://x"}, path: "-", want: []string{"image://x", "podman"}},
		"no container": {
			env:  map[string]string{runner: "docker-container://gone"},
			path: "[ \"$*\" = 'container inspect --format {{.State.Running}} gone' ] || exit 9\necho\necho 'Error: No such container: gone' >&2\nexit 1\n",
			want: []string{"docker-container://gone", "No such container: gone"},
		},
		"stopped container": {env: map[string]string{runner: "container+docker://idle"}, path: "echo false\n", want: []string{"container+docker://idle", "is not running"}},
		"no daemon": {
			env:  map[string]string{runner: "docker-image://x:1"},
			path: "echo Client: 1\necho 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2\nexit 1\n",
			want: []string{"docker-image://x:1", "Cannot connect to the Docker daemon"},
		},
		"session gone":         {env: map[string]string{session: closed, token: "t"}, want: []string{"127.0.0.1:" + closed, "connection refused"}},
		"session's token":      {env: map[string]string{session: webPort, token: "t"}, want: []string{webPort, token}},
		"session with no port": {env: map[string]string{session: "http"}, want: []string{"http", "port"}},
		"no CLI":               {env: map[string]string{"_EXPERIMENTAL_DAGGER_CLI_BIN": "/nowhere/dagger"}, want: []string{"/nowhere/dagger", "no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			switch c.path {
			case "":
			case "-":
				t.Setenv("PATH", t.TempDir())
			default:
				docker(t, c.path)
			}
			opts, _ := daggerOptions(t, "waits", c.env)
			_, err := engine.Connect(within(t), opts)
			plain(t, err, c.want...)
			if c.env[runner]+c.env[session] == "" {
				return // doctor needs more than a CLI to expect a Dagger
			}
			look := engine.Inspect(within(t), opts)
			plain(t, look.Start, c.want...)
			opts.Choice = engine.Auto
			look = engine.Inspect(within(t), opts)
			plain(t, look.Start, append(c.want, "embedded engine")...)
		})
	}
}

// A running engine passes. For one that accepts connections and is silent, the client waits and logs that.
func TestReachableDagger(t *testing.T) {
	for name, c := range map[string]struct {
		env        map[string]string
		path, says string
	}{
		"engine":    {env: map[string]string{runner: buildkit(t, "github.com/dagger/dagger")}},
		"container": {env: map[string]string{runner: "docker-container://runs"}, path: "echo true\n"},
		"image":     {env: map[string]string{runner: "docker-image://x"}, path: "exit 0\n"},
		"other":     {env: map[string]string{runner: "kube-pod://x"}},
		"silent":    {env: map[string]string{runner: "tcp://" + listens(t, func(c net.Conn) { io.Copy(io.Discard, c) })}, says: "accepts connections, but did not answer"}, //nolint:errcheck // its end is all that counts
		"closes":    {env: map[string]string{runner: "tcp://" + listens(t, func(net.Conn) {})}, says: "accepts connections, but closes them"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "silent" {
				testenv.Slow(t, "waits for a server that does not answer")
			}
			if c.path != "" {
				docker(t, c.path)
			}
			opts, said := daggerOptions(t, "answers", c.env)
			looked := make(chan engine.Outlook, 1)
			ctx := within(t)
			go func() { looked <- engine.Inspect(ctx, opts) }()
			s, err := engine.Connect(within(t), opts)
			must(t, err)
			must(t, s.Close())
			if !strings.Contains(said.String(), c.says) {
				t.Errorf("missing text %q: %s", c.says, said)
			}
			if look := <-looked; (look.Start == nil) != (c.says == "") {
				t.Errorf("doctor: %v", look.Start)
			}
		})
	}
}
