package faultproxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"time"
)

// identity is a server's certificate with the authority that signed it. The authority's key is not kept.
type identity struct {
	ca          []byte // PEM
	authority   *x509.Certificate
	certificate tls.Certificate
}

// lifetime of certificates: longer than any lab.
const lifetime = 10 * 365 * 24 * time.Hour

// newIdentity makes a certificate for a host name or address, and for this machine's own names.
func newIdentity(host string) (*identity, error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	begin := time.Now().Add(-time.Hour) // clocks differ
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "BlumeOps lab authority"}, NotBefore: begin, NotAfter: begin.Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, authorityKey.Public(), authorityKey)
	if err != nil {
		return nil, err
	}
	authority, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.CreateCertificate(rand.Reader, leafTemplate(host, begin), authority, key.Public(), authorityKey)
	if err != nil {
		return nil, err
	}
	return &identity{
		ca:          pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}),
		authority:   authority,
		certificate: tls.Certificate{Certificate: [][]byte{leaf}, PrivateKey: key},
	}, nil
}

func leafTemplate(host string, begin time.Time) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "BlumeOps lab"}, NotBefore: begin, NotAfter: begin.Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = append(template.IPAddresses, ip)
	} else {
		template.DNSNames = append(template.DNSNames, host)
	}
	return template
}

func (i *identity) listen(plain net.Listener) net.Listener {
	return tls.NewListener(plain, &tls.Config{Certificates: []tls.Certificate{i.certificate}, NextProtos: []string{"http/1.1"}})
}

// transport is for a client that trusts the authority.
func (i *identity) transport() *http.Transport {
	pool := x509.NewCertPool()
	pool.AddCert(i.authority)
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ExpectContinueTimeout: expectContinue}
}
