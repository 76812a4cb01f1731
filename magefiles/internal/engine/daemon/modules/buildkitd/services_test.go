package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/buildkit/executor"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestVariablesAreTaken(t *testing.T) {
	meta := executor.Meta{Env: []string{"A=1", serviceVariable + "=the session", hostsVariable + "=10.0.0.2 web\n10.0.0.3 db\n", "B=" + hostsVariable}}
	session, uses, err := takeVariables(&meta)
	if err != nil || session != "the session" || !uses {
		t.Errorf("session: %q, %t, %v", session, uses, err)
	}
	if !slices.Equal(meta.Env, []string{"A=1", "B=" + hostsVariable}) {
		t.Errorf("the environment is %q", meta.Env)
	}
	if len(meta.ExtraHosts) != 2 || meta.ExtraHosts[1].Host != "db" || !meta.ExtraHosts[1].IP.Equal(net.IPv4(10, 0, 0, 3)) {
		t.Errorf("the hosts are %v", meta.ExtraHosts)
	}
	plain := executor.Meta{Env: []string{"A=1"}}
	if session, uses, err := takeVariables(&plain); err != nil || session != "" || uses || len(plain.ExtraHosts) != 0 || len(plain.Env) != 1 {
		t.Errorf("got %q, %t, %v, %v", session, uses, err, plain)
	}
	for _, text := range []string{"web", "x web", "10.0.0.2 web db", "10.0.0.2"} {
		if hosts, err := parseHosts(text); err == nil {
			t.Errorf("%q: %v", text, hosts)
		}
	}
}

type closer struct{ bytes.Buffer }

func (*closer) Close() error { return nil }

func TestTheAddressIsTheFirstLine(t *testing.T) {
	for _, first := range []string{"", "log"} {
		out := &closer{}
		a := &announced{WriteCloser: out, line: "10.0.0.2/22\n"}
		for _, p := range []string{first, "log"} {
			if n, err := a.Write([]byte(p)); err != nil || n != len(p) {
				t.Errorf("wrote %d, %v", n, err)
			}
		}
		if want := "10.0.0.2/22\n" + first + "log"; out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
}

func TestSubnetsThatOverlapNothing(t *testing.T) {
	all := candidates()
	for _, c := range all {
		if c != c.Masked() || !c.Addr().IsPrivate() || c.Bits() != subnetBits {
			t.Errorf("%s is not a private subnet", c)
		}
	}
	for want, taken := range map[netip.Prefix][]string{
		all[0]:  nil,
		all[1]:  {"10.213.2.0/24", "192.168.0.0/16"},
		all[32]: {"10.0.0.0/8"},
		all[44]: {"10.0.0.0/8", "172.16.0.0/12"},
	} {
		var ranges []netip.Prefix
		for _, r := range taken {
			ranges = append(ranges, netip.MustParsePrefix(r))
		}
		if got, err := firstFree(all, ranges); err != nil || got != want {
			t.Errorf("%q: got %s, %v, want %s", taken, got, err, want)
		}
	}
	if got, err := firstFree(all, []netip.Prefix{netip.MustParsePrefix("8.0.0.0/5"), netip.MustParsePrefix("128.0.0.0/1")}); err == nil {
		t.Errorf("got %s", got)
	}
	if at := address(netip.MustParsePrefix("10.213.0.0/22"), 1000); at != netip.MustParseAddr("10.213.3.232") {
		t.Errorf("got %s", at)
	}
}

// An error says what the machine must have.
func TestHints(t *testing.T) {
	for err, want := range map[error]string{
		unix.EPERM: "CAP_NET_ADMIN", unix.ENOSPC: "user.max_net_namespaces", unix.EAFNOSUPPORT: "modprobe af_packet", unix.EOPNOTSUPP: "modprobe -a bridge veth",
	} {
		if got := hint(fmt.Errorf("make it: %w", err)); !strings.Contains(got, want) {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
	if got := hint(unix.EIO); got != "" {
		t.Errorf("got %q", got)
	}
}

// missing ends a test because a part of the machine is missing, as testenv.Missing does: in CI it fails.
func missing(t *testing.T, why any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// The namespaces of the bridge have different addresses, and nothing is left after the last.
func TestTheBridge(t *testing.T) {
	if os.Geteuid() != 0 {
		missing(t, "makes network interfaces: run as root")
	}
	testBridge(t, &hub{})
}

// usernetVariable names the program usernet for a test in a user namespace.
const usernetVariable = "BLUMEOPS_TEST_USERNET"

// Without root, the bridge is in a network of its own. The test runs itself again in a user namespace.
func TestTheBridgeWithoutRoot(t *testing.T) {
	if usernet := os.Getenv(usernetVariable); usernet != "" {
		h := &hub{usernet: usernet}
		testBridge(t, h)
		if made := interfaces(t, h, ""); !slices.Equal(made, []string{"eth0", "lo"}) && !slices.Equal(made, []string{"lo", "eth0"}) {
			t.Errorf("%q are in the network", made)
		}
		return
	}
	usernet := filepath.Join(t.TempDir(), "usernet")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", usernet, ".")
	build.Dir = filepath.Join("..", "usernet")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), usernetVariable+"="+usernet)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		missing(t, "user namespaces: sysctl user.max_user_namespaces=15000")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// testForwards looks at the ports of the bridge as soon as a service has its address: each passes packets already.
func testForwards(t *testing.T, b *bridge) {
	for range 20 {
		n, err := b.join()
		if err != nil {
			t.Fatal(err)
		}
		err = b.hub.do(func() error {
			links, err := netlink.LinkList()
			for _, link := range links {
				if a := link.Attrs(); strings.Contains(a.Name, interfaceKey(b.root)) && a.OperState != netlink.OperUp {
					t.Errorf("%s is %s", a.Name, a.OperState)
				}
			}
			return err
		})
		if err := errors.Join(err, n.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func testBridge(t *testing.T, h *hub) {
	b := &bridge{root: t.TempDir(), hub: h}
	one, err := b.join()
	if err != nil {
		missing(t, err)
	}
	two, err := b.join()
	if err != nil {
		t.Fatal(err)
	}
	if one.address == two.address || one.address.Masked() != two.address.Masked() {
		t.Errorf("addresses %s and %s", one.address, two.address)
	}
	if made := interfaces(t, h, interfaceKey(b.root)); len(made) != 3 {
		t.Errorf("%q were made, want a bridge and two others", made)
	}
	testSockets(t, b, one)
	for _, n := range []*namespace{one, one, two} { // a second Close does nothing
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
	if after := interfaces(t, h, interfaceKey(b.root)); len(after) > 0 {
		t.Errorf("%q are left", after)
	}
	testForwards(t, b)
	if b.serves(one.address.Addr()) {
		t.Errorf("%s is still the address of a service", one.address)
	}
	again, err := b.join()
	if err != nil {
		t.Fatal(err)
	}
	if again.address == one.address || again.address == two.address || !b.serves(again.address.Addr()) {
		t.Errorf("a new service has the address %s", again.address)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// interfaces are those of the network whose names have the part.
func interfaces(t *testing.T, h *hub, part string) (names []string) {
	t.Helper()
	err := h.do(func() error {
		all, err := net.Interfaces()
		for _, l := range all {
			if strings.Contains(l.Name, part) {
				names = append(names, l.Name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// testSockets connects to a server in the namespace of a service, and to one in the network of the steps, by sockets that the hub makes.
func testSockets(t *testing.T, b *bridge, service *namespace) {
	t.Helper()
	h := b.hub
	var server net.Listener
	err := within(service.handle, func() (err error) {
		server, err = net.Listen("tcp", net.JoinHostPort(service.address.Addr().String(), "80"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	file := ask(t, b, "listen 127.70.1.2:80")
	defer file.Close()
	near, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	for _, l := range []net.Listener{server, near} {
		go func() {
			if conn, err := l.Accept(); err == nil {
				fmt.Fprint(conn, "hello")
				conn.Close()
			}
		}()
		file := ask(t, b, "dial "+l.Addr().String())
		conn, err := net.FileConn(file)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); err != nil || string(got) != "hello" {
			t.Errorf("%s: got %q, %v", l.Addr(), got, err)
		}
		file.Close()
		conn.Close()
	}
	// A server in the network that is not a service, such as one of another daemon.
	other := net.JoinHostPort(address(b.subnet, bridgeNumber).String(), "80")
	var foreign net.Listener
	if err := h.do(func() (err error) { foreign, err = net.Listen("tcp", other); return err }); err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	if s, err := b.socket(t.Context(), "dial "+other); err == nil || !strings.Contains(err.Error(), "no service has the address") {
		t.Errorf("got %v, %v", s, err)
	}
	if h.usernet != "" {
		testLoopback(t, b)
	}
	for request, want := range map[string]string{
		"dial 127.70.1.3:80": "connection refused", "dial localhost:80": "unable to parse IP", "hold 127.0.0.1:80": "invalid request",
		"listen 127.70.1.2:80": "address already in use",
	} {
		if s, err := b.socket(t.Context(), request); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v", request, s, err)
		}
	}
}

// testLoopback connects to a server of the machine, by the same address.
func testLoopback(t *testing.T, b *bridge) {
	t.Helper()
	h := b.hub
	for _, at := range []string{"127.0.0.1:0", "127.9.8.7:0", ":0"} {
		server, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for conn, err := server.Accept(); err == nil; conn, err = server.Accept() {
				_, _ = io.Copy(conn, conn)
				conn.Close()
			}
		}()
		ctx, err := h.forStep(t.Context())
		if n, ok := ctx.Value(namespaceKey{}).(*namespace); err != nil || !ok || n.handle != h.handle {
			t.Fatalf("got %v, %v", n, err)
		}
		address := strings.Replace(server.Addr().String(), "[::]", "127.0.0.1", 1)
		socket, err := b.socket(t.Context(), "dial "+address)
		if err != nil {
			t.Fatal(err)
		}
		conn := socket.(*net.TCPConn)
		fmt.Fprint(conn, "hello")
		if err := conn.CloseWrite(); err != nil {
			t.Error(err)
		}
		if got, err := io.ReadAll(conn); err != nil || string(got) != "hello" {
			t.Errorf("%s: got %q, %v", at, got, err)
		}
		conn.Close()
		server.Close()
		if _, err := h.forStep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, err := b.socket(t.Context(), "dial "+address); err == nil {
			t.Errorf("%s: %v after the end of the server", at, s)
		}
	}
}

func TestServersOfTheLoopback(t *testing.T) {
	dir := t.TempDir()
	word := func(a, b, c, d byte) string {
		return fmt.Sprintf("%08X", binary.NativeEndian.Uint32([]byte{a, b, c, d}))
	}
	zero := word(0, 0, 0, 0)
	tcp := "  sl  local_address rem_address   st\n" +
		"   0: " + word(127, 0, 0, 1) + ":1F90 00000000:0000 0A 0\n" +
		"   1: " + word(127, 0, 0, 1) + ":1F91 0100007F:0016 01 0\n" + // a connection
		"   2: " + word(10, 0, 0, 1) + ":0050 00000000:0000 0A 0\n" +
		"   3: " + zero + ":0016 00000000:0000 0A 0\n"
	tcp6 := "  sl  local_address rem_address   st\n" +
		"   0: " + zero + zero + zero + zero + ":0016 x 0A 0\n" + // again
		"   1: " + zero + zero + zero + word(0, 0, 0, 1) + ":0017 x 0A 0\n" +
		"   2: " + zero + zero + word(0, 0, 255, 255) + word(127, 1, 2, 3) + ":0018 x 0A 0\n"
	for name, text := range map[string]string{"tcp": tcp, "tcp6": tcp6} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := loopbackServers(dir)
	if want := "[127.0.0.1:8080 127.0.0.1:22 [::1]:22 [::1]:23 127.1.2.3:24]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("got %v, %v; want %s", got, err, want)
	}
}

// ask sends a request as a client does, and returns the socket.
func ask(t *testing.T, b *bridge, request string) *os.File {
	t.Helper()
	l, err := listen(filepath.Join(t.TempDir(), "network.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go b.serveSockets(l)
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, request)
	text, rights := make([]byte, 1000), make([]byte, unix.CmsgSpace(4))
	n, size, _, _, err := conn.(*net.UnixConn).ReadMsgUnix(text, rights)
	if err != nil || string(text[:n]) != "ok\n" {
		t.Fatalf("%s: %q, %v", request, text[:n], err)
	}
	messages, err := unix.ParseSocketControlMessage(rights[:size])
	if err != nil {
		t.Fatal(err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fds[0]), request)
}
