// Package quartz does in this process the start of the container quartz (containers/quartz): like start.sh, it fetches a release of the docs,
// checks and unpacks it. Package docsite serves it.
package quartz

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
)

const fetchTime = 5 * time.Minute // time limit of a download

// Fetch downloads a release (DOCS_RELEASE_URL), compares it with its checksum unless that is "" (DOCS_RELEASE_SHA256), and unpacks it in a new
// folder in dir. It tries once. Errors contain neither credentials nor the query of the URL.
func Fetch(ctx context.Context, client *http.Client, dir, address, checksum string) (_ *docsite.Content, err error) {
	checksum, err = parseChecksum(checksum)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		return nil, fmt.Errorf("DOCS_RELEASE_URL=%s: expected http://… or https://…", Shown(address))
	}
	archive, err := os.CreateTemp(dir, "archive-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(archive.Name())
	defer archive.Close()
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	sum, err := download(ctx, client, address, archive)
	if err != nil {
		return nil, fmt.Errorf("cannot fetch %s: %w", Shown(address), err)
	}
	if checksum != "" && sum != checksum {
		return nil, fmt.Errorf("the archive from %s has the checksum %s, expected %s", Shown(address), sum, checksum)
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	c, err := docsite.Unpack(dir, archive, docsite.MaxUnpacked)
	if err != nil {
		return nil, fmt.Errorf("the archive from %s %w", Shown(address), err)
	}
	return c, nil
}

// parseChecksum returns 64 lower-case digits, or "".
func parseChecksum(s string) (string, error) {
	s = strings.ToLower(strings.TrimPrefix(s, "sha256:"))
	if b, err := hex.DecodeString(s); err != nil || len(b) != 0 && len(b) != sha256.Size {
		return "", fmt.Errorf("DOCS_RELEASE_SHA256=%s: expected 64 hexadecimal digits", s)
	}
	return s, nil
}

// download returns the checksum of the bytes that it wrote to f.
func download(ctx context.Context, client *http.Client, address string, f io.Writer) (sum string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", withoutURL(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("unexpected response: %s", resp.Status)
	}
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, hash), resp.Body); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// Shown is a URL without credentials and without a query, which may hold a token.
func Shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an invalid URL"
	}
	u.User = nil
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	return u.String()
}

// withoutURL is the error without the URL that net/http and net/url put before it.
func withoutURL(err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
