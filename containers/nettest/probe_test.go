package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

var discardLog = log.New(io.Discard, "", 0)

// probe runs the program on one target and returns its result and exit status.
func probe(t *testing.T, args ...string) (Result, int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), append([]string{"-format=json"}, args...), noEnv, &stdout, &stderr)
	var report struct {
		OK      bool
		Results []Result
	}
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatalf("nettest %v: status %d, stdout %q, stderr %q: %v", args, status, &stdout, &stderr, err)
	}
	if len(report.Results) != 1 || report.OK != (status == exitOK) || report.OK != report.Results[0].OK {
		t.Fatalf("nettest %v: status %d does not fit the report %s", args, status, &stdout)
	}
	return report.Results[0], status
}

func noEnv(string) string { return "" }

// wantFailed checks that a probe failed at a hop, with the expected hint.
func wantFailed(t *testing.T, r Result, hop Hop, hint string) {
	t.Helper()
	if r.OK || r.Failed != hop || r.Error == "" || !strings.Contains(r.Hint, hint) {
		t.Errorf("got %+v\nwant a failure at %s whose hint says %q", r, hop, hint)
	}
}

func wantOK(t *testing.T, r Result) {
	t.Helper()
	if !r.OK || len(r.Warnings) > 0 {
		t.Errorf("got %+v, want no failure and no warning", r)
	}
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		io.WriteString(w, "hello")
	case "/moved":
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
	case "/private":
		w.WriteHeader(http.StatusForbidden)
	case "/broken":
		w.WriteHeader(http.StatusBadGateway)
	case "/half":
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, "only this")
	default:
		http.NotFound(w, r)
	}
})

func TestHTTPS(t *testing.T) {
	ca := newAuthority(t)
	address := serveTLS(t, ca.issue(t, "127.0.0.1", 90*24*time.Hour+time.Hour), hello)
	r, _ := probe(t, "-ca="+ca.file(t), "https://"+address+"/")
	wantOK(t, r)
	if r.TLS == nil || r.TLS.Version != "TLS 1.3" || r.TLS.Subject != "CN=server 127.0.0.1" || r.TLS.Issuer != "CN=Test CA" || r.TLS.DaysLeft != 90 {
		t.Errorf("TLS: %+v", r.TLS)
	}
	if r.HTTP == nil || r.HTTP.Status != 200 || r.Address != address {
		t.Errorf("HTTP: %+v, address %s", r.HTTP, r.Address)
	}
	for _, hop := range []Hop{HopConnect, HopTLS, HopHTTP} {
		if ms, ok := r.phase(hop); !ok || ms < 0 {
			t.Errorf("phase %s: %v %v", hop, ms, ok)
		}
	}
}

func TestHTTPStatus(t *testing.T) {
	address := servePlain(t, hello)
	for path, failed := range map[string]Hop{"/": "", "/moved": "", "/private": "", "/missing": HopHTTP, "/broken": HopHTTP, "/half": HopHTTP} {
		r, _ := probe(t, "http://"+address+path)
		if r.Failed != failed || r.OK != (failed == "") {
			t.Errorf("%s: failed %q (%s), want %q", path, r.Failed, r.Error, failed)
		}
		if path == "/moved" && r.HTTP.Location != "https://elsewhere.example/" {
			t.Errorf("/moved: %+v", r.HTTP)
		}
	}
}

func TestBareHostNeedOnlyAnswer(t *testing.T) {
	ca := newAuthority(t)
	address := serveTLS(t, ca.issue(t, "127.0.0.1", 90*24*time.Hour), http.NotFoundHandler())
	r, _ := probe(t, "-ca="+ca.file(t), address)
	wantOK(t, r)
	address = serveTLS(t, ca.issue(t, "127.0.0.1", 90*24*time.Hour), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	r, _ = probe(t, "-ca="+ca.file(t), address)
	wantFailed(t, r, HopHTTP, "proxy in front")
}

func TestCertificates(t *testing.T) {
	ca := newAuthority(t)
	file := "-ca=" + ca.file(t)
	year := 365 * 24 * time.Hour

	good := serveTLS(t, ca.issue(t, "127.0.0.1", year), hello)
	r, _ := probe(t, "tls://"+good)
	wantFailed(t, r, HopTLS, "-ca=FILE")
	if r.TLS == nil || r.TLS.Subject != "CN=server 127.0.0.1" {
		t.Errorf("a certificate that is refused must still be shown, got %+v", r.TLS)
	}
	r, _ = probe(t, file, "tls://"+good)
	wantOK(t, r)

	r, _ = probe(t, file, "tls://"+serveTLS(t, ca.issue(t, "127.0.0.1", -25*time.Hour), hello))
	wantFailed(t, r, HopTLS, "renew")
	if r.TLS.DaysLeft != -2 {
		t.Errorf("expired 25 hours ago: %d days left, want -2", r.TLS.DaysLeft)
	}
	r, _ = probe(t, file, "tls://"+serveTLS(t, ca.issue(t, "other.example", year), hello))
	wantFailed(t, r, HopTLS, "other names")

	soon := serveTLS(t, ca.issue(t, "127.0.0.1", 5*24*time.Hour+time.Hour), hello)
	r, _ = probe(t, file, "tls://"+soon)
	if !r.OK || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "expires in 5 days") {
		t.Errorf("5 days left: %+v", r)
	}
	r, _ = probe(t, file, "-expiry=4", "tls://"+soon)
	wantOK(t, r)
}

func TestTLSWhereThereIsNone(t *testing.T) {
	r, _ := probe(t, "https://"+servePlain(t, hello)+"/")
	wantFailed(t, r, HopTLS, "http://")
	r, _ = probe(t, "tls://"+serveTCP(t, func(net.Conn) {}))
	wantFailed(t, r, HopTLS, "handshake")
}

func TestConnect(t *testing.T) {
	r, _ := probe(t, "tcp://"+serveTCP(t, func(net.Conn) {}))
	wantOK(t, r)
	r, status := probe(t, "tcp://"+refused)
	wantFailed(t, r, HopConnect, "nothing listens")
	if status != exitFailed {
		t.Errorf("status %d, want %d", status, exitFailed)
	}
}

func TestServerThatNeverAnswers(t *testing.T) {
	silent := serveTCP(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	r, _ := probe(t, "-timeout=1s", "http://"+silent+"/")
	wantFailed(t, r, HopHTTP, "in time")
	r, _ = probe(t, "-timeout=1s", "tls://"+silent)
	wantFailed(t, r, HopTLS, "no answer")
}

func TestServerThatHangsUp(t *testing.T) {
	r, _ := probe(t, "http://"+serveTCP(t, func(c net.Conn) { c.Read(make([]byte, 4096)) })+"/")
	wantFailed(t, r, HopHTTP, "closed the connection")
	r, _ = probe(t, "http://"+serveTCP(t, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, "220 mail.example ESMTP\r\n")
	})+"/")
	wantFailed(t, r, HopHTTP, "does not speak HTTP")
}

func TestDNS(t *testing.T) {
	nameserver := "-nameserver=" + serveDNS(t, map[string][]string{
		"one.example": {"127.0.0.1"}, "two.example": {"127.0.0.1", "127.0.0.2"}, "sick.example": nil,
	})
	r, _ := probe(t, nameserver, "dns://two.example")
	wantOK(t, r)
	if len(r.Addresses) != 2 || r.Address != "" {
		t.Errorf("addresses %v, connected to %q", r.Addresses, r.Address)
	}
	r, _ = probe(t, nameserver, "dns://missing.example")
	wantFailed(t, r, HopDNS, "no such name")
	r, _ = probe(t, nameserver, "dns://sick.example")
	wantFailed(t, r, HopDNS, "nameserver")
	r, _ = probe(t, "-timeout=1s", "-nameserver="+silentUDP(t), "dns://one.example")
	wantFailed(t, r, HopDNS, "does not answer")
	r, _ = probe(t, "missing.invalid") // the machine's own resolver; .invalid never exists (RFC 2606)
	if r.OK || r.Failed != HopDNS {
		t.Errorf("missing.invalid: %+v", r)
	}
}

// silentUDP returns an address that receives questions and never answers.
func silentUDP(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.LocalAddr().String()
}

func TestOneAddressOfTwoAnswers(t *testing.T) {
	address := serveTCP(t, func(net.Conn) {}) // on 127.0.0.1 alone
	_, port, _ := net.SplitHostPort(address)
	nameserver := "-nameserver=" + serveDNS(t, map[string][]string{"two.example": {"127.0.0.2", "127.0.0.1"}})
	r, _ := probe(t, nameserver, "tcp://two.example:"+port)
	if !r.OK || r.Address != address || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "127.0.0.2") {
		t.Errorf("got %+v, want it connected to %s with a warning about 127.0.0.2", r, address)
	}
}

func TestRegistry(t *testing.T) {
	ca := newAuthority(t)
	file := "-ca=" + ca.file(t)
	real := registry.New(registry.Logger(discardLog))
	year := 365 * 24 * time.Hour

	r, _ := probe(t, "registry://"+servePlain(t, real))
	wantOK(t, r)
	if r.Registry == nil || !r.Registry.Plain || r.TLS != nil {
		t.Errorf("loopback must be asked over plain HTTP: %+v", r)
	}

	secure := serveTLS(t, ca.issue(t, "registry.example", year), real)
	_, port, _ := net.SplitHostPort(secure)
	nameserver := "-nameserver=" + serveDNS(t, map[string][]string{"registry.example": {"127.0.0.1"}})
	r, _ = probe(t, file, nameserver, "registry://registry.example:"+port)
	wantOK(t, r)
	if r.Registry == nil || r.Registry.Plain || r.TLS == nil {
		t.Errorf("any other host must be asked over TLS: %+v", r)
	}
	r, _ = probe(t, file, nameserver, "-insecure-registry=registry.example:"+port, "registry://registry.example:"+port)
	wantFailed(t, r, HopRegistry, "leave it out of -insecure-registry")

	_, port, _ = net.SplitHostPort(servePlain(t, real))
	r, _ = probe(t, nameserver, "registry://registry.example:"+port)
	wantFailed(t, r, HopTLS, "-insecure-registry=registry.example:"+port)
	r, _ = probe(t, nameserver, "-insecure-registry=other.example,Registry.example", "registry://registry.example:"+port)
	wantOK(t, r)
}

func TestRegistryAnswers(t *testing.T) {
	const bearer = `Bearer realm="https://auth.example/token"`
	for name, c := range map[string]struct {
		status    int
		header    map[string]string
		failed    Hop
		challenge string
	}{
		"login":        {401, map[string]string{"Www-Authenticate": bearer}, "", bearer},
		"no challenge": {401, nil, HopRegistry, ""},
		"web page":     {200, map[string]string{"Content-Type": "text/html; charset=utf-8"}, HopRegistry, ""},
		"json":         {200, map[string]string{"Content-Type": "application/json"}, "", ""},
		"missing":      {404, nil, HopRegistry, ""},
		"moved":        {301, map[string]string{"Location": "https://elsewhere.example/v2/"}, HopRegistry, ""},
		"sick":         {503, nil, HopRegistry, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := probe(t, "registry://"+servePlain(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v2/" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				for k, v := range c.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(c.status)
			})))
			if r.Failed != c.failed || r.OK != (c.failed == "") {
				t.Errorf("got %+v, want failed %q", r, c.failed)
			}
			if r.OK && r.Registry.Challenge != c.challenge {
				t.Errorf("challenge %q, want %q", r.Registry.Challenge, c.challenge)
			}
		})
	}
}
