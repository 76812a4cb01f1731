package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// identify makes the credentials of clients and the API server. The administrator's token stays, the rest is made again.
func (c *Cluster) identify() error {
	var err error
	if c.token, err = loadOrCreateSecret(filepath.Join(c.dir, "admin.token")); err != nil {
		return err
	}
	// Columns: token, user, its id, its groups.
	tokens := c.token + ",admin,1,system:masters\n"
	if err := os.WriteFile(c.tokens(), []byte(tokens), 0o600); err != nil {
		return err
	}
	cert, key, err := selfSigned("kube-apiserver", net.IPv4(127, 0, 0, 1))
	if err != nil {
		return err
	}
	// The key also signs the service accounts' tokens, which nothing in the lab uses.
	err = errors.Join(os.WriteFile(c.certificate(), cert, 0o600), os.WriteFile(c.key(), key, 0o600))
	if err != nil {
		return err
	}
	c.roots = x509.NewCertPool()
	c.roots.AppendCertsFromPEM(cert)
	c.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: c.roots, MinVersion: tls.VersionTLS13},
		ForceAttemptHTTP2: true,
	}}
	return c.writeKubeconfig(cert)
}

func (c *Cluster) tokens() string      { return filepath.Join(c.dir, "tokens.csv") }
func (c *Cluster) certificate() string { return filepath.Join(c.dir, "server.crt") }
func (c *Cluster) key() string         { return filepath.Join(c.dir, "server.key") }

// writeKubeconfig writes JSON, which is YAML too.
func (c *Cluster) writeKubeconfig(cert []byte) error {
	config, err := json.MarshalIndent(object{
		"apiVersion": "v1", "kind": "Config", "current-context": "lab",
		"clusters": []object{{"name": "lab", "cluster": object{"server": c.URL(), "certificate-authority-data": cert}}},
		"users":    []object{{"name": "admin", "user": object{"token": c.token}}},
		"contexts": []object{{"name": "lab", "context": object{"cluster": "lab", "user": "admin", "namespace": "default"}}},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.Kubeconfig(), config, 0o600)
}

// loadOrCreateSecret reads a secret from a file, or makes one and keeps it there.
func loadOrCreateSecret(path string) (string, error) {
	kept, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(kept)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	secret := rand.Text()
	return secret, os.WriteFile(path, []byte(secret+"\n"), 0o600)
}

// selfSigned makes a server's certificate that is its own authority, for a year, and its key, both as PEM.
func selfSigned(name string, addresses ...net.IP) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name + " of a BlumeOps lab"},
		DNSNames:     []string{"localhost"},
		IPAddresses:  addresses,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate of %s: %w", name, err)
	}
	sec1, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("key of %s: %w", name, err)
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})
	return cert, key, nil
}
