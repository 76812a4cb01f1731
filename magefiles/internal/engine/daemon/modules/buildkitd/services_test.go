package main

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/executor"
)

func TestVariablesAreTaken(t *testing.T) {
	meta := executor.Meta{Env: []string{"A=1", serviceVariable + "=the session", hostsVariable + "=10.0.0.2 web\n10.0.0.3 db\n", "B=" + hostsVariable}}
	session, err := takeVariables(&meta)
	if err != nil || session != "the session" {
		t.Errorf("session: %q, %v", session, err)
	}
	if !slices.Equal(meta.Env, []string{"A=1", "B=" + hostsVariable}) {
		t.Errorf("the environment is %q", meta.Env)
	}
	if len(meta.ExtraHosts) != 2 || meta.ExtraHosts[1].Host != "db" || !meta.ExtraHosts[1].IP.Equal(net.IPv4(10, 0, 0, 3)) {
		t.Errorf("the hosts are %v", meta.ExtraHosts)
	}
	plain := executor.Meta{Env: []string{"A=1"}}
	if session, err := takeVariables(&plain); err != nil || session != "" || len(plain.ExtraHosts) != 0 || len(plain.Env) != 1 {
		t.Errorf("got %q, %v, %v", session, err, plain)
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

func TestRootlessIsRefused(t *testing.T) {
	if n, err := (&bridge{rootless: true}).join(); err == nil || !strings.Contains(err.Error(), "as root") {
		t.Errorf("got %v, %v", n, err)
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
	b := &bridge{root: t.TempDir()}
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
	if made := interfaces(t, b.root); len(made) != 3 {
		t.Errorf("%q were made, want a bridge and two others", made)
	}
	for _, n := range []*namespace{one, one, two} { // a second Close does nothing
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
	if after := interfaces(t, b.root); len(after) > 0 {
		t.Errorf("%q are left", after)
	}
	again, err := b.join()
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// interfaces are those of the daemon with that root folder.
func interfaces(t *testing.T, root string) (names []string) {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		if strings.Contains(l.Name, interfaceKey(root)) {
			names = append(names, l.Name)
		}
	}
	return names
}
