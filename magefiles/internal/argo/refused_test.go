package argo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

func TestSyncWindow(t *testing.T) {
	w := shared(t)
	app, commit := w.app(t, nil)
	restore, err := w.argo.SyncWindow(t.Context(), lab.SyncWindow{Kind: "allow", Schedule: "0 12 1 1 *", Duration: "1m"})
	must(t, err)
	_, err = w.client(t).Preflight(t.Context(), app)
	w.fails(t, err, ErrWindow, "until", "1 Jan 12:00 UTC if its time zone is UTC", "allow `0 12 1 1 *` for 1m", "manualSync")
	_, err = w.client(t).Deploy(t.Context(), app, w.want(t, commit))
	w.fails(t, err, ErrWindow, "1 Jan 12:00")
	admin, err := w.argo.AdminToken(t.Context())
	must(t, err)
	_, err = w.clientWith(t, admin).Preflight(t.Context(), app)
	w.fails(t, err, ErrWindow, "1 Jan 12:00 UTC: allow")
	must(t, restore(t.Context()))

	restore, err = w.argo.SyncWindow(t.Context(), lab.SyncWindow{})
	must(t, err)
	_, err = w.client(t).Preflight(t.Context(), app)
	w.fails(t, err, ErrWindow, "deny `* * * * *` for 24h")
	must(t, restore(t.Context()))
}

func TestRights(t *testing.T) {
	w := shared(t)
	app, commit := w.app(t, nil)
	token, revoke, err := w.argo.Issue(t.Context(), lab.AccountReader, 0)
	must(t, err)
	reader := w.clientWith(t, token)
	line := "p, " + lab.AccountReader + ", applications, sync, " + lab.Project + "/" + app + ", allow"
	_, err = reader.Preflight(t.Context(), app)
	w.fails(t, err, ErrDenied, line)
	_, err = reader.Deploy(t.Context(), app, w.want(t, commit))
	w.fails(t, err, ErrDenied, line)
	_, err = reader.read(t.Context(), app)
	must(t, err)
	for _, try := range []func() error{
		func() error { _, err := reader.Preflight(t.Context(), "missing"); return err },
		func() error { _, err := reader.read(t.Context(), "missing"); return err },
		func() error { _, err := reader.Deploy(t.Context(), "missing", w.want(t, commit)); return err },
	} {
		w.fails(t, try(), ErrDenied, "or the token may not read it", "applications, get, PROJECT/missing, allow")
	}
	must(t, revoke(t.Context()))
	_, err = reader.Preflight(t.Context(), app)
	w.fails(t, err, ErrUnauthorized, "generate-token")
	_, err = reader.Deploy(t.Context(), app, w.want(t, commit))
	w.fails(t, err, ErrUnauthorized, "revoked")

	token, _, err = w.argo.Issue(t.Context(), lab.AccountRelease, 10*time.Second)
	must(t, err)
	until(t, func() bool { _, err = w.clientWith(t, token).read(t.Context(), app); return err != nil })
	w.fails(t, err, ErrUnauthorized, "expired")
}

func TestUnsupported(t *testing.T) {
	w := shared(t)
	app, commit := w.app(t, nil)
	path := "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/" + app
	must(t, w.cluster.Patch(t.Context(), path, object{"spec": object{
		"source": nil, "sources": []object{{"repoURL": w.url, "path": app}, {"repoURL": w.url, "path": "other"}},
	}}))
	_, err := w.client(t).Preflight(t.Context(), app)
	w.fails(t, err, ErrUnsupported, "spec.sources")
	_, err = w.client(t).Deploy(t.Context(), app, w.want(t, commit))
	w.fails(t, err, ErrUnsupported, "several sources")
}

// about matches the requests that read or refresh an Application.
func about(app string) *regexp.Regexp { return regexp.MustCompile("/applications/" + app + "$") }

func TestFaults(t *testing.T) {
	w := shared(t)
	app, commit := w.app(t, nil)
	faults := w.argo.Proxy()
	later := func() string { commit = w.release(t, app, time.Now().Format("v150405.000")); return commit }

	t.Run("503", func(t *testing.T) {
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Status, Times: 2})
		_, err := w.client(t).Preflight(t.Context(), app)
		must(t, err)
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Status, Times: 2, Body: "<html>"})
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Status, Times: 2, Method: http.MethodPost, Status: http.StatusBadGateway})
		w.deployed(t, app, commit)
	})
	t.Run("503 for good", func(t *testing.T) {
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Status})
		defer faults.Clear()
		_, err := w.client(t).Preflight(t.Context(), app)
		w.fails(t, err, ErrFaulty, "503 Service Unavailable")
		want := w.want(t, commit)
		want.Timeout = time.Second
		_, err = w.client(t).Deploy(t.Context(), app, want)
		w.fails(t, err, ErrTimeout, "503")
		w.fails(t, err, ErrFaulty)
	})
	t.Run("cut", func(t *testing.T) {
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Cut, Bytes: 100, Times: 2, Path: about(app)})
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Cut, Bytes: 100, Times: 1, Method: http.MethodPost}) // the sync begins, and its answer is lost
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Refuse, Times: 3, Method: http.MethodPost})
		w.deployed(t, app, later())
	})
	t.Run("down", func(t *testing.T) {
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Refuse})
		defer faults.Clear()
		_, err := w.client(t).Preflight(t.Context(), app)
		w.fails(t, err, ErrUnreachable, "that it is running")
	})
	t.Run("not Argo CD", func(t *testing.T) {
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Status, Status: http.StatusOK, Body: "<html>Log in</html>"})
		_, err := w.client(t).Preflight(t.Context(), app)
		w.fails(t, err, ErrRejected, "login page")
		faults.Clear()
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Status, Status: http.StatusOK, Body: "{}"})
		_, err = w.client(t).Preflight(t.Context(), app)
		w.fails(t, err, ErrRejected, "is about another Application")
		faults.Clear()
	})
	t.Run("too large", func(t *testing.T) {
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Custom, Serve: func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, io.LimitReader(endless{}, largest+10))
		}})
		defer faults.Clear()
		_, err := w.client(t).read(t.Context(), app)
		w.fails(t, err, ErrRejected, "more than 16777216 bytes")
	})
	t.Run("its own 500", func(t *testing.T) {
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Status, Status: http.StatusInternalServerError, Method: http.MethodPost, Body: `{"code":2,"message":"error resolving repo revision"}`})
		defer faults.Clear()
		_, err := w.client(t).Deploy(t.Context(), app, w.want(t, later()))
		w.fails(t, err, ErrFaulty, "error resolving repo revision")
	})
	t.Run("busy", func(t *testing.T) {
		var begun atomic.Int32
		faults.Fail(faultproxy.Fault{Kind: faultproxy.Custom, Method: http.MethodPost, Times: 1, Path: regexp.MustCompile("/sync$"),
			Serve: func(next http.Handler, answer http.ResponseWriter, r *http.Request) {
				// Another client is quicker.
				if _, err := w.asAdmin(r.Context(), http.MethodPost, "/api/v1/applications/"+app+"/sync", "{}"); err == nil {
					begun.Add(1)
				}
				next.ServeHTTP(answer, r)
			}})
		w.deployed(t, app, later())
		if begun.Load() != 1 {
			t.Error("nobody else began")
		}
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestStaleAnswers returns a state from before the release, as from a cache: synced and healthy, at the old revision.
func TestStaleAnswers(t *testing.T) {
	w := shared(t)
	app, commit := w.app(t, nil)
	w.deployed(t, app, commit)
	old, err := w.asAdmin(t.Context(), http.MethodGet, "/api/v1/applications/"+app, "")
	must(t, err)
	if strings.Count(old, `"status":"Healthy"`) == 0 || strings.Count(old, commit) < 2 {
		t.Fatalf("this is no state of a deployed application: %s", old)
	}
	const times = 6
	for name, after := range map[string]bool{"from the beginning": false, "after the sync": true} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Bool
			var served atomic.Int32
			w.argo.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Status, Status: http.StatusOK, Body: old, Method: http.MethodGet, Path: about(app), Times: times,
				Match: func(*http.Request) bool { return !after || asked.Load() },
				Hit:   func(*http.Request) { served.Add(1) },
			})
			w.argo.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Custom, Method: http.MethodPost,
				Serve: func(next http.Handler, answer http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(answer, r)
					asked.Store(true)
				}})
			defer w.argo.Proxy().Clear()
			commit := w.release(t, app, time.Now().Format("v150405.000"))
			w.deployed(t, app, commit)
			if served.Load() != times {
				t.Errorf("%d old states were given out, want %d", served.Load(), times)
			}
		})
	}
}

func TestNoToken(t *testing.T) {
	for name, token := range map[string]func(context.Context) (string, error){
		"is empty":        func(context.Context) (string, error) { return " \n", nil },
		"locked":          func(context.Context) (string, error) { return "", errors.New("the vault is locked") },
		"such as a line":  func(context.Context) (string, error) { return "eyJhbGciOi\nJIUzI1NiJ9", nil },
		"no token is set": nil,
	} {
		c := &Client{BaseURL: "http://127.0.0.1:1", Token: token}
		_, err := c.Preflight(t.Context(), "docs")
		(&fixture{}).fails(t, err, ErrToken, name, "generate-token")
	}
}

func TestNoAddress(t *testing.T) {
	for address, kind := range map[string]error{
		"":                             ErrRejected,
		"argocd.example.org":           ErrRejected,
		"http://127.0.0.1:1":           ErrUnreachable,
		"https://user:eyJx@[::1]:1/x/": ErrUnreachable,
		"ht tp://x":                    ErrRejected,
	} {
		c := &Client{BaseURL: address, HTTP: &http.Client{Transport: &http.Transport{}}, Token: func(context.Context) (string, error) { return "eyJhbGciOi", nil }}
		_, err := c.read(t.Context(), "docs")
		(&fixture{}).fails(t, err, kind)
		_, err = c.read(t.Context(), "../x")
		(&fixture{}).fails(t, err, ErrRejected, "invalid Application name")
	}
}
