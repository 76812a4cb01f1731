package engine_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"dagger.io/dagger"
	"github.com/google/go-containerregistry/pkg/registry"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// redis is Debian's redis-server with its libraries.
func redis(t *testing.T, c *dagger.Client) *dagger.Container {
	t.Helper()
	ct := c.Container()
	for _, name := range []string{"redis-server", "redis-cli"} {
		path := testenv.Program(t, name, "apt-get install redis-server")
		path, err := filepath.EvalSymlinks(path)
		must(t, err)
		libraries, err := exec.Command("ldd", path).Output()
		must(t, err)
		ct = ct.WithFile("/bin/"+name, c.Host().File(path))
		for _, m := range regexp.MustCompile(`(/[^ ]+) \(0x`).FindAllStringSubmatch(string(libraries), -1) {
			real, err := filepath.EvalSymlinks(m[1])
			must(t, err)
			ct = ct.WithFile(m[1], c.Host().File(real), dagger.ContainerWithFileOpts{Permissions: 0o755})
		}
	}
	return ct
}

func TestRedis(t *testing.T) {
	ctx := context.Background()
	c, _, _ := serving(t)
	ct := redis(t, c)
	n := nonce()
	start := func(name string) *dagger.Service {
		return ct.WithExposedPort(6379).AsService(dagger.ContainerAsServiceOpts{
			Args: []string{"redis-server", "--protected-mode", "no", "--save", "", "--dbfilename", name + n},
		})
	}
	client := ct.WithServiceBinding("first", start("first")).WithServiceBinding("second", start("second")).WithEnvVariable("N", n)
	for _, name := range []string{"first", "second"} {
		client = client.WithExec([]string{"redis-cli", "-h", name, "SET", "who", name + n})
	}
	for _, name := range []string{"first", "second"} {
		got, err := client.WithExec([]string{"redis-cli", "-h", name, "GET", "who"}).Stdout(ctx)
		must(t, err)
		if strings.TrimSpace(got) != name+n {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// The container of a service is that of its command: environment, user, mounts, secrets.
func TestTheContainerOfAService(t *testing.T) {
	ctx := context.Background()
	c, ct, seen := serving(t)
	secret := c.SetSecret("name"+nonce(), "the value of the secret")
	for name, noInit := range map[string]bool{"init": false, "direct": true} {
		base := ct.WithEnvVariable("WHO", name).WithSecretVariable("SECRET", secret).WithMountedSecret("/run/secret", secret).
			WithMountedDirectory("/mounted", c.Directory().WithNewFile("file", "mounted "+name)).
			WithNewFile("/etc/passwd", "me:x:7:7::/home/me:/bin/sh\n").WithUser("me").WithWorkdir("/work").
			WithEntrypoint([]string{"/program"}).WithDefaultArgs([]string{"env"})
		for _, opts := range []dagger.ContainerAsServiceOpts{
			{UseEntrypoint: true},
			{UseEntrypoint: true, Args: []string{"cat", "/mounted/file"}},
			{Args: []string{"/program", "serve", "8080", "$WHO"}, Expand: true},
		} {
			opts.NoInit = noInit
			_, err := base.WithExposedPort(8080, dagger.ContainerWithExposedPortOpts{ExperimentalSkipHealthcheck: true}).AsService(opts).Start(ctx)
			must(t, err)
		}
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // nothing waits for their output
		log, missing := seen.logged(), ""
		for _, want := range []string{"WHO=init", "WHO=direct", "HOME=/home/me", "SECRET=***", "mounted init", "mounted direct", "serving init", "serving direct"} {
			if !strings.Contains(log, want) {
				missing = want
			}
		}
		if strings.Contains(log, "the value") {
			t.Errorf("the log has the secret: %q", log)
			return
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%q is not in the log %q", missing, log)
			return
		}
	}
}

// Without arguments, the entrypoint is part of the command, unless withDefaultArgs set the command.
func TestTheCommandOfAService(t *testing.T) {
	ctx := context.Background()
	_, ct, _ := serving(t)
	entry := ct.WithExposedPort(8080).WithEntrypoint([]string{"/program", "exit", "5", "of the entrypoint"})
	for name, c := range map[string]struct {
		service *dagger.Service
		code    int
	}{
		"entrypoint":                           {entry.AsService(), 5},
		"default arguments":                    {entry.WithDefaultArgs([]string{"/program", "exit", "6", ""}).AsService(), 6},
		"default arguments and the entrypoint": {entry.WithDefaultArgs([]string{"more"}).AsService(dagger.ContainerAsServiceOpts{UseEntrypoint: true}), 5},
		"arguments":                            {entry.AsService(dagger.ContainerAsServiceOpts{Args: []string{"/program", "exit", "8", ""}}), 8},
		"arguments and the entrypoint":         {entry.AsService(dagger.ContainerAsServiceOpts{Args: []string{"more"}, UseEntrypoint: true}), 5},
	} {
		_, err := c.service.Start(ctx)
		var failed *dagger.ExecError
		if !errors.As(err, &failed) || failed.ExitCode != c.code {
			t.Errorf("%s: got %v, want exit code %d", name, err, c.code)
		}
	}
}

func TestInvalidNamesOfServices(t *testing.T) {
	ctx := context.Background()
	_, ct, _ := serving(t)
	s := serve(ct, "serve", "8080", "")
	for _, name := range []string{"a\n1.2.3.4 b", "a b", "a#b", "127.0.0.1", "::1", "fe80::1%eth0"} {
		if _, err := ct.WithServiceBinding(name, s).ID(ctx); err == nil || !strings.Contains(err.Error(), "invalid name") {
			t.Errorf("%q: got %v", name, err)
		}
	}
	if _, err := s.WithHostname("").ID(ctx); err == nil || !strings.Contains(err.Error(), "invalid name") {
		t.Errorf("got %v", err)
	}
}

// Images can be pulled from a service, and pushed to it.
func TestARegistryIsAService(t *testing.T) {
	ctx := context.Background()
	c, ct, _ := serving(t)
	var mu sync.Mutex
	users := map[string]bool{}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if !ok || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mu.Lock()
		users[user] = true
		mu.Unlock()
		images.ServeHTTP(w, r)
	}))
	defer srv.Close()
	port := srv.Listener.Addr().(*net.TCPAddr).Port
	service := c.Host().Service([]dagger.PortForward{{Frontend: 5000, Backend: port, Protocol: dagger.NetworkProtocolTcp}})
	n := nonce()
	image := ct.WithNewFile("/name", n).WithRegistryAuth("registry.local:5000", "me", c.SetSecret("password"+n, "secret"))
	ref, err := image.Publish(ctx, "registry.local:5000/name:v1", dagger.ContainerPublishOpts{RegistryService: service})
	must(t, err)
	if !strings.HasPrefix(ref, "registry.local:5000/name:v1@sha256:") {
		t.Errorf("published %s", ref)
	}
	pulled := c.Container().From("registry.local:5000/name:v1", dagger.ContainerFromOpts{RegistryService: service})
	if got, err := pulled.File("/name").Contents(ctx); err != nil || got != n {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := pulled.ImageRef(ctx); err != nil || got != ref {
		t.Errorf("got %s, want %s, %v", got, ref, err)
	}
	if !users["me"] {
		t.Errorf("users %v", users)
	}
	_, err = c.Container().From("registry.local:5000/name:missing", dagger.ContainerFromOpts{RegistryService: service}).Sync(ctx)
	if err == nil || !strings.Contains(err.Error(), "registry.local:5000/name:missing: not found") {
		t.Errorf("got %v", err)
	}
}

// The services of a session reach each other by their hostnames, without bindings, also one that starts later.
func TestServicesKnowEachOther(t *testing.T) {
	ctx := context.Background()
	_, ct, _ := serving(t)
	first, err := serve(ct, "serve", "8080", "first").WithHostname("svca").Start(ctx)
	must(t, err)
	client := ct.WithServiceBinding("first", first)
	knows := func() bool {
		return strings.Contains(output(t, client.WithEnvVariable("N", nonce()), "ask", "host", "first:8080"), "\tsvcb\n")
	}
	if knows() {
		t.Error("the name is known before the start")
	}
	second, err := serve(ct, "serve", "8080", "second").WithHostname("svcb").Start(ctx)
	must(t, err)
	if got := output(t, client.WithEnvVariable("N", nonce()), "ask", "svcb", "first:8080"); !strings.HasPrefix(got, "second") {
		t.Errorf("after the start: %q", got)
	}
	_, err = second.Stop(ctx)
	must(t, err)
	if knows() {
		t.Error("the name is known after the stop")
	}
}
