package repo

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// A server that never ends its list of tags does not fill the memory.
func TestRefsWithoutAnEnd(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		line := func(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }
		hash := strings.Repeat("a", 40)
		text := line("# service=git-upload-pack\n") + "0000" + line(hash+" HEAD\x00symref=HEAD:refs/heads/main\n")
		for {
			n, err := io.WriteString(w, text)
			if sent.Add(int64(n)); err != nil {
				return
			}
			text = strings.Repeat(line(hash+" refs/tags/"+strings.Repeat("x", 4000)+"\n"), 100)
		}
	}))
	defer s.Close()
	r, err := Open(newClone(t).dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Remote(RemoteOptions{URL: s.URL + "/o/r.git"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Refs(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the maximum is 64 MiB") {
		t.Errorf("error %v", err)
	}
	if n := sent.Load(); n > 2*maxRefs {
		t.Errorf("%d bytes were sent", n)
	}
}
