package workflows

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// workflows is a homelab with all of this checkout, in whose forge things happen that act then runs our workflows for. The forge
// itself has no runner, and no say in what is run: filters and concurrency groups are its own.
type workflows struct {
	*e2etest.Homelab
	registry *e2etest.Registry
	canary   string // file that the command hit makes, which nothing of ours runs
}

// TestWorkflows runs the files of .forgejo/workflows as a runner does, against a forge, a registry and Argo CD.
func TestWorkflows(t *testing.T) {
	w := newWorkflows(t)
	for _, part := range []struct {
		name string
		test func(*testing.T)
	}{
		{"triggers", w.testTriggers}, {"paths", w.testPaths}, {"hostile names", w.testHostile}, {"manifests", w.testManifests},
		{"release", w.testDispatch}, {"tag", w.testTag}, {"tag of a Python package", w.testPackageTag}, {"branch", w.testBranch}, {"pull request", w.testPullRequest},
	} {
		t.Run(part.name, func(t *testing.T) {
			w.T = t
			part.test(t)
			if w.hit() {
				t.Error("a foreign command was run")
			}
		})
	}
}

func newWorkflows(t *testing.T) *workflows {
	t.Helper()
	w := &workflows{canary: filepath.Join(t.TempDir(), "canary")}
	w.Homelab = e2etest.NewHomelabOf(t, e2etest.CheckoutFiles(t), func(edited *e2etest.Workspace) {
		w.registry = edited.NewRegistry(lab.RegistryOptions{Users: map[string]string{"ci": "canary-registry-7d2e"}})
		useRegistry(edited, w.registry.Addr)
	})
	w.Env["BLUMEOPS_REGISTRY_USER"] = "ci"
	w.CompileForClones()
	w.haveNginx()
	for _, name := range []string{"devpi", "forgejo-runner", "nettest", "quartz"} {
		w.publishedOnce(name)
	}
	w.plantHit()
	return w
}

// useRegistry makes this site's registry another one in the manifests, as a fork does.
func useRegistry(w *e2etest.Workspace, address string) {
	w.T.Helper()
	files, err := filepath.Glob(filepath.Join(w.Repo, "argocd", "manifests", "*", "*.yaml"))
	if err != nil || len(files) == 0 {
		w.T.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, []byte(strings.ReplaceAll(string(text), "registry.ops.eblu.me", address)), 0o644)
		}
		if err != nil {
			w.T.Fatal(err)
		}
	}
}

// plantHit makes the command hit.
func (w *workflows) plantHit() {
	w.T.Helper()
	bin := w.T.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "hit"), []byte("#!/bin/sh\n: >'"+w.canary+"'\n"), 0o755); err != nil {
		w.T.Fatal(err)
	}
	w.Env["PATH"] = bin + string(filepath.ListSeparator) + w.Env["PATH"]
	cmd := exec.Command("sh", "-c", "echo $(hit)")
	if cmd.Env = w.Env.List(); cmd.Run() != nil || !w.hit() {
		w.T.Fatal("hit does not work")
	}
	if err := os.Remove(w.canary); err != nil {
		w.T.Fatal(err)
	}
}

// hit tells whether the command hit was run.
func (w *workflows) hit() bool {
	_, err := os.Stat(w.canary)
	return err == nil
}

// event is what happened at the forge, and the workflow that it starts.
type event struct {
	file    string // of the workflow
	name    string // of the event
	ref     string
	commit  string
	payload map[string]any
	foreign bool            // of a fork: the forge gives its jobs no secret
	env     e2etest.Environ // of the jobs, beside what a runner sets for a site
}

// pushed is the event of a push to a ref.
func pushed(file, ref, commit string) event {
	return event{file: file, name: "push", ref: ref, commit: commit, payload: map[string]any{
		"ref": ref, "before": strings.Repeat("0", 40), "after": commit, "deleted": false,
	}}
}

// jobTime bounds a job, which may have to compile mage on a machine that has much else to do.
const jobTime = 5 * e2etest.Patience

// act runs the workflow of an event as the checkout has it. The jobs get what a runner would set for a site; secrets come from the forge alone.
func (w *workflows) act(e event) (string, error) {
	w.T.Helper()
	env := maps.Clone(w.Env)
	secrets := map[string]string{
		"REGISTRY_PASSWORD": w.registry.Password, "FORGE_TOKEN": env["BLUMEOPS_FORGE_TOKEN"], "ARGOCD_TOKEN": env["ARGOCD_AUTH_TOKEN"], "SIGNING_KEY": env["BLUMEOPS_SIGNING_KEY"],
	}
	for _, name := range []string{"BLUMEOPS_FORGE_TOKEN", "ARGOCD_AUTH_TOKEN", "BLUMEOPS_SIGNING_KEY", "BLUMEOPS_REGISTRY_PASSWORD"} {
		delete(env, name)
	}
	maps.Copy(env, e.env)
	run := lab.WorkflowRun{
		Checkout: w.Repo, Workflow: e.file, Event: e.name, Ref: e.ref, Commit: e.commit, Payload: e.payload,
		Server: w.Lab.Forge.URL(), Name: w.Lab.Forge.Owner + "/blumeops", Env: env, Secrets: secrets,
	}
	if e.foreign {
		run.Secrets = nil
	}
	ctx, cancel := context.WithTimeout(w.T.Context(), jobTime)
	defer cancel()
	began := time.Now()
	out, err := lab.Home{}.Act(ctx, run)
	w.T.Logf("%s for %s %.40q: %.1f s", e.file, e.name, e.ref, time.Since(began).Seconds())
	for name, secret := range secrets {
		if lines := strings.Split(strings.TrimSpace(secret), "\n"); strings.Contains(out, lines[len(lines)/2]) {
			w.T.Errorf("%s is in the job's log", name)
		}
	}
	return out, err
}

// mustAct is act for jobs that end well.
func (w *workflows) mustAct(e event) string {
	w.T.Helper()
	out, err := w.act(e)
	if err != nil {
		w.T.Fatalf("%v\n%s", err, out)
	}
	return out
}

// testManifests has Argo CD sync all that argocd/manifests holds.
func (w *workflows) testManifests(t *testing.T) {
	admin, err := w.Lab.ArgoCD.AdminToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	folders, err := os.ReadDir(filepath.Join(w.Repo, "argocd", "manifests"))
	if err != nil || len(folders) < 4 {
		t.Fatalf("%v, %v", folders, err)
	}
	for _, folder := range folders {
		if _, err := os.Stat(filepath.Join(w.Repo, "argocd", "apps", folder.Name()+".yaml")); err != nil {
			t.Errorf("%s has no Application: %v", folder.Name(), err)
		}
		switch folder.Name() {
		case "docs":
			continue // it names no release yet; the release syncs it
		case "buildkit":
			continue // it requires nodes of two architectures; a test of package lab has them, and syncs it
		}
		if err := w.sync(t.Context(), admin, "/api/v1/applications/"+folder.Name()); err != nil {
			t.Errorf("%s: %v", folder.Name(), err)
		}
	}
}

// sync has Argo CD sync an Application, and waits until it is healthy.
func (w *workflows) sync(ctx context.Context, token, path string) error {
	if err := argoAPI(ctx, w.Lab.ArgoCD, token, http.MethodPost, path+"/sync", map[string]any{}, nil); err != nil {
		return err
	}
	return settled(ctx, func(ctx context.Context) error {
		var app struct {
			Status struct {
				Sync, Health   struct{ Status string }
				OperationState struct{ Phase, Message string }
			}
		}
		if err := argoAPI(ctx, w.Lab.ArgoCD, token, http.MethodGet, path, nil, &app); err != nil {
			return err
		}
		if s := app.Status; s.Sync.Status != "Synced" || s.Health.Status != "Healthy" || s.OperationState.Phase != "Succeeded" {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

// settled asks until there is no error.
func settled(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, e2etest.Patience)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
