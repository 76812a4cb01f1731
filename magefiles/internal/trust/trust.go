// Package trust reads the certificate authorities that are set on this machine, and explains why a certificate is refused.
package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// Source is a source of authorities: a file, or a folder of files.
type Source struct {
	Name string // the setting or the variable that names it
	Path string // absolute
	Dir  bool
}

// Sources are the file that the setting name names or, if that is empty, the sources of the usual variables: SSL_CERT_FILE, SSL_CERT_DIR
// and NODE_EXTRA_CA_CERTS. Relative paths begin in the working directory.
func Sources(name, file string, getenv func(string) string) ([]Source, error) {
	named := []Source{{Name: name, Path: file}}
	if file == "" {
		named = []Source{{Name: "SSL_CERT_FILE", Path: getenv("SSL_CERT_FILE")}}
		for _, dir := range filepath.SplitList(getenv("SSL_CERT_DIR")) {
			named = append(named, Source{Name: "SSL_CERT_DIR", Path: dir, Dir: true})
		}
		named = append(named, Source{Name: "NODE_EXTRA_CA_CERTS", Path: getenv("NODE_EXTRA_CA_CERTS")})
	}
	var found []Source
	for _, s := range named {
		if s.Path == "" {
			continue
		}
		path, err := filepath.Abs(s.Path)
		if err != nil {
			return nil, err
		}
		found = append(found, Source{s.Name, path, s.Dir})
	}
	return found, nil
}

// Bundle is a set of authorities, each once.
type Bundle struct {
	certificates []*x509.Certificate
	seen         map[[sha256.Size]byte]bool
}

// ErrEmpty says that a file or a folder holds no certificate.
var ErrEmpty = errors.New("no certificate in it: expected PEM blocks that begin with -----BEGIN CERTIFICATE-----")

// Add reads a source, and returns the number of its certificates.
func (b *Bundle) Add(s Source) (int, error) {
	files := []string{s.Path}
	if s.Dir {
		entries, err := os.ReadDir(s.Path)
		if err != nil {
			return 0, err
		}
		files = files[:0]
		for _, e := range entries {
			files = append(files, filepath.Join(s.Path, e.Name()))
		}
	}
	held := 0
	for _, file := range files {
		text, err := readFile(file)
		if err != nil && !s.Dir { // a folder may have broken links, and folders
			return 0, err
		}
		held += b.add(text)
	}
	if held == 0 {
		return 0, fmt.Errorf("%s: %w", s.Path, ErrEmpty)
	}
	return held, nil
}

// largest bounds a file of authorities: all public ones take 250 KB.
const largest = 16 << 20

// readFile reads a regular file: a pipe or a device might not end.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	case info.Size() > largest:
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("larger than %d MiB", largest>>20)}
	}
	return os.ReadFile(path)
}

func (b *Bundle) add(text []byte) (held int) {
	if b.seen == nil {
		b.seen = map[[sha256.Size]byte]bool{}
	}
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return held
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			continue
		}
		held++
		if sum := sha256.Sum256(cert.Raw); !b.seen[sum] {
			b.seen[sum] = true
			b.certificates = append(b.certificates, cert)
		}
	}
}

// Write writes the authorities into one file of a folder, and returns its path. The file is named by its content, so that another program
// may read it at any time. Without authorities there is no file, and no path.
func (b *Bundle) Write(dir string) (string, error) {
	if len(b.certificates) == 0 {
		return "", nil
	}
	raws := make([][]byte, len(b.certificates))
	for i, c := range b.certificates {
		raws[i] = c.Raw
	}
	slices.SortFunc(raws, bytes.Compare)
	var text bytes.Buffer
	for _, raw := range raws {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: raw}) // a bytes.Buffer never fails
	}
	sum := sha256.Sum256(text.Bytes())
	path := filepath.Join(dir, hex.EncodeToString(sum[:16])+".pem")
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text.Bytes()) {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	tmp, err := scratch.Create(dir, ".part-")
	if err != nil {
		return "", err
	}
	defer tmp.Discard()
	_, err = tmp.Write(text.Bytes())
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return "", err
	}
	return path, os.Rename(tmp.Name(), path)
}

// Pool has the system's authorities and those of a file; nil, which means the system's alone, for no file.
func Pool(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	var b Bundle
	if _, err := b.Add(Source{Path: file}); err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, c := range b.certificates {
		pool.AddCert(c)
	}
	return pool, nil
}

// Transport is the default transport with the authorities of a file and those of the system, and with its own connections. A connection
// attempt ends after 10 s.
func Transport(file string) (*http.Transport, error) {
	pool, err := Pool(file)
	if err != nil {
		return nil, err
	}
	own := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		own = standard.Clone()
	}
	own.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	own.TLSClientConfig = config(pool)
	return own, nil
}
