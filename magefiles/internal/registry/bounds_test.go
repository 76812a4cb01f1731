package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// endless is a registry with answers that do not end. It counts the bytes sent.
type endless struct {
	answer   func(e *endless, w http.ResponseWriter, r *http.Request)
	requests atomic.Int64
	sent     atomic.Int64
}

func (e *endless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v2/" {
		e.requests.Add(1)
		e.answer(e, w, r)
	}
}

// write sends begin, and then more repeatedly, until the client stops reading.
func (e *endless) write(w io.Writer, begin, more string) {
	more = strings.Repeat(more, 1000)
	for text := begin; ; text = more {
		n, err := io.WriteString(w, text)
		if e.sent.Add(int64(n)); err != nil {
			return
		}
	}
}

// manifest is an image whose config claims to be huge.
func (e *endless) manifest(w http.ResponseWriter) {
	text := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":%d,"digest":"sha256:%064d"},"layers":[]}`, int64(1)<<40, 1)
	sum := sha256.Sum256([]byte(text))
	w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	w.Header().Set("Docker-Content-Digest", "sha256:"+hex.EncodeToString(sum[:]))
	_, _ = io.WriteString(w, text)
}

// Every answer of a registry is read with a limit, and the error names the answer.
func TestAnswersWithoutAnEnd(t *testing.T) {
	tags := func(host string) error { _, err := New(fast()).Tags(context.Background(), refAt(host, "")); return err }
	look := func(host string) error {
		_, _, err := New(fast()).Look(context.Background(), refAt(host, "v1.0.0"))
		return err
	}
	for name, c := range map[string]struct {
		ask    func(host string) error
		answer func(e *endless, w http.ResponseWriter, r *http.Request)
		says   string
	}{
		"tags":    {tags, func(e *endless, w http.ResponseWriter, _ *http.Request) { e.write(w, `{"tags":["a"`, `,"a"`) }, "the maximum is 16 MiB"},
		"one tag": {tags, func(e *endless, w http.ResponseWriter, _ *http.Request) { e.write(w, `{"tags":["a`, `a`) }, "the maximum is 16 MiB"},
		"pages": {tags, func(e *endless, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", fmt.Sprintf(`<%s?n=%d>; rel="next"`, r.URL.Path, e.requests.Load()))
			_, _ = io.WriteString(w, `{"tags":[]}`)
		}, "more than 500 pages"},
		"many tags": {tags, func(e *endless, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", fmt.Sprintf(`<%s?n=%d>; rel="next"`, r.URL.Path, e.requests.Load()))
			_, _ = io.WriteString(w, `{"tags":["a"`+strings.Repeat(`,"a"`, 9999)+`]}`)
		}, "the maximum is 100000"},
		"redirected tags": {tags, func(e *endless, w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery != "to" {
				http.Redirect(w, r, "/storage/blobs/?to", http.StatusTemporaryRedirect)
				return
			}
			e.write(w, `{"tags":["a"`, `,"a"`)
		}, "the maximum is 16 MiB"},
		"manifest": {look, func(e *endless, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			e.write(w, `{"layers":[`, ` `)
		}, "the maximum is 16 MiB"},
		"config": {look, func(e *endless, w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/manifests/") {
				e.manifest(w)
				return
			}
			e.write(w, `{`, ` `)
		}, "the maximum is 16 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &endless{answer: c.answer}
			s := httptest.NewServer(e)
			defer s.Close()
			err := c.ask(strings.TrimPrefix(s.URL, "http://"))
			wantError(t, err, ErrRejected, c.says)
			if sent, most := e.sent.Load(), int64(3*maxDocument); sent > most { // including the network's buffers
				t.Errorf("%d bytes were sent, at most %d", sent, most)
			}
			if n := e.requests.Load(); n > maxPages+2 {
				t.Errorf("%d requests", n)
			}
		})
	}
}
