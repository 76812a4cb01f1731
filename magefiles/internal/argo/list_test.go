package argo

import (
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

func TestList(t *testing.T) {
	w := shared(t)
	synced, commit := w.app(t, nil)
	w.deployed(t, synced, commit)
	waiting, _ := w.app(t, func(s *lab.AppSpec) { s.AutoSync = false })
	_, err := w.client(t).read(t.Context(), waiting)
	must(t, err)
	var asked atomic.Int32
	w.argo.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Custom, Serve: func(next http.Handler, rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		next.ServeHTTP(rw, r)
	}})
	all, err := w.client(t).List(t.Context())
	must(t, err)
	if !slices.IsSortedFunc(all, func(a, b Listed) int { return compare(a.Name, b.Name) }) {
		t.Errorf("order: %+v", all)
	}
	found := map[string]Listed{}
	for _, a := range all {
		found[a.Name] = a
	}
	got := found[synced]
	if got.Sync != "Synced" || got.Health != "Healthy" || got.Deployed != commit || got.In != "argocd" || !slices.Equal(got.Repos, []string{w.url}) ||
		len(got.Folders) != 1 || got.Folders[0].Repo != w.url || got.Folders[0].Path == "" || len(got.OutOfSync) != 0 || got.Owner != "" {
		t.Errorf("%s: %+v", synced, got)
	}
	if got := found[waiting]; got.Sync == "OutOfSync" && (len(got.OutOfSync) != 1 || got.OutOfSync[0].Kind != "Deployment" || got.Deployed != "") {
		t.Errorf("%s: %+v", waiting, got)
	}
	if n := asked.Load(); int(n) > 1+len(all) {
		t.Errorf("%d requests for %d Applications", n, len(all))
	}

	for project, want := range map[string]bool{lab.Project: true, "other": false} {
		may, hint, err := w.client(t).MaySee(t.Context(), project, "missing")
		if may != want || err != nil || may == (hint != "") {
			t.Errorf("project %s: %v, %q, %v", project, may, hint, err)
		}
	}
	w.argo.Proxy().Clear()
	w.argo.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Expire})
	_, err = w.client(t).List(t.Context())
	w.fails(t, err, ErrUnauthorized)
}

func compare(a, b string) int { return slices.Compare([]byte(a), []byte(b)) }
