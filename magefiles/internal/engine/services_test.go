package engine_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
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
