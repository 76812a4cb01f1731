package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// server is a registry that a test publishes to, with faults to order.
type server struct {
	*lab.Registry
	user, password string

	mu       sync.Mutex
	fault    string        // one of faults, or none
	left     int           // how often it comes yet; below 0: always
	reached  chan struct{} // gets a value when a request hangs
	released chan struct{} // closed to let hanging requests go
}

// fault is a way to fail, for some requests.
type fault struct {
	hits func(*http.Request) bool
	do   func(s *server, next http.Handler, w http.ResponseWriter, r *http.Request)
}

// faults are those that a server can be told to have.
var faults = map[string]fault{
	"unavailable":  {anything, (*server).unavailable},
	"broken":       {isWrite, (*server).unavailable},
	"unauthorized": {anything, (*server).unauthorized},
	"hang":         {anything, (*server).hang},
	"cut":          {isBlob, (*server).cut},
	"forget":       {isTag, (*server).forget},
	"swap":         {isTag, (*server).swap},
}

func anything(*http.Request) bool { return true }

func isWrite(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// isBlob says that a request brings bytes of a blob.
func isBlob(r *http.Request) bool {
	return strings.Contains(r.URL.Path, "/blobs/uploads/") && (r.Method == http.MethodPatch || r.Method == http.MethodPut && r.ContentLength != 0)
}

func isTag(r *http.Request) bool {
	_, tag, found := strings.Cut(r.URL.Path, "/manifests/")
	return found && r.Method == http.MethodPut && !strings.Contains(tag, ":")
}

func startServer(o lab.RegistryOptions) (*server, error) {
	s := &server{reached: make(chan struct{}, 16), released: make(chan struct{})}
	for s.user, s.password = range o.Users {
	}
	o.Wrap = s.wrap
	var err error
	s.Registry, err = lab.StartRegistry(o)
	return s, err
}

// newServer starts a registry for a test in Go and makes it the site's.
func (w *world) newServer(o lab.RegistryOptions) *server {
	w.t.Helper()
	s, err := startServer(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.stop)
	w.env["BLUMEOPS_REGISTRY"] = s.Addr
	return s
}

func (s *server) stop() {
	s.fail("", 0)
	_ = s.Close() // it has served
}

// fail orders the next faults; a negative count is for ever.
func (s *server) fail(kind string, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == "hang" {
		close(s.released)
		s.released = make(chan struct{})
	}
	s.fault, s.left = kind, count
}

func (s *server) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault, ok := s.next(r); ok {
			fault.do(s, next, w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// next takes one of the faults that are ordered, if there is one for this request.
func (s *server) next(r *http.Request) (fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault, ok := faults[s.fault]
	if !ok || s.left == 0 || !fault.hits(r) {
		return fault, false
	}
	s.left--
	return fault, true
}

// unavailable is a registry behind which something is broken.
func (s *server) unavailable(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusServiceUnavailable)
}

// unauthorized is one that knows nobody.
func (s *server) unauthorized(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("WWW-Authenticate", `Basic realm="lab"`)
	w.WriteHeader(http.StatusUnauthorized)
}

// hang answers when the client is gone, or the fault is over.
func (s *server) hang(next http.Handler, w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	released := s.released
	s.mu.Unlock()
	s.reached <- struct{}{}
	select {
	case <-r.Context().Done():
	case <-released:
		next.ServeHTTP(w, r)
	}
}

// cut breaks the connection in the middle of a blob.
func (s *server) cut(_ http.Handler, _ http.ResponseWriter, r *http.Request) {
	_, _ = io.ReadFull(r.Body, make([]byte, 16)) // what comes of it does not matter
	panic(http.ErrAbortHandler)
}

// forget says that it stored a tag, and did not.
func (s *server) forget(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusCreated)
}

// swap stores another manifest than it is given.
func (s *server) swap(next http.Handler, w http.ResponseWriter, r *http.Request) {
	var manifest map[string]any
	if err := json.NewDecoder(r.Body).Decode(&manifest); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	manifest["annotations"] = map[string]string{"swapped": "yes"}
	text, err := json.Marshal(manifest)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	other := r.Clone(r.Context())
	other.Body, other.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	next.ServeHTTP(w, other)
}

// writes are the requests that could have changed something, as one line each.
func (s *server) writes() []string {
	var writes []string
	for _, q := range s.Requests() {
		if q.Method != http.MethodGet && q.Method != http.MethodHead {
			writes = append(writes, fmt.Sprintf("%s %s: %d", q.Method, q.Path, q.Status))
		}
	}
	return writes
}

// image reads what stands under a tag or a digest of a repository, such as blumeops/hello:v1.0.0.
func (s *server) image(reference string) (*picture, error) {
	repository, tag, _ := strings.Cut(reference, ":")
	fetch := func(kind string) func(string) ([]byte, error) {
		return func(what string) ([]byte, error) { return s.get("/v2/" + repository + "/" + kind + "/" + what) }
	}
	raw, err := fetch("manifests")(tag)
	if err != nil {
		return nil, err
	}
	return readPicture(raw, fetch("manifests"), fetch("blobs"))
}

func (s *server) mustImage(t testing.TB, reference string) *picture {
	t.Helper()
	p, err := s.image(reference)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *server) get(path string) ([]byte, error) {
	req, err := http.NewRequest(http.MethodGet, s.URL()+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json")
	if s.user != "" {
		req.SetBasicAuth(s.user, s.password)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	return body, err
}
