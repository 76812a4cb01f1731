package daemon

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	controlapi "github.com/moby/buildkit/api/services/control"
	apitypes "github.com/moby/buildkit/api/types"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// buildKit is a daemon that only reports its worker.
type buildKit struct {
	controlapi.UnimplementedControlServer
	pkg string
}

// ListWorkers implements [controlapi.ControlServer].
func (b buildKit) ListWorkers(context.Context, *controlapi.ListWorkersRequest) (*controlapi.ListWorkersResponse, error) {
	return &controlapi.ListWorkersResponse{Record: []*apitypes.WorkerRecord{{
		ID:              "w",
		GCPolicy:        []*apitypes.GCPolicy{{MaxUsedSpace: 42}},
		BuildkitVersion: &apitypes.BuildkitVersion{Package: b.pkg, Version: "v0.1.0"},
	}}}, nil
}

// DiskUsage implements [controlapi.ControlServer].
func (b buildKit) DiskUsage(context.Context, *controlapi.DiskUsageRequest) (*controlapi.DiskUsageResponse, error) {
	return &controlapi.DiskUsageResponse{Record: []*controlapi.UsageRecord{{ID: "a", Size: 7}, {ID: "b", Size: 9, Shared: true}}}, nil
}

// serveBuildKit serves until the listener is closed.
func serveBuildKit(t *testing.T, pkg string, config *tls.Config) func(net.Listener) {
	t.Helper()
	var opts []grpc.ServerOption
	if config != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(config)))
	}
	server := grpc.NewServer(opts...)
	controlapi.RegisterControlServer(server, buildKit{pkg: pkg})
	t.Cleanup(server.Stop)
	return func(l net.Listener) { server.Serve(l) }
}

// hangUp accepts connections and closes them.
func hangUp(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		c.Close()
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// env is an environment of the given pairs.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if v, ok := strings.CutPrefix(pair, name+"="); ok {
				return v
			}
		}
		return ""
	}
}

func TestNamedDaemonIsUsedAndNotStopped(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "b.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	go serveBuildKit(t, "github.com/moby/buildkit", nil)(l)
	opts := Options{StateDir: t.TempDir(), Getenv: env("BUILDKIT_HOST=unix://" + socket)}
	d, err := Ensure(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if !d.External || d.Version != "v0.1.0" || d.Address != "unix://"+socket {
		t.Errorf("got %+v", d)
	}
	s, err := Find(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Running || !s.External || s.CacheUsed != 7 || s.CacheLimit != 42 {
		t.Errorf("got %+v", s)
	}
	if err := Down(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	if _, err := Ensure(t.Context(), opts); err != nil {
		t.Errorf("after down: %v", err)
	}
}

func TestNamedDaemonWithTLS(t *testing.T) {
	ca, server, dir := certificates(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: ca, ClientAuth: tls.RequireAndVerifyClientCert}
	go serveBuildKit(t, "github.com/moby/buildkit", config)(l)
	host := "BUILDKIT_HOST=tcp://" + l.Addr().String()

	d, err := Ensure(t.Context(), Options{Getenv: env(host, "BUILDKIT_TLS_DIR="+dir)})
	if err != nil {
		t.Fatal(err)
	}
	if d.Version != "v0.1.0" {
		t.Errorf("got %+v", d)
	}
	if _, err := Ensure(t.Context(), Options{Getenv: env(host)}); err == nil {
		t.Error("a daemon that requires TLS answered without it")
	}
	_, err = Ensure(t.Context(), Options{Getenv: env(host, "BUILDKIT_TLS_DIR="+t.TempDir())})
	if err == nil || !strings.Contains(err.Error(), "expected ca.pem, cert.pem and key.pem") {
		t.Errorf("an empty folder of certificates: %v", err)
	}
	if _, err := Ensure(t.Context(), Options{Getenv: env(host, "BUILDKIT_TLS_DIR="+dir, "BUILDKIT_TLS_SERVER_NAME=other.example")}); err == nil {
		t.Error("a certificate of another name was accepted")
	}
}

func TestNamedDaemonThatIsNone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go hangUp(l)
	for host, want := range map[string]string{
		"unix:///nowhere/b.sock":       "does not answer as a BuildKit daemon",
		"tcp://" + l.Addr().String():   "does not answer as a BuildKit daemon",
		"tcp://127.0.0.1":              "expected unix:///PATH",
		"docker-container://buildkitd": "expected unix:///PATH",
		"unix://":                      "expected unix:///PATH",
		"tcp://%zz":                    "invalid BUILDKIT_HOST",
		"tcp://ci:canary@127.0.0.1:1":  "contains a user or a password",
		"tcp://ci:can/ary@127.0.0.1:1": "contains a user or a password",
		"ci:canary@127.0.0.1:1":        "contains a user or a password",
	} {
		_, err := Ensure(t.Context(), Options{Getenv: env("BUILDKIT_HOST=" + host)})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "ary@") {
			t.Errorf("%s: %v, want it to say %q", host, err, want)
		}
	}
}

// A builder uses the certificates in the folder of its host, and never the name of another server. An engine of Dagger is refused.
func TestBuilder(t *testing.T) {
	ca, server, dir := certificates(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: ca, ClientAuth: tls.RequireAndVerifyClientCert}
	go serveBuildKit(t, "github.com/moby/buildkit", config)(l)
	all := t.TempDir()
	if err := os.Rename(dir, filepath.Join(all, "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	opts := Options{Builder: "tcp://" + l.Addr().String(), Getenv: env("BUILDKIT_HOST=unix:///nowhere/b.sock", "BUILDKIT_TLS_DIR="+all, "BUILDKIT_TLS_SERVER_NAME=other.example")}
	d, err := Ensure(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if !d.External || d.Version != "v0.1.0" || d.Runs("linux/amd64") || d.Platforms() != nil {
		t.Errorf("got %+v", d)
	}
	socket := filepath.Join(t.TempDir(), "d.sock")
	l, err = net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	go serveBuildKit(t, daggerPackage, nil)(l)
	_, err = Ensure(t.Context(), Options{Builder: "unix://" + socket})
	var hinter interface{ Hint() string }
	if !errors.As(err, &hinter) || err.Error() != "is an engine of Dagger" || !strings.Contains(hinter.Hint(), "dagger+unix://"+socket) {
		t.Errorf("got %v", err)
	}
}

// certificates makes an authority, a server's certificate, and a folder with those of a client.
func certificates(t *testing.T) (*x509.CertPool, tls.Certificate, string) {
	t.Helper()
	dir := t.TempDir()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caKey := newKey(t)
	caDER := sign(t, authority, authority, caKey, caKey)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	key := newKey(t)
	der := sign(t, leaf, authority, key, caKey)
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", caDER)
	writePEM(t, filepath.Join(dir, "cert.pem"), "CERTIFICATE", der)
	writePEM(t, filepath.Join(dir, "key.pem"), "EC PRIVATE KEY", keyDER)
	pool := x509.NewCertPool()
	ca, err := x509.ParseCertificate(caDER)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(ca)
	return pool, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, dir
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, cert, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
