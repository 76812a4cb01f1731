// Package trusttest gives tests servers whose certificates a local authority signed: valid ones and those that clients refuse.
package trusttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Fault is a fault of a certificate.
type Fault int

// The faults, and none.
const (
	None Fault = iota
	OtherName
	Expired
	OddName // with control characters of terminals
)

// Server serves over TLS on loopback. The file holds the authority that signed its certificate, in PEM.
func Server(tb testing.TB, fault Fault, handler http.Handler) (server *httptest.Server, file string) {
	tb.Helper()
	authority, key := sign(tb, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of " + tb.Name()},
		NotBefore: time.Now().Add(-72 * time.Hour), NotAfter: time.Now().Add(72 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	switch fault {
	case OtherName:
		leaf.DNSNames, leaf.IPAddresses = []string{"other.example"}, nil
	case OddName:
		leaf.DNSNames, leaf.IPAddresses = []string{"odd\x1b[31m\n\x07.example"}, nil
	case Expired:
		leaf.NotAfter = time.Now().Add(-24 * time.Hour)
	}
	certificate, leafKey := sign(tb, leaf, authority, key)
	server = httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would log the handshakes that clients break off
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate.Raw}, PrivateKey: leafKey}}}
	server.StartTLS()
	tb.Cleanup(server.Close)
	file = filepath.Join(tb.TempDir(), "authority.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw}), 0o644); err != nil {
		tb.Fatal(err)
	}
	return server, file
}

// sign makes a certificate; with no authority it signs itself.
func sign(tb testing.TB, template, authority *x509.Certificate, key *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	tb.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	if authority == nil {
		authority, key = template, own
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, authority, own.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return certificate, own
}
