package forge

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// Every answer of a forge is read with a limit, and the error names the answer.
func TestAnswersWithoutAnEnd(t *testing.T) {
	t.Parallel()
	repository := Repository{Owner: "o", Name: "r"}
	versions := func(c *Client) error { _, err := c.Versions(t.Context(), "o", "p"); return err }
	for name, c := range map[string]struct {
		ask    func(*Client) error
		answer func(w io.Writer, n int64)
		says   string
	}{
		"release":       {func(c *Client) error { _, err := c.ReleaseByTag(t.Context(), repository, "v1.0.0"); return err }, endlessly, "more than 16777216 bytes"},
		"packages":      {versions, endlessly, "more than 16777216 bytes"},
		"pages":         {versions, func(w io.Writer, n int64) { fmt.Fprintf(w, `[{"name":"p","version":"v%d"}]`, n) }, "more than 200 pages"},
		"the same page": {versions, func(w io.Writer, _ int64) { _, _ = io.WriteString(w, `[{"name":"p","version":"v1"}]`) }, "more than 200 pages"},
		"refusal": {func(c *Client) error { _, err := c.Tag(t.Context(), repository, "v1.0.0"); return err }, func(w io.Writer, n int64) {
			w.(http.ResponseWriter).WriteHeader(http.StatusForbidden)
			endlessly(w, n)
		}, "o/r"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.answer(w, requests.Add(1)) }))
			defer s.Close()
			client, err := New(Options{URL: s.URL, Retry: Retry{Attempts: 1}})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.ask(client); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %q", err, c.says)
			}
			if n := requests.Load(); n > maxPages+1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// endlessly writes until the reader stops.
func endlessly(w io.Writer, _ int64) {
	for text := `[{"name":"p"`; ; text = strings.Repeat(" ", 1<<16) {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
	}
}
