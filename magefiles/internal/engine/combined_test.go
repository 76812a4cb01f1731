package engine_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// saying answers with a text, and closes the connection first.
func saying(text string) func(net.Conn) {
	return func(conn net.Conn) { _, _ = conn.Write([]byte(text)) }
}

// A terminal has what a step has: the services of its container, and the sockets.
func TestTerminalWithServicesAndSockets(t *testing.T) {
	p, c, ct := attended(t, nil)
	p.piped = true
	dir := program(t, server)
	ct = ct.WithFile("/program", c.Host().Directory(dir).File("program"))
	web := serve(ct, "serve", "8080", "web"+nonce())
	must(t, terminal(ct.WithServiceBinding("web", web), "/program", "ask", "tell", "web:8080")())
	if !strings.HasPrefix(p.shown.String(), "web") {
		t.Errorf("%q, %q", p.shown.String(), p.errors.String())
	}
	broken := ct.WithServiceBinding("web", serve(ct, "exit", "3", "the cause"))
	testenv.WantError(t, terminal(broken, "/program", "env")(), "aliased as web", "exit code: 3")
	p.shown.Reset()
	ct = ct.WithUnixSocket("/run/agent", c.Host().UnixSocket(serveSocket(t, saying("through the socket"))))
	must(t, terminal(ct, "/program", "unix", "/run/agent")())
	if p.shown.String() != "through the socket" {
		t.Errorf("%q, %q", p.shown.String(), p.errors.String())
	}
}

// The shell in a failing step has the step's services, and no warning about secrets, since it has none.
func TestInspectWithServicesAndSockets(t *testing.T) {
	p, c, ct := attended(t, func(o *engine.Options) { o.Inspect = true })
	dir := program(t, server)
	ct = ct.WithFile("/program", c.Host().Directory(dir).File("program"))
	failing := ct.WithServiceBinding("web", serve(ct, "serve", "8080", "web"+nonce())).
		WithUnixSocket("/run/agent", c.Host().UnixSocket(serveSocket(t, saying("through the socket")))).
		WithEnvVariable("N", nonce()).WithExec([]string{"sh", "-c", "exit 9"})
	p.during(func() error {
		_, err := failing.Sync(context.Background())
		testenv.WantError(t, err, "exit code: 9")
		return nil
	}, func() {
		p.sees(`# (\x1b\[6n)?$`)
		p.types("/program ask tell web:8080; /program unix /run/agent\r")
		p.sees(`\nweb[0-9 ]+\r\nthrough the socket`)
		p.types("env | grep -c BLUMEOPS_HOSTS\r")
		p.sees(`\n0\r\n`)
		p.types("exit\r")
	})
	if said := strings.Join(p.lines, "\n"); strings.Contains(said, "secrets") {
		t.Errorf("said %q", said)
	}
}

// Steps with equal commands on different files are different steps.
func TestInspectEqualCommands(t *testing.T) {
	p, _, ct := attended(t, func(o *engine.Options) { o.Inspect = true })
	for _, name := range []string{"one", "two"} {
		p.during(func() error {
			_, err := ct.WithNewFile("/name", name+nonce()).WithExec([]string{"sh", "-c", "exit 9"}).Sync(context.Background())
			testenv.WantError(t, err, "exit code: 9")
			return nil
		}, func() {
			p.sees(`# (\x1b\[6n)?$`)
			p.types("cat /name\r")
			p.sees(`\n` + name)
			p.types("exit\r")
		})
		p.mu.Lock()
		p.typed = nil
		p.mu.Unlock()
	}
}

// The shell in a failing step of a Dockerfile has the mounts of the step.
func TestInspectMountsOfADockerfile(t *testing.T) {
	p, c, ct := attended(t, func(o *engine.Options) { o.Inspect = true })
	dir := c.Directory().WithDirectory("/", ct.Rootfs()).WithNewFile("Dockerfile", `FROM scratch
COPY / /
RUN --mount=type=ssh,target=/agent --mount=type=secret,id=token --mount=type=secret,id=token,env=TOKEN --mount=type=cache,target=/cache \
    N=`+nonce()+` sh -c 'echo kept >/cache/file; exit 6'
`)
	built := dir.DockerBuild(dagger.DirectoryDockerBuildOpts{
		SSH: c.Host().UnixSocket(serveSocket(t, saying("agent"))), Secrets: []*dagger.Secret{c.SetSecret("token", "s3cret")},
	})
	p.during(func() error {
		_, err := built.Sync(context.Background())
		testenv.WantError(t, err, "exit code: 6")
		return nil
	}, func() {
		p.sees(`# (\x1b\[6n)?$`)
		p.types("cat /cache/file /run/secrets/token; echo \" $TOKEN\"; ls -l $SSH_AUTH_SOCK /agent | cat\r")
		p.sees(`\nkept\r\ns3cret s3cret\r\n(.*\r\n)?s.*/agent`)
		p.types("exit\r")
	})
}

// A service may be made from a Dockerfile, and have a secret, a socket, and a file of http.
func TestContainersOfServices(t *testing.T) {
	c, ct, seen := serving(t)
	n := nonce()
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("of http" + n)) }))
	defer files.Close()
	host := c.Host().Directory(program(t, server)).WithNewFile("Dockerfile", "FROM scratch\nCOPY program /program\nEXPOSE 8080\nCMD [\"/program\", \"serve\", \"8080\", \"built"+n+"\"]\n")
	built := host.DockerBuild().AsService()
	secret := c.SetSecret("word"+n, "w0rd"+n)
	with := serve(ct.WithMountedFile("/http", c.HTTP(files.URL)).WithMountedSecret("/secret", secret).
		WithUnixSocket("/agent", c.Host().UnixSocket(serveSocket(t, saying("socket"+n)))), "serve", "8080", "x")
	client := ct.WithEnvVariable("N", n).WithServiceBinding("built", built).WithServiceBinding("with", with)
	if got := output(t, client, "ask", "tell", "built:8080"); !strings.HasPrefix(got, "built"+n) {
		t.Errorf("got %q", got)
	}
	if got := output(t, client, "ask", "sock", "with:8080"); got != "of http"+n+"*** socket"+n && got != "of http"+n+"w0rd"+n+" socket"+n {
		t.Errorf("got %q", got)
	}
	if failed := seen.named(engine.Failed); len(failed) > 0 {
		t.Errorf("failed %q", failed)
	}
}

// Two sessions have services of their own at the same time, also equal ones, and with one name and port.
func TestServicesOfTwoSessions(t *testing.T) {
	dir := program(t, server)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("of the host")) }))
	defer srv.Close()
	port := srv.Listener.Addr().(*net.TCPAddr).Port
	text := nonce()
	answers, clients, all := make([]string, 2), make([]*dagger.Container, 2), make([]*services, 2)
	for i := range answers {
		c, ct, seen := servingFrom(t, dir)
		host := c.Host().Service([]dagger.PortForward{{Frontend: 8123, Backend: port, Protocol: dagger.NetworkProtocolTcp}})
		equal := serve(ct, "serve", "8080", text).WithHostname("web.internal")
		own := serve(ct, "serve", "8080", strconv.Itoa(i)+text).WithHostname("db.internal")
		clients[i], all[i] = ct.WithServiceBinding("web", equal).WithServiceBinding("db", own).WithServiceBinding("host", host), seen
		answers[i] = output(t, clients[i].WithEnvVariable("N", nonce()), "ask", "tell", "web:8080")
	}
	if answers[0] == answers[1] {
		t.Errorf("two sessions share a service: %q", answers)
	}
	var asked sync.WaitGroup
	for i, ct := range clients {
		asked.Go(func() {
			ask := func(args ...string) string {
				out, err := ct.WithEnvVariable("N", nonce()).WithExec(append([]string{"/program", "ask"}, args...)).Stdout(context.Background())
				if err != nil {
					t.Error(err)
				}
				return strings.TrimSpace(out)
			}
			for range 3 {
				got := strings.Split(ask("tell", "web.internal:8080", "db:8080", "db.internal:8080"), "\n")
				if len(got) != 3 || got[0] != answers[i] || !strings.HasPrefix(got[1], strconv.Itoa(i)+text) || got[2] != got[1] {
					t.Errorf("got %q; the first answer was %q", got, answers[i])
				}
			}
			if got := ask("GET / HTTP/1.0\r\n\r\n", "host:8123"); !strings.Contains(got, "of the host") {
				t.Errorf("got %q", got)
			}
			if started := all[i].named(engine.Started); len(started) != 3 {
				t.Errorf("started %q", started)
			}
		})
	}
	asked.Wait()
}

// engine:prune takes no file of a running service or an open shell.
func TestPruneWhileTheyRun(t *testing.T) {
	testenv.Superuser(t, "services require network namespaces with addresses")
	ctx := context.Background()
	p, c, ct := attended(t, nil)
	dir := program(t, server)
	ct = ct.WithFile("/program", c.Host().Directory(dir).File("program")).WithNewFile("/own", "own file").
		WithMountedDirectory("/mnt", c.Directory().WithNewFile("file", "still here")).WithMountedCache("/cache", c.CacheVolume(nonce()))
	s, err := serve(ct, "serve", "8080", nonce()).Start(ctx)
	must(t, err)
	bound := ct.WithServiceBinding("web", s)
	prune := func() {
		for _, all := range []bool{false, true} {
			if _, err := engine.Prune(ctx, enginetest.Options(t, "/"), all); err != nil {
				t.Error(err)
			}
		}
	}
	p.during(terminal(bound), func() {
		p.sees(`# (\x1b\[6n)?$`)
		p.types("echo kept >/cache/file; echo written >/written; cat /cache/file\r")
		p.sees(`\nkept\r\n`)
		prune()
		p.types("cat /own /mnt/file /cache/file /written; ls /bin | wc -l; /program ask file web:8080\r")
		p.sees(`\nown filestill herekept\r\nwritten\r\n\d+\r\nstill here`)
		p.types("exit\r")
	})
	prune()
	if got := output(t, bound.WithEnvVariable("N", nonce()), "ask", "file", "web:8080"); got != "still here" {
		t.Errorf("got %q", got)
	}
}

// A run with other settings, which require a restart of the daemon, does not end the services and shells of others.
func TestOtherSettingsWhileTheyRun(t *testing.T) {
	busybox := testenv.Program(t, "busybox", "apt-get install busybox-static")
	opts := enginetest.Fresh(t, program(t, server))
	ctx := context.Background()
	u := newUser(t, opts, busybox, t.TempDir(), "mark"+nonce(), "service", "shell")
	u.ready(0)
	status, err := engine.Status(ctx, opts)
	must(t, err)
	other, said := opts, ""
	other.CacheBytes, other.Log = opts.CacheBytes+1, func(line string) { said += line + "\n" }
	_, err = engine.Up(ctx, other)
	must(t, err)
	if now, err := engine.Status(ctx, other); err != nil || now.PID != status.PID || !strings.Contains(said, "they take effect at its next start") {
		t.Errorf("the daemon is %+v, it was %+v, %v; said %q", now, status, err, said)
	}
	u.leave() // the shell and the service end well
	waitFor(t, "the restart of the idle daemon", func() bool {
		_, err := engine.Up(ctx, other)
		must(t, err)
		now, err := engine.Status(ctx, other)
		must(t, err)
		return now.PID != status.PID && now.CacheLimit == other.CacheBytes
	})
}

// The end of the daemon, asked for or not, ends its terminals and services, with the reason.
func TestTheDaemonEndsWhileItIsUsed(t *testing.T) {
	busybox := testenv.Program(t, "busybox", "apt-get install busybox-static")
	dir := program(t, server)
	opts := enginetest.Fresh(t, dir)
	for name, end := range map[string]func(pid int) error{
		"down":   func(int) error { return engine.Down(context.Background(), opts) },
		"killed": func(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			p, seen := newPerson(t), &services{}
			opts := opts
			opts.Screen, opts.Events = p.open, seen.add
			s, err := engine.Connect(context.Background(), opts)
			must(t, err)
			defer func() { _ = s.Close() }() // its connection is lost
			status, err := engine.Status(context.Background(), opts)
			must(t, err)
			web := serve(s.Client.Container().WithFile("/program", s.Client.Host().File("program")), "serve", "8080", nonce())
			up := make(chan error, 1)
			go func() { up <- web.Up(context.Background(), dagger.ServiceUpOpts{Random: true}) }()
			for !strings.Contains(seen.logged(), "tunnel") {
				select {
				case err := <-up:
					t.Fatalf("the service ended: %v", err)
				case <-time.After(10 * time.Millisecond):
				}
			}
			shell := make(chan error, 1)
			go func() { shell <- terminal(busyboxIn(s.Client, busybox))() }()
			p.sees(`# (\x1b\[6n)?$`)
			must(t, end(status.PID))
			for what, ended := range map[string]chan error{"service": up, "shell": shell} {
				select {
				case err := <-ended:
					testenv.WantError(t, err, "the connection to BuildKit was lost")
				case <-time.After(waitTime):
					t.Errorf("the %s does not end", what)
				}
			}
		})
	}
}
