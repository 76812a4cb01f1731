package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

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

// An engine that does not run as root has the same services, in a network of its own.
func TestServicesWithoutRoot(t *testing.T) {
	enginetest.AsUser(t,
		"TestServicesOnOnePortDoNotCollide", "TestNamesOfServices", "TestServicesKnowEachOther", "TestTunnels", "TestUpForwardsPortsUntilItIsStopped",
		"TestServicesOfTheHost", "TestServicesOfTwoSessions", "TestARegistryIsAService", "TestARepositoryOfAService", "TestADownloadFromAService", "TestStepsWithServicesReachOtherNetworks",
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
