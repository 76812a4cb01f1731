package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dagger.io/dagger"
	"github.com/google/go-containerregistry/pkg/registry"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// server is a program that is a service, and a client of one.
const server = `package main

import ("fmt"; "io"; "net"; "os"; "os/signal"; "strconv"; "syscall"; "time")

func main() {
	switch os.Args[1] {
	case "serve": // PORT TEXT [FILE]: answers with the text and the time of its start; on SIGTERM it writes the file
		begun := time.Now().UnixNano()
		fmt.Println("serving", os.Args[3])
		l, err := net.Listen("tcp", ":"+os.Args[2])
		if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		go func() {
			<-term
			if len(os.Args) > 4 { os.WriteFile(os.Args[4], []byte("terminated"), 0o644) }
			os.Exit(0)
		}()
		for {
			c, err := l.Accept()
			if err != nil { os.Exit(1) }
			go func() {
				defer c.Close()
				ask := make([]byte, 4)
				if _, err := io.ReadFull(c, ask); err != nil { return }
				if string(ask) == "die " { fmt.Fprintln(os.Stderr, "told to die"); os.Exit(9) }
				if string(ask) == "host" {
					b, _ := os.ReadFile("/etc/hosts")
					c.Write(b)
					return
				}
				if string(ask) == "sock" { // its files and its socket
					for _, name := range []string{"/http", "/secret"} {
						b, err := os.ReadFile(name)
						fmt.Fprint(c, string(b))
						if err != nil { fmt.Fprint(c, err) }
					}
					s, err := net.Dial("unix", "/agent")
					if err != nil { fmt.Fprint(c, err); return }
					fmt.Fprint(c, " ")
					io.Copy(c, s)
					return
				}
				if string(ask) == "file" {
					b, err := os.ReadFile("/mnt/file")
					if err != nil { fmt.Fprint(c, err) }
					c.Write(b)
					return
				}
				if string(ask) == "svcb" { // asks another service, which is not bound
					b, err := net.Dial("tcp", "svcb:8080")
					if err != nil { fmt.Fprint(c, err); return }
					fmt.Fprint(b, "tell")
					io.Copy(c, b)
					return
				}
				if string(ask) == "back" { // asks another service
					b, err := net.Dial("tcp", "back:8080")
					if err != nil { fmt.Fprint(c, err); return }
					fmt.Fprint(b, "tell")
					io.Copy(c, b)
					return
				}
				fmt.Fprint(c, os.Args[3], " ", begun)
			}()
		}
	case "deaf": // PORT: ignores SIGTERM
		signal.Ignore(syscall.SIGTERM)
		l, err := net.Listen("tcp", ":"+os.Args[2])
		if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
		for { if c, err := l.Accept(); err == nil { c.Close() } }
	case "ask": // ADDRESS FOUR: prints the answer
		for _, at := range os.Args[3:] {
			c, err := net.Dial("tcp", at)
			if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
			fmt.Fprint(c, os.Args[2])
			b, err := io.ReadAll(c)
			if len(b) == 0 { fmt.Fprintln(os.Stderr, "no answer", err); os.Exit(7) }
			fmt.Println(string(b))
		}
	case "udp": // ADDRESS TEXT: prints the answer
		c, err := net.Dial("udp", os.Args[2])
		if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
		answer := make([]byte, 100)
		for { // a datagram may be lost
			fmt.Fprint(c, os.Args[3])
			c.SetReadDeadline(time.Now().Add(time.Second))
			if n, err := c.Read(answer); err == nil { fmt.Println(string(answer[:n])); return }
		}
	case "echo": // ADDRESS MEGABYTES: sends data, ends the stream, and compares the answer
		c, err := net.Dial("tcp", os.Args[2])
		if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
		size, _ := strconv.Atoi(os.Args[3])
		data := make([]byte, size<<20)
		for i := range data { data[i] = byte(i * i >> 8) }
		go func() { c.Write(data); c.(*net.TCPConn).CloseWrite() }()
		begun := time.Now()
		got, err := io.ReadAll(c)
		fmt.Fprintln(os.Stderr, time.Since(begun))
		fmt.Println(len(got), err, string(got) == string(data))
	case "unix": // PATH: prints what the socket sends
		c, err := net.Dial("unix", os.Args[2])
		if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
		io.Copy(os.Stdout, c)
	case "hosts":
		b, _ := os.ReadFile("/etc/hosts")
		os.Stdout.Write(b)
	case "env":
		for _, kv := range os.Environ() { fmt.Println(kv) }
	case "exit": // CODE TEXT
		fmt.Fprintln(os.Stderr, os.Args[3])
		code, _ := strconv.Atoi(os.Args[2])
		os.Exit(code)
	case "cat":
		b, err := os.ReadFile(os.Args[2])
		if err != nil { fmt.Println(err); return }
		os.Stdout.Write(b)
	}
}
`

// services are the events of services in a session.
type services struct {
	mu     sync.Mutex
	events []engine.Event
}

func (s *services) add(e engine.Event) {
	if strings.HasPrefix(e.Step, "service ") {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, e)
	}
}

// named returns the names of the services with an event of that state.
func (s *services) named(state engine.State) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.State == state {
			names = append(names, e.Name+" "+e.Err)
		}
	}
	return names
}

// logged is all output of the services, one after the other.
func (s *services) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var steps []string
	output := map[string]string{}
	for _, e := range s.events {
		if _, ok := output[e.Step]; !ok {
			steps = append(steps, e.Step)
		}
		output[e.Step] += string(e.Data)
	}
	var text strings.Builder
	for _, step := range steps {
		text.WriteString(output[step])
	}
	return text.String()
}

// serving opens a session, and returns a container with the program and the events of its services.
func serving(t *testing.T) (*dagger.Client, *dagger.Container, *services) {
	t.Helper()
	return servingFrom(t, program(t, server))
}

func servingFrom(t *testing.T, dir string) (*dagger.Client, *dagger.Container, *services) {
	t.Helper()
	opts := enginetest.Options(t, "/")
	enginetest.NeedsRuntime(t, opts)
	seen := &services{}
	opts.Events = seen.add
	c := enginetest.Connect(t, opts).Client
	return c, c.Container().WithFile("/program", c.Host().Directory(dir).File("program")), seen
}

func serve(ct *dagger.Container, args ...string) *dagger.Service {
	return ct.WithExposedPort(8080).AsService(dagger.ContainerAsServiceOpts{Args: append([]string{"/program"}, args...)})
}

func output(t *testing.T, ct *dagger.Container, args ...string) string {
	t.Helper()
	out, err := ct.WithExec(append([]string{"/program"}, args...)).Stdout(context.Background())
	must(t, err)
	return strings.TrimSpace(out)
}

func nonce() string { return fmt.Sprint(time.Now().UnixNano()) }

func TestServicesOnOnePortDoNotCollide(t *testing.T) {
	_, ct, seen := serving(t)
	one, two := serve(ct, "serve", "8080", "one"), serve(ct, "serve", "8080", "two")
	client := ct.WithEnvVariable("N", nonce()).WithServiceBinding("a", one).WithServiceBinding("b", two)
	got := strings.Fields(output(t, client, "ask", "tell", "a:8080", "b:8080"))
	if len(got) != 4 || got[0] != "one" || got[2] != "two" {
		t.Errorf("got %q", got)
	}
	if started := seen.named(engine.Started); len(started) != 2 {
		t.Errorf("started %q", started)
	}
	if log := seen.logged(); !strings.Contains(log, "serving one\n") || !strings.Contains(log, "serving two\n") {
		t.Errorf("the log is %q", log)
	}
}

// A service starts once, however many steps use it, by any of its names; and not at all if the steps are in the cache.
func TestAServiceStartsOnceAndOnlyWhenNeeded(t *testing.T) {
	n, dir := nonce(), program(t, server)
	steps := func() (answers []string, started int) {
		_, ct, seen := servingFrom(t, dir)
		s := serve(ct, "serve", "8080", n)
		host, err := s.Hostname(context.Background())
		must(t, err)
		if !regexp.MustCompile(`^[a-z0-9]{13}$`).MatchString(host) {
			t.Errorf("the hostname is %q", host)
		}
		var wg sync.WaitGroup
		answers = make([]string, 6)
		for i := range answers {
			wg.Go(func() {
				ct := ct.WithEnvVariable("STEP", fmt.Sprint(i)).WithServiceBinding("web", s)
				at := "web:8080"
				if i%2 == 1 {
					at = host + ":8080"
				}
				answers[i] = output(t, ct, "ask", "tell", at)
			})
		}
		wg.Wait()
		return answers, len(seen.named(engine.Started))
	}
	answers, started := steps()
	for _, a := range answers {
		if a != answers[0] || !strings.HasPrefix(a, n) {
			t.Errorf("answers of more than one service: %q", answers)
		}
	}
	if started != 1 {
		t.Errorf("the service started %d times", started)
	}
	if again, started := steps(); started != 0 || again[0] != answers[0] {
		t.Errorf("with cached steps: started %d times, answers %q", started, again)
	}
}

func TestTheKeyOfAStepHoldsItsServices(t *testing.T) {
	_, ct, _ := serving(t)
	n := nonce()
	first := output(t, ct.WithServiceBinding("web", serve(ct, "serve", "8080", "first"+n)), "ask", "tell", "web:8080")
	second := output(t, ct.WithServiceBinding("web", serve(ct, "serve", "8080", "second"+n)), "ask", "tell", "web:8080")
	if !strings.HasPrefix(first, "first") || !strings.HasPrefix(second, "second") {
		t.Errorf("got %q and %q", first, second)
	}
	// The last service with a name has it.
	both := ct.WithServiceBinding("web", serve(ct, "serve", "8080", "third"+n)).WithServiceBinding("web", serve(ct, "serve", "8080", "fourth"+n))
	if got := output(t, both, "ask", "tell", "web:8080"); !strings.HasPrefix(got, "fourth") {
		t.Errorf("got %q", got)
	}
}

func TestNamesOfServices(t *testing.T) {
	ctx := context.Background()
	_, ct, _ := serving(t)
	s := serve(ct, "serve", "8080", nonce()).WithHostname("db.internal")
	host, err := s.Hostname(ctx)
	must(t, err)
	endpoint, err := s.Endpoint(ctx, dagger.ServiceEndpointOpts{Port: 99, Scheme: "tcp"})
	must(t, err)
	if host != "db.internal" || endpoint != "tcp://db.internal:99" {
		t.Errorf("got %q and %q", host, endpoint)
	}
	ports, err := s.Ports(ctx)
	must(t, err)
	if len(ports) != 1 {
		t.Errorf("%d ports", len(ports))
	}
	_, err = s.Sync(ctx)
	must(t, err)
	client := ct.WithEnvVariable("N", nonce()).WithServiceBinding("one", s).WithServiceBinding("two", s)
	output(t, client, "ask", "tell", "one:8080", "two:8080", "db.internal:8080")
	hosts := output(t, client, "hosts")
	for _, name := range []string{"one", "two", "db.internal"} {
		if !regexp.MustCompile(`(?m)^10\.[0-9.]+\s` + regexp.QuoteMeta(name) + `$`).MatchString(hosts) {
			t.Errorf("%s is not in %q", name, hosts)
		}
	}
	if env := output(t, client, "env"); strings.Contains(env, "BLUMEOPS") || strings.Contains(env, "10.") {
		t.Errorf("the command sees how it gets the names: %q", env)
	}
	if _, err := ct.AsService(dagger.ContainerAsServiceOpts{Args: []string{"/program"}}).Endpoint(ctx); err == nil || !strings.Contains(err.Error(), "no ports exposed") {
		t.Errorf("got %v", err)
	}
	if _, err := ct.AsService().Sync(ctx); err == nil || !strings.Contains(err.Error(), "no service command has been set") {
		t.Errorf("got %v", err)
	}
}

// A service can use another one.
func TestAServiceOfAService(t *testing.T) {
	_, ct, seen := serving(t)
	back := serve(ct, "serve", "8080", "back"+nonce())
	front := serve(ct.WithServiceBinding("back", back), "serve", "8080", "front")
	if got := output(t, ct.WithEnvVariable("N", nonce()).WithServiceBinding("front", front), "ask", "back", "front:8080"); !strings.HasPrefix(got, "back") {
		t.Errorf("got %q", got)
	}
	if started := seen.named(engine.Started); len(started) != 2 {
		t.Errorf("started %q", started)
	}
}

func TestAServiceIsStopped(t *testing.T) {
	ctx := context.Background()
	c, ct, seen := serving(t)
	n := nonce()
	kept := ct.WithMountedCache("/kept", c.CacheVolume(n))
	said := func(what string) string {
		return output(t, kept.WithEnvVariable("N", what), "cat", "/kept/"+what)
	}
	// SIGTERM, with and without the init.
	for what, noInit := range map[string]bool{"init": false, "direct": true} {
		s, err := kept.WithExposedPort(8080).AsService(dagger.ContainerAsServiceOpts{
			Args: []string{"/program", "serve", "8080", n, "/kept/" + what}, NoInit: noInit,
		}).Start(ctx)
		must(t, err)
		_, err = s.Stop(ctx)
		must(t, err)
		if got := said(what); got != "terminated" {
			t.Errorf("%s: %q", what, got)
		}
		if _, err := s.Stop(ctx); err != nil {
			t.Errorf("the second stop: %v", err)
		}
	}
	// SIGKILL.
	s, err := serve(kept, "serve", "8080", n, "/kept/killed").Start(ctx)
	must(t, err)
	_, err = s.Stop(ctx, dagger.ServiceStopOpts{Kill: true})
	must(t, err)
	if got := said("killed"); !strings.Contains(got, "no such file") {
		t.Errorf("killed: %q", got)
	}
	s, err = serve(kept, "deaf", "8080").Start(ctx)
	must(t, err)
	_, err = s.Stop(ctx)
	must(t, err)
	if failed := seen.named(engine.Failed); len(failed) > 0 {
		t.Errorf("stopped services failed: %q", failed)
	}
	// It starts again.
	_, err = s.Start(ctx)
	must(t, err)
	if started := seen.named(engine.Started); len(started) != 5 {
		t.Errorf("started %q", started)
	}
}

func TestAServiceThatDoesNotStart(t *testing.T) {
	ctx := context.Background()
	_, ct, seen := serving(t)
	s := serve(ct, "exit", "3", "the cause")
	for range 2 { // a failure is not remembered
		_, err := ct.WithServiceBinding("web", s).WithExec([]string{"/program", "env"}).Sync(ctx)
		var failed *dagger.ExecError
		if !errors.As(err, &failed) {
			t.Fatalf("got %v", err)
		}
		host, _ := s.Hostname(ctx)
		if !strings.HasPrefix(failed.Error(), "start "+host+" (aliased as web): exit code: 3") || failed.ExitCode != 3 || failed.Stderr != "the cause\n" || failed.Cmd[1] != "exit" {
			t.Errorf("got %q, exit code %d, stderr %q, command %q", failed.Error(), failed.ExitCode, failed.Stderr, failed.Cmd)
		}
	}
	if failed := seen.named(engine.Failed); len(failed) != 2 || !strings.Contains(seen.logged(), "the cause") {
		t.Errorf("failed %q, logged %q", failed, seen.logged())
	}
	if _, err := serve(ct, "exit", "0", "").Start(ctx); err == nil || !strings.Contains(err.Error(), "service exited before healthcheck") {
		t.Errorf("got %v", err)
	}
	if _, err := ct.WithExposedPort(8080).AsService(dagger.ContainerAsServiceOpts{Args: []string{"/missing"}}).Start(ctx); err == nil || !strings.Contains(err.Error(), "exit code: 1") {
		t.Errorf("got %v", err)
	}
	if _, err := serve(ct.WithError("refused"), "serve", "8080", "").Start(ctx); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}

func TestAServiceThatDiesWhileAStepRuns(t *testing.T) {
	ctx := context.Background()
	_, ct, seen := serving(t)
	n := nonce()
	s := serve(ct, "serve", "8080", n)
	_, err := ct.WithEnvVariable("N", n).WithServiceBinding("web", s).WithExec([]string{"/program", "ask", "die ", "web:8080"}).Sync(ctx)
	var failed *dagger.ExecError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v", err)
	}
	host, _ := s.Hostname(ctx)
	if want := "exit code: 7; the service " + host + " (web) has ended: exit code: 9\n  web | serving " + n + "\n  web | told to die"; !strings.HasPrefix(failed.Error(), want) {
		t.Errorf("got %q, want %q", failed.Error(), want)
	}
	if failed := seen.named(engine.Failed); len(failed) != 1 || !strings.Contains(seen.logged(), "told to die") {
		t.Errorf("failed %q, logged %q", failed, seen.logged())
	}
}

// The logs of a service are shown if a step that uses it fails.
func TestTheLogsOfAServiceAreShown(t *testing.T) {
	_, ct, seen := serving(t)
	s := serve(ct, "serve", "8080", nonce())
	_, err := ct.WithEnvVariable("N", nonce()).WithServiceBinding("web", s).WithExec([]string{"/program", "exit", "4", "wrong"}).Sync(context.Background())
	var failed *dagger.ExecError
	if !errors.As(err, &failed) || !strings.HasPrefix(failed.Error(), "exit code: 4 [") {
		t.Errorf("got %v", err)
	}
	if names := seen.named(engine.Failed); len(names) != 1 || !strings.Contains(names[0], "a step that uses it as web failed") {
		t.Errorf("failed %q", names)
	}
}

func TestTunnels(t *testing.T) {
	ctx := context.Background()
	c, ct, _ := serving(t)
	n := nonce()
	s := serve(ct, "serve", "8080", n)
	tunnel, err := c.Host().Tunnel(s).Start(ctx)
	must(t, err)
	endpoint, err := tunnel.Endpoint(ctx)
	must(t, err)
	ask := func() (string, error) {
		conn, err := net.Dial("tcp", endpoint)
		if err != nil {
			return "", err
		}
		defer conn.Close()
		fmt.Fprint(conn, "tell")
		answer, err := io.ReadAll(conn)
		return string(answer), err
	}
	if got, err := ask(); err != nil || !strings.HasPrefix(got, n) {
		t.Errorf("got %q, %v", got, err)
	}
	_, err = tunnel.Stop(ctx)
	must(t, err)
	if got, err := ask(); err == nil {
		t.Errorf("the tunnel is stopped and answers %q", got)
	}
	if _, err := c.Host().Tunnel(s).Endpoint(ctx); err == nil || !strings.Contains(err.Error(), "not running") {
		t.Errorf("got %v", err)
	}
	if _, err := c.Host().Tunnel(ct.AsService(dagger.ContainerAsServiceOpts{Args: []string{"/program"}})).Start(ctx); err == nil || !strings.Contains(err.Error(), "no ports to forward") {
		t.Errorf("got %v", err)
	}
}

func TestUpForwardsPortsUntilItIsStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, ct, seen := serving(t)
	s := serve(ct, "serve", "8080", nonce())
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	must(t, free.Close())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Up(ctx, dagger.ServiceUpOpts{Ports: []dagger.PortForward{{Frontend: port, Backend: 8080, Protocol: dagger.NetworkProtocolTcp}}})
	}()
	for !strings.Contains(seen.logged(), fmt.Sprint("127.0.0.1:", port)) {
		select {
		case err := <-ended:
			t.Fatalf("up ended: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
	must(t, err)
	must(t, conn.Close())
	_, err = s.Stop(ctx)
	must(t, err)
	must(t, <-ended)
}

func TestServicesOfTheHost(t *testing.T) {
	c, ct, _ := serving(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "of the host") })}
	go srv.Serve(l)
	defer srv.Close()
	port := l.Addr().(*net.TCPAddr).Port
	for name, front := range map[string]int{"the same port": port, "another port": 8123} {
		s := c.Host().Service([]dagger.PortForward{{Frontend: front, Backend: port}})
		client := ct.WithEnvVariable("N", nonce()).WithServiceBinding("host", s)
		if got := output(t, client, "ask", "GET / HTTP/1.0\r\n\r\n", fmt.Sprint("host:", front)); !strings.Contains(got, "of the host") {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// machineAddresses are the addresses of this machine in other networks than its loopback, an IPv4 address first.
func machineAddresses(t *testing.T) (found []string) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	must(t, err)
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			found = append(found, n.IP.String())
		}
	}
	slices.SortStableFunc(found, func(a, b string) int { return strings.Count(a, ":") - strings.Count(b, ":") })
	if len(found) == 0 || strings.Contains(found[0], ":") {
		testenv.Missing(t, "this machine has no IPv4 network: connect it, or add an address to an interface")
	}
	return found
}

// A step that uses services also has the network that other steps have.
func TestStepsWithServicesReachOtherNetworks(t *testing.T) {
	ctx := context.Background()
	_, ct, _ := serving(t)
	addresses := machineAddresses(t)
	at := addresses[0]
	last := addresses[len(addresses)-1] // IPv6 if the machine has it
	var servers []string
	for _, host := range []string{at, last, "127.0.0.1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		must(t, err)
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "of the machine") })}
		go srv.Serve(l)
		defer srv.Close()
		servers = append(servers, l.Addr().String())
	}
	packets, err := net.ListenPacket("udp", net.JoinHostPort(at, "0"))
	must(t, err)
	defer packets.Close()
	go func() {
		buf := make([]byte, 100)
		for {
			n, from, err := packets.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = packets.WriteTo([]byte("heard "+string(buf[:n])), from)
		}
	}()
	client := ct.WithEnvVariable("N", nonce()).WithServiceBinding("web", serve(ct, "serve", "8080", "web"))
	got := output(t, client, append([]string{"ask", "GET / HTTP/1.0\r\n\r\n"}, servers...)...)
	if strings.Count(got, "of the machine") != len(servers) {
		t.Errorf("TCP: got %q", got)
	}
	if got := output(t, client, "udp", packets.LocalAddr().String(), "you"); got != "heard you" {
		t.Errorf("UDP: got %q", got)
	}
	echo, err := net.Listen("tcp", net.JoinHostPort(at, "0"))
	must(t, err)
	defer echo.Close()
	go func() {
		for conn, err := echo.Accept(); err == nil; conn, err = echo.Accept() {
			_, _ = io.Copy(conn, conn)
			conn.Close()
		}
	}()
	if got := output(t, client, "echo", echo.Addr().String(), "16"); got != "16777216 <nil> true" {
		t.Errorf("16 MB came back as %q", got)
	}
	closed, err := net.Listen("tcp", net.JoinHostPort(at, "0"))
	must(t, err)
	must(t, closed.Close())
	_, err = client.WithExec([]string{"/program", "ask", "tell", closed.Addr().String()}).Sync(ctx)
	var failed *dagger.ExecError
	if !errors.As(err, &failed) || !strings.Contains(failed.Stderr, "connection refused") {
		t.Errorf("got %v", err)
	}
}

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

// An engine that does not run as root has the same services, in a network of its own.
func TestServicesWithoutRoot(t *testing.T) {
	enginetest.AsUser(t,
		"TestServicesOnOnePortDoNotCollide", "TestNamesOfServices", "TestServicesKnowEachOther", "TestTunnels", "TestUpForwardsPortsUntilItIsStopped",
		"TestServicesOfTheHost", "TestServicesOfTwoSessions", "TestARegistryIsAService", "TestStepsWithServicesReachOtherNetworks",
		"TestAServiceThatDiesWhileAStepRuns", "TestTheLogsOfAServiceAreShown", "TestTerminalWithServicesAndSockets",
		"TestSessionsLeaveNothing", "TestKilledDaemonLeavesNothing", "TestTheDaemonEndsWhileItIsUsed",
	)
}

// Without subordinate ids no command runs, and so no service. The error says what to install.
func TestServicesAreRefusedWithAReason(t *testing.T) {
	if os.Geteuid() == 0 {
		enginetest.AsLimitedUser(t, t.Name())
		return
	}
	dir := program(t, server)
	opts := enginetest.Options(t, dir)
	d, err := engine.Up(context.Background(), opts)
	must(t, err)
	if !errors.Is(d.RuntimeError(), daemon.ErrNoSubIDs) {
		testenv.Missing(t, "this user has subordinate ids: run as root")
	}
	c := enginetest.Connect(t, opts).Client
	_, err = serve(c.Container().WithFile("/program", c.Host().File("program")), "serve", "8080", "x").Start(context.Background())
	testenv.WantError(t, err, "subordinate ids", "apt-get install uidmap")
}
