package argo

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

func TestDeploy(t *testing.T) {
	w := shared(t)
	app, commit := w.app(t, nil)
	access, err := w.client(t).Preflight(t.Context(), app)
	must(t, err)
	if access.Account != lab.AccountRelease || access.State.Project != lab.Project || access.State.TargetRevision != "main" {
		t.Errorf("access: %+v", access)
	}
	state := w.deployed(t, app, commit)
	if len(state.Images) != 1 || state.Images[0] != "example:v1" {
		t.Errorf("images: %v", state.Images)
	}

	t.Run("again", func(t *testing.T) {
		w.argo.Proxy().Forget()
		w.deployed(t, app, commit)
		if asked := w.argo.Proxy().Requests(); len(asked) != 1 || asked[0].Method != http.MethodGet {
			t.Errorf("want one look, got %+v", asked)
		}
	})
	t.Run("a newer commit that contains it", func(t *testing.T) {
		older, newer := w.release(t, app, "v2"), w.release(t, app, "v3")
		state, err := w.client(t).Deploy(t.Context(), app, w.want(t, older))
		must(t, err)
		if state.Deployed != newer {
			t.Errorf("deployed is %s, want %s", state.Deployed, newer)
		}
	})
	t.Run("drifted", func(t *testing.T) {
		commit := w.release(t, app, "v4")
		w.deployed(t, app, commit)
		path := "/apis/apps/v1/namespaces/" + app + "/deployments/" + app
		must(t, w.cluster.Patch(t.Context(), path, object{"spec": object{"replicas": 2}}))
		until(t, func() bool {
			a, err := w.client(t).read(t.Context(), app)
			must(t, err)
			state := a.state()
			return state.Sync == outOfSync && len(state.OutOfSync) == 1 && state.OutOfSync[0].Kind == "Deployment"
		})
		w.deployed(t, app, commit)
	})
	t.Run("pruning", func(t *testing.T) {
		extra := object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": "extra"}}
		w.deployed(t, app, w.push(t, map[string]any{app + "/extra.yaml": extra}))
		want := w.want(t, w.push(t, map[string]any{app + "/extra.yaml": nil}))
		state, err := w.client(t).Deploy(t.Context(), app, want)
		w.fails(t, err, ErrPrune, "ConfigMap "+app+"/extra", "pruning")
		if len(state.Prune) != 1 || state.Prune[0].Name != "extra" {
			t.Errorf("what pruning deletes: %+v", state.Prune)
		}
	})
}

func TestAutoSync(t *testing.T) {
	w := shared(t)
	app, commit := w.app(t, func(s *lab.AppSpec) { s.AutoSync = true })
	w.argo.Proxy().Forget()
	w.deployed(t, app, commit)
	w.deployed(t, app, w.release(t, app, "v2"))
	if n := w.posts(); n != 0 {
		t.Errorf("%d syncs were asked for, where Argo CD does it by itself", n)
	}
	restore, err := w.argo.FailSync(t.Context(), app)
	must(t, err)
	want := w.want(t, w.release(t, app, "v3"))
	w.reach(t, app, want, "Retrying")
	want.Timeout = time.Second
	_, err = w.client(t).Deploy(t.Context(), app, want)
	w.fails(t, err, ErrTimeout, "Deployment "+app+"/"+app+": SyncFailed", "the lab refuses", "Retrying", "retries by itself")
	w.fails(t, err, ErrSyncFailed)
	must(t, restore(t.Context()))
	w.deployed(t, app, want.Commit)
}

func TestOperationInProgress(t *testing.T) {
	w := shared(t)
	app, _ := w.app(t, nil)
	hook := object{
		"apiVersion": "batch/v1", "kind": "Job",
		"metadata": object{"name": "before", "annotations": object{
			"argocd.argoproj.io/hook": "PreSync", "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
		}},
		"spec": object{"template": object{"spec": object{
			"restartPolicy": "Never", "containers": []object{{"name": "main", "image": "example:v1"}},
		}}},
	}
	w.push(t, map[string]any{app + "/hook.yaml": hook})
	release := w.hold(t)
	_, err := w.asAdmin(t.Context(), http.MethodPost, "/api/v1/applications/"+app+"/sync", "{}")
	must(t, err)
	commit := w.push(t, map[string]any{app + "/hook.yaml": nil, app + "/deployment.yaml": manifest(app, "v2")})
	want := w.want(t, commit)
	want.Progress = func(p Progress) {
		t.Log(p)
		if strings.Contains(p.String(), "Job "+app+"/before: Running") && strings.Contains(p.Says, "admin") {
			release()
		}
	}
	state, err := w.client(t).Deploy(t.Context(), app, want)
	must(t, err)
	if state.Deployed != commit {
		t.Errorf("deployed is %s, want %s", state.Deployed, commit)
	}
}

// hold keeps pods from being scheduled until release is called, at the end of the test at the latest.
func (w *fixture) hold(t *testing.T) (release func()) {
	t.Helper()
	restore, err := w.argo.HoldHealth(t.Context())
	must(t, err)
	release = sync.OnceFunc(func() { must(t, restore(context.Background())) })
	t.Cleanup(release)
	return release
}

func TestSyncRefused(t *testing.T) {
	w := shared(t)
	app, commit := w.app(t, nil)
	w.deployed(t, app, commit)
	restore, err := w.argo.FailSync(t.Context(), app)
	must(t, err)
	commit = w.release(t, app, "v2")
	for range 2 { // the second time, the failure of the first exists already
		w.argo.Proxy().Forget()
		state, err := w.client(t).Deploy(t.Context(), app, w.want(t, commit))
		w.fails(t, err, ErrSyncFailed, "Deployment "+app+"/"+app+": SyncFailed", "the lab refuses")
		if state.Phase != phaseFailed || w.posts() != 1 {
			t.Errorf("%d syncs, and %+v", w.posts(), state)
		}
	}
	must(t, restore(t.Context()))
	w.deployed(t, app, commit)

	broken := w.want(t, w.push(t, map[string]any{app + "/broken.yaml": object{"kind": "ConfigMap"}}))
	_, err = w.client(t).Deploy(t.Context(), app, broken)
	w.fails(t, err, ErrSyncFailed, "ConfigMap", "groupVersion shouldn't be empty")
	broken = w.want(t, w.push(t, map[string]any{app + "/broken.yaml": nil, app + "/kustomization.yaml": object{"resources": []string{"missing.yaml"}}}))
	state, err := w.client(t).Deploy(t.Context(), app, broken)
	w.fails(t, err, ErrCompare, "missing.yaml", "cannot resolve main")
	if !strings.Contains(state.Trouble, "missing.yaml") {
		t.Errorf("why it cannot be compared: %q", state.Trouble)
	}
	w.deployed(t, app, w.push(t, map[string]any{app + "/kustomization.yaml": nil}))
}

// reach deploys until progress has the given text, and then stops.
func (w *fixture) reach(t *testing.T, app string, want Want, says string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	want.Timeout, want.Progress = patience, func(p Progress) {
		t.Log(p)
		if strings.Contains(p.String(), says) {
			stop()
		}
	}
	if _, err := w.client(t).Deploy(ctx, app, want); err != context.Canceled { //nolint:errorlint // it is to be that alone
		t.Fatalf("want %v, got %v", context.Canceled, err)
	}
}

func TestHeldUp(t *testing.T) {
	w := shared(t)
	app, commit := w.app(t, nil)
	w.deployed(t, app, commit)
	release := w.hold(t)
	commit = w.release(t, app, "v2")
	want := w.want(t, commit)

	t.Run("stopped", func(t *testing.T) { w.reach(t, app, want, "it is synced, but Progressing: Deployment") })
	t.Run("not in time", func(t *testing.T) {
		want := want
		want.Timeout = time.Second
		state, err := w.client(t).Deploy(t.Context(), app, want)
		w.fails(t, err, ErrTimeout, "Progressing", "Deployment "+app+"/"+app, "kubectl describe Deployment "+app+" --namespace "+app)
		if state.Deployed != commit || state.Health != progressing || len(state.Unhealthy) != 1 {
			t.Errorf("state: %+v", state)
		}
	})
	t.Run("released", func(t *testing.T) {
		want := want
		want.Progress = func(p Progress) {
			t.Log(p)
			if len(p.Holding) == 1 && p.Holding[0].Kind == "Deployment" && p.Holding[0].Message != "" {
				release()
			}
		}
		_, err := w.client(t).Deploy(t.Context(), app, want)
		must(t, err)
	})
	t.Run("degraded", func(t *testing.T) {
		release := w.hold(t)
		hasty := manifest(app, "v3")
		hasty["spec"].(object)["progressDeadlineSeconds"] = 1
		want := w.want(t, w.push(t, map[string]any{app + "/deployment.yaml": hasty}))
		w.reach(t, app, want, "it is synced, but Degraded")
		want.Timeout = time.Second
		_, err := w.client(t).Deploy(t.Context(), app, want)
		for range 60 { // the end of an old pod is progress, which postpones the deadline
			if err == nil || !strings.Contains(err.Error(), "but Progressing") {
				break
			}
			_, err = w.client(t).Deploy(t.Context(), app, want)
		}
		w.fails(t, err, ErrTimeout, "Degraded", "exceeded its progress deadline")
		release()
		want.Timeout = patience
		_, err = w.client(t).Deploy(t.Context(), app, want)
		must(t, err)
	})
}

func TestOtherRevision(t *testing.T) {
	w := shared(t)
	app, commit := w.app(t, nil)
	want := w.want(t, strings.Repeat("f", 40))
	want.Timeout, want.Contains = 3*time.Second, func(context.Context, string) (bool, error) { return false, nil }
	w.argo.Proxy().Forget()
	_, err := w.client(t).Deploy(t.Context(), app, want)
	w.fails(t, err, ErrTimeout, "ffffffffffff is not deployed after 3s", "it follows main, which Argo CD resolved to "+commit[:12], "check that the commit is pushed")
	if n := w.posts(); n != 0 {
		t.Errorf("%d syncs to what is not wanted", n)
	}
	fixed, _ := w.app(t, func(s *lab.AppSpec) { s.TargetRevision = commit })
	_, err = w.client(t).Deploy(t.Context(), fixed, want)
	w.fails(t, err, ErrRevision, "targetRevision")
}

// until polls until a condition is true.
func until(t *testing.T, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); {
		if time.Now().After(deadline) {
			t.Fatalf("not so after %s", patience)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
