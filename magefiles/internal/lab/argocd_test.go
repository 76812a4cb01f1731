package lab

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestArgoCD tests all requests of a release, and the faults that can stop one, on a cluster with Argo CD. It is one test, because the start
// takes long.
func TestArgoCD(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster: run without -short")
	}
	home := Home{Dir: t.TempDir(), Log: func(line string) { t.Log(line) }}
	fixture := startWorld(t, home)
	t.Run("cluster runs a deployment", fixture.deployment)
	t.Run("sync with the token of a release", fixture.sync)
	t.Run("rights of a release", fixture.rights)
	t.Run("tokens end", fixture.tokens)
	t.Run("sync window", fixture.window)
	t.Run("refused by the cluster", fixture.failing)
	t.Run("held up", fixture.held)
	t.Run("kustomize, volumes and a private repository", fixture.kustomize)
	t.Run("builders", fixture.builders)
	t.Run("auto-sync", fixture.auto)
	t.Run("again after a crash", func(t *testing.T) { fixture.again(t, home) })
}

func (w *fixture) deployment(t *testing.T) {
	const path = "/apis/apps/v1/namespaces/default/deployments/two"
	must(t, w.cluster.Apply(t.Context(), path, deployment("two", 2, "v1")))
	eventually(t, "both replicas are available", func(ctx context.Context) error {
		var d struct {
			Status struct{ AvailableReplicas int }
		}
		if err := w.cluster.Get(ctx, path, &d); err != nil || d.Status.AvailableReplicas != 2 {
			return fmt.Errorf("%+v, %v", d, err)
		}
		return nil
	})
	must(t, w.cluster.Delete(t.Context(), path))
	must(t, w.cluster.Delete(t.Context(), path))
	_, err := direct().Get(w.cluster.URL())
	if unknown := (x509.UnknownAuthorityError{}); !errors.As(err, &unknown) {
		t.Errorf("a client that does not know the certificate: %v", err)
	}
	refused(t, http.StatusUnauthorized, "", api{client: w.cluster.client, base: w.cluster.URL()}.do(t.Context(), http.MethodGet, "/version", "", nil, nil))
	info, err := os.Stat(w.cluster.Kubeconfig())
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("kubeconfig: mode %v", info.Mode())
	}
}

func (w *fixture) sync(t *testing.T) {
	var version struct{ Version string }
	must(t, w.client("").do(t.Context(), http.MethodGet, "/api/version", "", nil, &version))
	if !strings.HasPrefix(version.Version, "v3.2.11") {
		t.Errorf("Argo CD says it is %q", version.Version)
	}
	commit := w.release(t, "docs", "v1")
	must(t, w.argo.App(t.Context(), AppSpec{Name: "docs", RepoURL: w.repo.url, Path: "docs"}))
	w.synced(t, "docs", commit)
	if len(w.argo.Proxy().Requests()) == 0 {
		t.Error("the front saw no request")
	}
}

func (w *fixture) rights(t *testing.T) {
	ci := w.client(w.argo.Token())
	for _, try := range []struct {
		action string
		can    string
	}{{"get", "yes"}, {"sync", "yes"}, {"override", "no"}, {"delete", "no"}, {"update", "no"}, {"create", "no"}} {
		var answer struct{ Value string }
		path := "/api/v1/account/can-i/applications/" + try.action + "/" + Project + "/docs"
		must(t, ci.do(t.Context(), http.MethodGet, path, "", nil, &answer))
		if answer.Value != try.can {
			t.Errorf("can ci %s: %s, want %s", try.action, answer.Value, try.can)
		}
	}
	refused(t, http.StatusForbidden, "permission denied", ci.do(t.Context(), http.MethodDelete, "/api/v1/applications/docs", "application/json", nil, nil))
	local := map[string]any{"manifests": []string{`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}`}}
	refused(t, http.StatusForbidden, "override", w.syncAs(t.Context(), w.argo.Token(), "docs", local))
	reader, _, err := w.argo.Issue(t.Context(), AccountReader, 0)
	must(t, err)
	must(t, w.client(reader).do(t.Context(), http.MethodGet, "/api/v1/applications/docs", "", nil, nil))
	refused(t, http.StatusForbidden, "sync", w.syncAs(t.Context(), reader, "docs", nil))
}

func (w *fixture) tokens(t *testing.T) {
	token, revoke, err := w.argo.Issue(t.Context(), AccountRelease, 0)
	must(t, err)
	must(t, revoke(t.Context()))
	refused(t, http.StatusUnauthorized, "", w.client(token).do(t.Context(), http.MethodGet, "/api/v1/applications/docs", "", nil, nil))
	token, _, err = w.argo.Issue(t.Context(), AccountRelease, 10*time.Second)
	must(t, err)
	eventually(t, "the token is expired", func(ctx context.Context) error {
		err := w.client(token).do(ctx, http.MethodGet, "/api/v1/applications/docs", "", nil, nil)
		if status := (*StatusError)(nil); errors.As(err, &status) && status.Code == http.StatusUnauthorized {
			return nil
		}
		return fmt.Errorf("expected 401, got %v", err)
	})
}

// A token counts as revoked when Argo CD says so, and not when Argo CD does not answer.
func TestWantRefusal(t *testing.T) {
	for _, c := range []struct {
		said    error
		refused bool
	}{
		{nil, false}, {errRefused, true}, {&StatusError{Code: http.StatusUnauthorized}, true}, {&StatusError{Code: http.StatusBadGateway}, false},
		{context.DeadlineExceeded, false}, {syscall.ECONNREFUSED, false},
	} {
		if got := wantRefusal(c.said); (got == nil) != c.refused {
			t.Errorf("%v: %v, want refused: %t", c.said, got, c.refused)
		}
	}
}

func (w *fixture) window(t *testing.T) {
	restore, err := w.argo.SyncWindow(t.Context(), SyncWindow{})
	must(t, err)
	refused(t, http.StatusForbidden, "blocked by sync window", w.syncAs(t.Context(), w.argo.Token(), "docs", nil))
	must(t, restore(t.Context()))
	w.synced(t, "docs", w.release(t, "docs", "v2"))
}

func (w *fixture) failing(t *testing.T) {
	restore, err := w.argo.FailSync(t.Context(), "docs")
	must(t, err)
	commit := w.release(t, "docs", "v3")
	must(t, w.syncAs(t.Context(), w.argo.Token(), "docs", nil))
	eventually(t, "the sync has failed", func(ctx context.Context) error {
		app, err := w.app(ctx, "docs", "")
		if err != nil || app.Status.OperationState.Phase != "Failed" || app.Status.OperationState.SyncResult.Revision != commit {
			return fmt.Errorf("%+v, %v", app, err)
		}
		if said, _ := json.Marshal(app.Status.OperationState); !strings.Contains(string(said), failSyncSays) {
			t.Errorf("expected the policy's words in %s", said)
		}
		return nil
	})
	must(t, restore(t.Context()))
	w.synced(t, "docs", commit)
}

func (w *fixture) held(t *testing.T) {
	restore, err := w.argo.HoldHealth(t.Context())
	must(t, err)
	commit := w.release(t, "docs", "v4")
	must(t, w.syncAs(t.Context(), w.argo.Token(), "docs", nil))
	eventually(t, "it is synced and progressing", func(ctx context.Context) error {
		app, err := w.app(ctx, "docs", "")
		if err != nil || app.Status.OperationState.Phase != "Succeeded" || app.Status.Sync.Revision != commit || app.Status.Health.Status != "Progressing" {
			return fmt.Errorf("%+v, %v", app, err)
		}
		return nil
	})
	must(t, restore(t.Context()))
	w.healthy(t, "docs", commit)
}

func (w *fixture) kustomize(t *testing.T) {
	private := newRepository(t, "private")
	private.write(t, map[string]any{
		"argocd/manifests/site/deployment.yaml": deployment("site", 1, "v0"),
		"argocd/manifests/site/volume.yaml": object{
			"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": object{"name": "site"},
			"spec": object{"accessModes": []string{"ReadWriteOnce"}, "resources": object{"requests": object{"storage": "1Gi"}}},
		},
		"argocd/manifests/site/kustomization.yaml": object{
			"resources": []string{"deployment.yaml", "volume.yaml"}, "images": []object{{"name": "example", "newTag": "v1"}},
		},
	})
	commit := private.commit(t)
	forge := testForge(t)
	owner, err := forge.Token(t.Context(), "owner", "write:repository")
	must(t, err)
	must(t, forge.API(t.Context(), http.MethodPatch, "/api/v1/repos/"+forge.Owner+"/private", owner, map[string]any{"private": true}, nil))
	reader, err := forge.Token(t.Context(), "reader", "read:repository")
	must(t, err)
	must(t, w.argo.AddRepository(t.Context(), private.url, forge.Owner, reader))
	names, err := w.argo.AppsFor(t.Context(), private.url, os.DirFS(private.dir))
	must(t, err)
	if strings.Join(names, " ") != "site" {
		t.Fatalf("applications: %v", names)
	}
	w.synced(t, "site", commit)
	var claim struct{ Status struct{ Phase string } }
	must(t, w.cluster.Get(t.Context(), "/api/v1/namespaces/site/persistentvolumeclaims/site", &claim))
	if claim.Status.Phase != "Bound" {
		t.Errorf("the volume is %q", claim.Status.Phase)
	}
	must(t, w.argo.DeleteApp(t.Context(), "site"))
}

func (w *fixture) auto(t *testing.T) {
	commit := w.release(t, "auto", "v1")
	must(t, w.argo.App(t.Context(), AppSpec{Name: "auto", RepoURL: w.repo.url, Path: "auto", TargetRevision: "main", AutoSync: true}))
	w.healthy(t, "auto", commit)
	commit = w.release(t, "auto", "v2")
	_, err := w.app(t.Context(), "auto", "hard")
	must(t, err)
	w.healthy(t, "auto", commit)
}

func (w *fixture) again(t *testing.T, home Home) {
	token, commit := w.argo.Token(), w.repo.head
	for _, p := range w.processes() {
		must(t, syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL))
	}
	w.close(t)
	w.start(t, home)
	if w.argo.Token() != token {
		t.Error("the token is another one")
	}
	w.healthy(t, "auto", commit)
	w.synced(t, "docs", w.release(t, "docs", "v5"))
}
