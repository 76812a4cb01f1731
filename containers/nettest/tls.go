package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// handshake starts TLS on a connection, describes the server's certificate and then verifies it. It verifies after crypto/tls, not in it,
// so that the report can show the subject and expiry of a refused certificate.
func (p *Prober) handshake(ctx context.Context, conn net.Conn, t Target, r *Result) net.Conn {
	start := time.Now()
	client := tls.Client(conn, &tls.Config{
		ServerName:         strings.TrimSuffix(t.Host, "."),
		InsecureSkipVerify: true, //nolint:gosec // verified below
	})
	err := client.HandshakeContext(ctx)
	r.timed(HopTLS, start)
	if err != nil {
		r.fail(HopTLS, err, tlsHint(err, t))
		return conn
	}
	state := client.ConnectionState()
	leaf := state.PeerCertificates[0]
	r.TLS = describe(state.Version, leaf)
	if err := p.verify(state.PeerCertificates, t.Host); err != nil {
		r.fail(HopTLS, err, tlsHint(err, t))
		return conn
	}
	if left := time.Until(leaf.NotAfter); left < p.ExpiryWarning {
		r.warn(fmt.Sprintf("the certificate expires in %d days, on %s", r.TLS.DaysLeft, leaf.NotAfter.Format(time.DateOnly)))
	}
	return client
}

// verify checks the chain, the dates and the host, as crypto/tls does.
func (p *Prober) verify(chain []*x509.Certificate, host string) error {
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: strings.TrimSuffix(host, "."), Roots: p.Roots, Intermediates: intermediates})
	return err
}

func describe(protocol uint16, leaf *x509.Certificate) *TLSInfo {
	names := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	left := time.Until(leaf.NotAfter)
	days := int(left / (24 * time.Hour))
	if left < 0 {
		days-- // an hour too late is -1, not 0
	}
	return &TLSInfo{
		Version: tls.VersionName(protocol), Subject: leaf.Subject.String(), Names: names, Issuer: leaf.Issuer.String(),
		NotAfter: leaf.NotAfter.UTC(), DaysLeft: days,
	}
}

func tlsHint(err error, t Target) string {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		record   tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return "the certificate is not from a CA known here: give the private CA with -ca=FILE; if the server does not send its intermediate certificate, correct that"
	case errors.As(err, &hostname):
		return "the certificate is for other names: check the host, or that the proxy in front knows this name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew the certificate, and check that this machine's clock is right"
	case errors.As(err, &record) && t.Kind == KindRegistry:
		return "this port does not speak TLS: if the registry is plain HTTP on purpose, name it with -insecure-registry=" + strings.TrimPrefix(t.String(), "registry://")
	case errors.As(err, &record):
		return "this port does not speak TLS: check the port, or write http://"
	case isTimeout(err):
		return "connected, but TLS gets no answer: often packets too large for a tunnel (MTU), or a proxy that waits for its backend"
	default:
		return "the server broke the handshake off: it may not know this host name (SNI), or speak nothing newer than TLS 1.1"
	}
}
