package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// publicSite is a docsrelease.Website: a site of ours, which states its version in release.json.
type publicSite struct {
	url  string
	http *http.Client
}

func (s publicSite) String() string { return s.url }

const (
	siteTimeout = 15 * time.Second
	siteAnswer  = 1 << 16 // more is no release.json
)

// Version asks past caches: by a header, and by an address that none has seen.
func (s publicSite) Version(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, siteTimeout)
	defer cancel()
	address := strings.TrimSuffix(s.url, "/") + "/release.json?at=" + strconv.FormatInt(time.Now().UnixNano(), 36)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	q.Header.Set("Cache-Control", "no-cache")
	resp, err := s.http.Do(q)
	if refused, ok := trust.Refused(err); ok {
		return "", advice{fmt.Errorf("invalid certificate (%s)", refused.Problem), refused.Do}
	}
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return "", nil
	case resp.StatusCode != http.StatusOK:
		return "", errors.New("unexpected response: " + resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, siteAnswer))
	if err != nil {
		return "", err
	}
	var release struct{ Version string }
	if json.Unmarshal(text, &release) != nil {
		return "", nil // a page, as some servers give for what they do not have
	}
	return release.Version, nil
}
