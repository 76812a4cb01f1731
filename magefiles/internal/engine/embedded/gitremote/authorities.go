package gitremote

import (
	"bytes"
	"fmt"
	"os"
)

// systemAuthorities are the places of the machine's authorities, as Go knows them. git takes one file in place of them.
var systemAuthorities = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
}

// WriteAuthorities writes the authorities of the machine and those of the file extra to a file.
func WriteAuthorities(path, extra string) error {
	text, err := os.ReadFile(extra)
	if err != nil {
		return fmt.Errorf("certificate authorities: %w", err)
	}
	parts := [][]byte{text}
	named := []string{os.Getenv("GIT_SSL_CAINFO"), os.Getenv("SSL_CERT_FILE")}
	for _, file := range append(named, systemAuthorities...) {
		if file == "" {
			continue
		}
		if text, err := os.ReadFile(file); err == nil { // the others do not exist on this system
			parts = append(parts, text)
		}
	}
	return os.WriteFile(path, bytes.Join(parts, []byte("\n")), 0o600)
}
