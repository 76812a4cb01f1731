package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long the tests wait for operations that take seconds.
const patience = 90 * time.Second

// fixture is a cluster with Argo CD, and a repository that it deploys.
type fixture struct {
	cluster *Cluster
	argo    *ArgoCD
	repo    *testRepository
}

func startWorld(t *testing.T, home Home) *fixture {
	t.Helper()
	w := &fixture{repo: newRepository(t, "deployed")}
	w.start(t, home)
	t.Cleanup(func() { w.close(t) })
	return w
}

func (w *fixture) start(t *testing.T, home Home) {
	t.Helper()
	need(t, PartForge, PartArgoCD)
	began := time.Now()
	var err error
	w.cluster, err = StartCluster(t.Context(), home, ClusterOptions{})
	must(t, err)
	t.Logf("cluster: %.1f s", time.Since(began).Seconds())
	began = time.Now()
	w.argo, err = StartArgoCD(t.Context(), home, w.cluster, ArgoCDOptions{})
	if err != nil {
		if err := w.cluster.Close(); err != nil {
			t.Error(err)
		}
	}
	must(t, err)
	t.Logf("Argo CD: %.1f s", time.Since(began).Seconds())
}

func (w *fixture) close(t *testing.T) {
	t.Helper()
	if w.argo == nil {
		return
	}
	processes := w.processes()
	began := time.Now()
	if err := errors.Join(w.argo.Close(), w.cluster.Close()); err != nil {
		t.Error(err)
	}
	t.Logf("closed in %.1f s", time.Since(began).Seconds())
	for _, p := range processes {
		if err := syscall.Kill(-p.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s, or what it started, still runs: %v", p.Name, err)
		}
	}
	w.argo = nil
}

func (w *fixture) processes() []*process {
	single := []*process{w.argo.redis.process, w.cluster.server, w.cluster.kept}
	return slices.Concat(single, w.argo.processes, w.cluster.controlled)
}

// application is the part of an Application that the tests read.
type application struct {
	Status struct {
		Sync           struct{ Status, Revision string }
		Health         struct{ Status string }
		Conditions     []struct{ Type, Message string }
		OperationState struct {
			Phase, Message string
			SyncResult     struct {
				Revision  string
				Resources []struct{ Kind, Status, Message string }
			}
		}
	}
}

// client is a client of the API as users have it.
func (w *fixture) client(token string) api {
	return api{client: w.argo.Proxy().Client(), base: w.argo.URL(), token: token}
}

func (w *fixture) app(ctx context.Context, name, refresh string) (application, error) {
	var app application
	err := w.client(w.argo.Token()).do(ctx, http.MethodGet, "/api/v1/applications/"+name+"?refresh="+refresh, "", nil, &app)
	return app, err
}

func (w *fixture) syncAs(ctx context.Context, token, name string, request map[string]any) error {
	if request == nil {
		request = map[string]any{}
	}
	return w.client(token).do(ctx, http.MethodPost, "/api/v1/applications/"+name+"/sync", "application/json", request, nil)
}

// synced syncs with the token of a release, and waits until that commit is deployed.
func (w *fixture) synced(t *testing.T, name, commit string) {
	t.Helper()
	_, err := w.app(t.Context(), name, "hard")
	must(t, err)
	must(t, w.syncAs(t.Context(), w.argo.Token(), name, nil))
	w.healthy(t, name, commit)
}

func (w *fixture) healthy(t *testing.T, name, commit string) {
	t.Helper()
	eventually(t, name+" is synced and healthy at "+commit, func(ctx context.Context) error {
		app, err := w.app(ctx, name, "")
		s := app.Status
		if err != nil || s.Sync.Status != "Synced" || s.Sync.Revision != commit || s.Health.Status != "Healthy" || s.OperationState.Phase != "Succeeded" {
			return fmt.Errorf("%+v, %v", app, err)
		}
		return nil
	})
}

// release commits the manifest of another version.
func (w *fixture) release(t *testing.T, name, version string) (commit string) {
	t.Helper()
	w.repo.write(t, map[string]any{name + "/deployment.yaml": deployment(name, 2, version)})
	return w.repo.commit(t)
}

func deployment(name string, replicas int, version string) object {
	labels := object{"app": name}
	return object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": name},
		"spec": object{
			"replicas": replicas, "selector": object{"matchLabels": labels},
			"template": object{
				"metadata": object{"labels": labels},
				"spec":     object{"containers": []object{{"name": "main", "image": "example:" + version}}},
			},
		},
	}
}

// testRepository is a checkout whose commits are on the forge.
type testRepository struct {
	name, url, dir, head string
}

func newRepository(t *testing.T, name string) *testRepository {
	t.Helper()
	forge := testForge(t)
	r := &testRepository{name: name, url: forge.CloneURL(forge.Owner, name), dir: t.TempDir()}
	r.git(t, "init", "--quiet", "--initial-branch=main")
	return r
}

func (r *testRepository) write(t *testing.T, files map[string]any) {
	t.Helper()
	for name, content := range files {
		data, err := json.MarshalIndent(content, "", "  ")
		must(t, err)
		path := filepath.Join(r.dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, data, 0o600))
	}
}

func (r *testRepository) commit(t *testing.T) string {
	t.Helper()
	r.git(t, "add", "--all")
	r.git(t, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message=test")
	forge := testForge(t)
	var err error
	r.head, err = forge.Push(t.Context(), forge.Owner, r.name, r.dir, "HEAD")
	must(t, err)
	return r.head
}

func (r *testRepository) git(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return string(out)
}

func eventually(t *testing.T, what string, answers func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, waitUntil(ctx, what, answers))
}

func refused(t *testing.T, code int, says string, err error) {
	t.Helper()
	status := (*StatusError)(nil)
	if !errors.As(err, &status) || status.Code != code || !strings.Contains(status.Message, says) {
		t.Errorf("expected %d with %q, got %v", code, says, err)
	}
}
