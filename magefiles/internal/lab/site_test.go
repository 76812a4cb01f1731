package lab

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// apiWithOne is a Kubernetes API that has one Deployment, or none.
type apiWithOne struct {
	api
	asked atomic.Int64 // number of requests

	mu       sync.Mutex
	document string // "" is none
}

func newAPIWithOne(t *testing.T) *apiWithOne {
	a := &apiWithOne{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apis/apps/v1/namespaces/docs/deployments/docs", func(w http.ResponseWriter, _ *http.Request) {
		a.asked.Add(1)
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.document == "" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"kind":"Status","status":"Failure","message":"deployments.apps \"docs\" not found","reason":"NotFound","code":404}`)
			return
		}
		fmt.Fprint(w, a.document)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	a.api = api{client: server.Client(), base: server.URL}
	return a
}

func (a *apiWithOne) Get(ctx context.Context, path string, out any) error {
	return a.do(ctx, http.MethodGet, path, "", nil, out)
}

// has sets the Deployment to that generation, whose rollout is complete up to the observed one.
func (a *apiWithOne) has(generation, observed int, url, checksum string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.document = fmt.Sprintf(`{"metadata":{"generation":%d,"annotations":{"deployment.kubernetes.io/revision":"%d"}},
		"spec":{"replicas":2,"template":{"spec":{"containers":[{"name":"other"},
			{"name":"quartz","env":[{"name":"DOCS_RELEASE_URL","value":%q},{"name":"DOCS_RELEASE_SHA256","value":%q}]}]}}},
		"status":{"observedGeneration":%d,"replicas":2,"updatedReplicas":2,"availableReplicas":2}}`, generation, generation, url, checksum, observed)
}

// seen returns after the site has read the current state of the API.
func (a *apiWithOne) seen(t *testing.T) {
	t.Helper()
	before := a.asked.Load()
	eventually(t, "two more looks", func(context.Context) error {
		if a.asked.Load() < before+3 { // one read may have been pending, and two more have ended since
			return errors.New("not yet")
		}
		return nil
	})
}

// archives serves releases by name, after put has added them.
type archives struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string][]byte
}

func newArchives(t *testing.T) *archives {
	a := &archives{files: map[string][]byte{}}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if b, ok := a.files[r.URL.Path]; ok {
			_, _ = w.Write(b)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

// put makes a release whose only page is its version, and returns its URL and checksum.
func (a *archives) put(t *testing.T, version string) (url, checksum string) {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	w := tar.NewWriter(zip)
	must(t, w.WriteHeader(&tar.Header{Name: "index.html", Mode: 0o644, Size: int64(len(version))}))
	_, err := io.WriteString(w, version)
	must(t, errors.Join(err, w.Close(), zip.Close()))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files["/docs-"+version+".tar.gz"] = b.Bytes()
	sum := sha256.Sum256(b.Bytes())
	return a.URL + "/docs-" + version + ".tar.gz", hex.EncodeToString(sum[:])
}

func startSite(t *testing.T, o SiteOptions) *Site {
	t.Helper()
	s, err := StartSite(t.Context(), Home{}, o)
	must(t, err)
	t.Cleanup(func() {
		must(t, s.Close())
		if _, err := os.Stat(s.dir); err == nil {
			t.Errorf("%s is left", s.dir)
		}
		if resp, err := http.Get(s.URL()); err == nil {
			resp.Body.Close()
			t.Error("the site answers after it was closed")
		}
	})
	return s
}

// answers is the site's current answer.
func answers(t *testing.T, s *Site, path string) (status int, body string) {
	t.Helper()
	resp, err := s.Proxy().Client().Get(s.URL() + path)
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(text)
}

// wantServed waits for a version.
func wantServed(t *testing.T, s *Site, version string) {
	t.Helper()
	eventually(t, version+" is served", func(context.Context) error {
		if _, body := answers(t, s, "/"); body != version {
			_, health := answers(t, s, "/healthz")
			return fmt.Errorf("%q is, and it says %q", body, health)
		}
		return nil
	})
}

// wantHealth waits for an answer of /healthz that contains a text.
func wantHealth(t *testing.T, s *Site, status int, says string) {
	t.Helper()
	eventually(t, "health", func(context.Context) error {
		if got, body := answers(t, s, "/healthz"); got != status || !strings.Contains(body, says) {
			return fmt.Errorf("%d %q, want %d with %q", got, body, status, says)
		}
		return nil
	})
}

func TestSiteFollowsItsDeployment(t *testing.T) {
	cluster, releases := newAPIWithOne(t), newArchives(t)
	s := startSite(t, SiteOptions{Cluster: cluster, Every: time.Millisecond, Pause: time.Millisecond})
	wantHealth(t, s, 503, "no content\nDeployment docs not found in namespace docs\n")

	url, checksum := releases.put(t, "v1")
	cluster.has(1, 1, url, checksum)
	wantServed(t, s, "v1")
	wantHealth(t, s, 200, "ok\n")

	url, checksum = releases.put(t, "v2")
	cluster.has(2, 1, url, checksum)
	wantHealth(t, s, 200, "ok\nrollout: generation 2 is not observed yet (observed: 1)\n")
	if _, body := answers(t, s, "/"); body != "v1" {
		t.Errorf("%q is served before the rollout of v2 is complete", body)
	}
	cluster.has(2, 2, url, checksum)
	wantServed(t, s, "v2")
	if got := s.Serving(); got != (SiteRelease{URL: url, SHA256: checksum, Revision: "2"}) {
		t.Errorf("serving %+v", got)
	}

	cluster.mu.Lock()
	cluster.document = strings.Replace(cluster.document, `"replicas":2,"template"`, `"replicas":0,"template"`, 1)
	cluster.mu.Unlock()
	wantHealth(t, s, 503, "no replicas")
}

func TestSiteKeepsTheOldRelease(t *testing.T) {
	cluster, releases := newAPIWithOne(t), newArchives(t)
	s := startSite(t, SiteOptions{Cluster: cluster, Every: time.Millisecond, Pause: time.Millisecond})
	url, checksum := releases.put(t, "v1")
	cluster.has(1, 1, url, checksum)
	wantServed(t, s, "v1")

	url, right := releases.put(t, "v2")
	cluster.has(2, 2, url, checksum)
	wantHealth(t, s, 200, "has the checksum "+right+", expected "+checksum)
	cluster.has(3, 3, releases.URL+"/docs-v3.tar.gz?token=canary", "")
	wantHealth(t, s, 200, "unexpected response: 404")
	if _, body := answers(t, s, "/"); body != "v1" {
		t.Errorf("%q is served instead of v1", body)
	}
	releases.put(t, "v3") // it is tried again
	wantServed(t, s, "v3")

	log, err := os.ReadFile(s.Log())
	must(t, err)
	if strings.Contains(string(log), "canary") || strings.Count(string(log), "expected "+checksum) != 1 || !strings.Contains(string(log), "docs-v3.tar.gz?… (revision 3)") {
		t.Errorf("the log should have each finding once and no query of a URL:\n%s", log)
	}
}

func TestHeldSite(t *testing.T) {
	cluster, releases := newAPIWithOne(t), newArchives(t)
	s := startSite(t, SiteOptions{Cluster: cluster, Every: time.Millisecond})
	url, checksum := releases.put(t, "v1")
	cluster.has(1, 1, url, checksum)
	wantServed(t, s, "v1")

	release, other := s.Hold(), s.Hold()
	url, checksum = releases.put(t, "v2")
	cluster.has(2, 2, url, checksum)
	cluster.seen(t)
	release()
	release() // counts once
	cluster.seen(t)
	if _, body := answers(t, s, "/"); body != "v1" {
		t.Errorf("%q is served, but v1 was held", body)
	}
	wantHealth(t, s, 200, "ok\n")
	other()
	wantServed(t, s, "v2")
}

// A Home with a folder keeps the log, but no content.
func TestSiteStartsAgain(t *testing.T) {
	cluster, releases := newAPIWithOne(t), newArchives(t)
	home := Home{Dir: t.TempDir()}
	url, checksum := releases.put(t, "v1")
	cluster.has(1, 1, url, checksum)
	for range 2 {
		s, err := StartSite(t.Context(), home, SiteOptions{Cluster: cluster, Every: time.Millisecond})
		must(t, err)
		wantServed(t, s, "v1")
		must(t, s.Close())
		if left, err := os.ReadDir(s.dir); err != nil || len(left) != 1 || left[0].Name() != "site.log" {
			t.Errorf("left: %v, %v", left, err)
		}
	}
}

func TestRolloutIsJudgedLikeKubectl(t *testing.T) {
	two, zero := int32(2), int32(0)
	for _, c := range []struct {
		generation, observed         int64
		replicas                     *int32
		existing, updated, available int32
		says                         string
	}{
		{1, 0, &two, 0, 0, 0, "generation 1 is not observed"},
		{2, 1, &two, 2, 2, 2, "generation 2 is not observed"},
		{2, 2, &two, 2, 1, 2, "1 of 2 replicas are updated"},
		{2, 2, &two, 3, 2, 3, "1 old replicas are still there"},
		{2, 2, &two, 2, 2, 1, "1 of 2 updated replicas are available"},
		{2, 2, &two, 2, 2, 2, ""},
		{1, 1, nil, 0, 0, 0, "0 of 1 replicas are updated"},
		{1, 1, nil, 1, 1, 1, ""},
		{1, 1, &zero, 0, 0, 0, ""},
	} {
		var d siteDeployment
		d.Metadata.Generation, d.Status.ObservedGeneration, d.Spec.Replicas = c.generation, c.observed, c.replicas
		d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.AvailableReplicas = c.existing, c.updated, c.available
		if got := d.rolloutState(); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%+v: waits for %q", c, got)
		}
	}
}

func TestReleaseOfADeployment(t *testing.T) {
	const (
		none      = `{"name":"c"}`
		a         = `{"name":"a","env":[{"name":"DOCS_RELEASE_URL","value":"http://a"}]}`
		elsewhere = `{"name":"b","env":[{"name":"DOCS_RELEASE_URL","valueFrom":{"configMapKeyRef":{"name":"x","key":"y"}}}]}`
	)
	for containers, want := range map[string]struct{ url, says string }{
		none + "," + a + "," + elsewhere: {url: "http://a"},
		elsewhere + "," + a:              {says: "DOCS_RELEASE_URL of container b uses valueFrom"},
		none:                             {says: "missing in the env of the containers"},
	} {
		var d siteDeployment
		must(t, json.Unmarshal([]byte(`{"spec":{"template":{"spec":{"containers":[`+containers+`]}}}}`), &d))
		got, err := d.release()
		if got.URL != want.url || (err == nil) != (want.says == "") || err != nil && !strings.Contains(err.Error(), want.says) {
			t.Errorf("%s: %+v, %v", containers, got, err)
		}
	}
}
