package e2etest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

// Registry is a registry that a test publishes to, with faults to order.
type Registry struct {
	*lab.Registry
	User, Password string
	reached        chan struct{} // gets a value when a request hangs
}

// A tag's manifest, and what brings bytes of a blob.
var (
	tagPath    = regexp.MustCompile(`/manifests/[^:/]+$`)
	uploadPath = regexp.MustCompile(`/blobs/uploads/`)
)

// faults are those that a server can be told to have.
var faults = map[string]faultproxy.Fault{
	"unavailable":  {Kind: faultproxy.Status, Status: http.StatusServiceUnavailable},
	"broken":       {Kind: faultproxy.Status, Status: http.StatusServiceUnavailable, Match: isWrite},
	"unauthorized": {Kind: faultproxy.Status, Status: http.StatusUnauthorized, Header: http.Header{"WWW-Authenticate": {`Basic realm="lab"`}}},
	"hang":         {Kind: faultproxy.Delay},
	"cut":          {Kind: faultproxy.CutRequest, Path: uploadPath, Bytes: 16},
	"forget":       {Kind: faultproxy.Drop, Path: tagPath, Method: http.MethodPut},
	"swap":         {Kind: faultproxy.Custom, Path: tagPath, Method: http.MethodPut, Serve: swap},
}

func isWrite(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

func startRegistry(ctx context.Context, h lab.Home, o lab.RegistryOptions) (*Registry, error) {
	s := &Registry{reached: make(chan struct{}, 16)}
	for s.User, s.Password = range o.Users {
	}
	var err error
	s.Registry, err = lab.StartRegistry(ctx, h, o)
	return s, err
}

// NewRegistry starts a registry for a test in Go and makes it the site's.
func (w *Workspace) NewRegistry(o lab.RegistryOptions) *Registry {
	w.T.Helper()
	return w.NewRegistryIn(lab.Home{}, o)
}

// NewRegistryIn is NewRegistry with its data in a folder.
func (w *Workspace) NewRegistryIn(h lab.Home, o lab.RegistryOptions) *Registry {
	w.T.Helper()
	s, err := startRegistry(w.T.Context(), h, o)
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(s.Stop)
	w.Env["BLUMEOPS_REGISTRY"] = s.Addr
	return s
}

// Stop ends it.
func (s *Registry) Stop() { _ = s.Close() } // it has served

// Fail orders a fault in place of those before it: for the next requests that it hits, or with 0 for ever.
func (s *Registry) Fail(kind string, times int) {
	s.Proxy().Clear()
	for len(s.reached) > 0 { // by requests of an earlier fault
		<-s.reached
	}
	fault := faults[kind]
	fault.Times = times
	if fault.Kind == faultproxy.Delay {
		fault.Hit = func(*http.Request) { s.reached <- struct{}{} }
	}
	s.Proxy().Fail(fault)
}

// swap stores another manifest than it is given.
func swap(next http.Handler, w http.ResponseWriter, r *http.Request) {
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

// Writes are the requests that could have changed something, as one line each.
func (s *Registry) Writes() []string {
	var writes []string
	for _, q := range s.Requests() {
		if q.Method != http.MethodGet && q.Method != http.MethodHead {
			writes = append(writes, fmt.Sprintf("%s %s: %d", q.Method, q.Path, q.Status))
		}
	}
	return writes
}

// Image reads the image with a tag or a digest of a repository, such as blumeops/hello:v1.0.0.
func (s *Registry) Image(reference string) (*Image, error) {
	repository, tag, _ := strings.Cut(reference, ":")
	fetch := func(kind string) func(string) ([]byte, error) {
		return func(what string) ([]byte, error) { return s.get("/v2/" + repository + "/" + kind + "/" + what) }
	}
	raw, err := fetch("manifests")(tag)
	if err != nil {
		return nil, err
	}
	return readImage(raw, fetch("manifests"), fetch("blobs"))
}

// MustImage is Image, which must be there.
func (s *Registry) MustImage(t testing.TB, reference string) *Image {
	t.Helper()
	p, err := s.Image(reference)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *Registry) get(path string) ([]byte, error) {
	req, err := http.NewRequest(http.MethodGet, s.URL()+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json")
	if s.User != "" {
		req.SetBasicAuth(s.User, s.Password)
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
