package deploy

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

// testEstate has doctor and drift look at the homelab as it should be, and then at what is planted in it. It leaves it as it was.
func (h *homelab) testEstate(t *testing.T) {
	h.Git("pull", "--quiet", "--ff-only")
	defer h.With(map[string]string{"BLUMEOPS_REGISTRY": "", "BLUMEOPS_REGISTRY_USER": "ci", "BLUMEOPS_REGISTRY_PASSWORD": "canary-registry-7d1"})()
	registry := h.NewRegistry(lab.RegistryOptions{Users: map[string]string{"ci": "canary-registry-7d1"}})
	h.Write(".git/info/exclude", "/containers/\n")
	h.Write("containers/hello/Dockerfile", "FROM scratch\n")
	t.Run("doctor", func(t *testing.T) { h.T = t; h.testDoctor(t, registry) })
	t.Run("drift", func(t *testing.T) { h.T = t; h.testDrift(t, registry) })
	h.T = t
	for _, dir := range []string{"containers", "argocd/apps", "argocd/manifests/planted", ".git/info/exclude"} {
		if err := os.RemoveAll(filepath.Join(h.Repo, dir)); err != nil {
			t.Error(err)
		}
	}
	if changed := h.Git("status", "--porcelain"); changed != "" {
		t.Errorf("left: %s", changed)
	}
}

func (h *homelab) testDoctor(t *testing.T, registry *e2etest.Registry) {
	forge, argocd := h.Lab.Forge, h.Lab.ArgoCD
	for _, f := range h.Proxies() {
		f.Forget()
	}
	h.WantRules(h.Findings(0, "doctor"), nil)
	for name, f := range h.Proxies() {
		for _, q := range f.Requests() {
			if q.Method != http.MethodGet && q.Method != http.MethodHead && (q.Status < 400 || q.Status >= 500) {
				t.Errorf("%s: %s %s: %d", name, q.Method, q.Path, q.Status)
			}
		}
	}
	writes := strings.Join(registry.Writes(), "\n")
	if !strings.HasPrefix(writes, "POST /v2/blumeops/hello/blobs/uploads/: 202") || !strings.Contains(writes, "DELETE ") {
		t.Errorf("the registry was asked\n%s", writes)
	}

	reader, revoke, err := argocd.Issue(t.Context(), lab.AccountReader, 0)
	if err != nil {
		t.Fatal(err)
	}
	restore := h.With(map[string]string{"ARGOCD_AUTH_TOKEN": reader})
	if err := forge.Protect(t.Context(), forge.Owner, "blumeops", "main", lab.ProtectOptions{}); err != nil {
		t.Fatal(err)
	}
	registry.Fail("unauthorized", 0)
	h.Write("docs/unfinished.md", "---\ntitle: Unfinished\n---\n")
	h.WantRules(h.Findings(1, "doctor"), []string{"argocd/right", "forge/right", "push/changes", "registry/answer"},
		"protected", "applications, sync, ", "docs/unfinished.md", `user "ci"`)
	restore()
	if err := revoke(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(h.Repo, "docs", "unfinished.md")); err != nil {
		t.Error(err)
	}
	rule := "/api/v1/repos/" + forge.Owner + "/blumeops/branch_protections/main"
	if err := forge.API(t.Context(), http.MethodDelete, rule, h.Env["BLUMEOPS_FORGE_TOKEN"], nil, nil); err != nil {
		t.Fatal(err)
	}

	registry.Fail("broken", 0)
	h.Proxies()["forge"].Fail(faultproxy.Fault{Kind: faultproxy.Expire})
	h.Proxies()["site"].Fail(faultproxy.Fault{Kind: faultproxy.Refuse})
	h.Proxies()["argocd"].Fail(faultproxy.Fault{Kind: faultproxy.Status})
	h.WantRules(h.Findings(1, "doctor"), []string{"argocd/right", "forge/token", "push/right", "registry/push", "site/answer"})
	registry.Proxy().Clear()
	for _, f := range h.Proxies() {
		f.Clear()
	}

	few, err := forge.Token(t.Context(), "few", "read:repository", "read:user")
	if err != nil {
		t.Fatal(err)
	}
	restore = h.With(map[string]string{"BLUMEOPS_FORGE_TOKEN": few})
	h.WantRules(h.Findings(1, "doctor", "-only=forge,registry"), []string{"forge/right"}, "write:package")
	restore()
	if got := h.Run("doctor", "-only=forge"); got.Status != 0 || got.Stdout != "" {
		t.Errorf("status %d\n%s%s", got.Status, got.Stdout, got.Stderr)
	}
}

// pod is a manifest with an image on line 6.
func pod(image string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: planted}\nspec:\n  containers:\n    - image: " + image + "\n      name: main\n"
}

func (h *homelab) testDrift(t *testing.T, registry *e2etest.Registry) {
	bases, node := e2etest.NeedBase(t, baseimage.NodeSlim())
	name, tag, _ := strings.Cut(node, ":")
	kustomization := filepath.Join(h.Repo, "argocd", "manifests", "docs", "kustomization.yaml")
	text, err := os.ReadFile(kustomization)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.WriteFile(kustomization, text, 0o644); err != nil {
			t.Error(err)
		}
	}()
	h.Write("argocd/manifests/docs/kustomization.yaml", strings.Replace(string(text), "newTag: v1.0.0", "newName: "+bases+"/"+name+"\n    newTag: "+tag, 1))
	h.Write("argocd/apps/docs.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: docs\nspec:\n  project: "+lab.Project+"\n")
	h.WantRules(h.Findings(0, "drift"), nil)

	// What nobody holds, what was changed by hand, and what no branch has.
	h.Write("argocd/manifests/planted/pod.yaml", pod(bases+"/"+name+":planted"))
	deployment := "/apis/apps/v1/namespaces/docs/deployments/docs"
	replicas := func(n int) {
		if err := h.Lab.Cluster.Patch(t.Context(), deployment, map[string]any{"spec": map[string]any{"replicas": n}}); err != nil {
			t.Fatal(err)
		}
	}
	replicas(2)
	lost := h.Git("commit-tree", "HEAD^{tree}", "-m", "On no branch")
	h.PushRef(lost + ":refs/tags/nettest-v1.0.0")
	h.noticed("OutOfSync")
	h.WantRules(h.Findings(1, "drift"), []string{"applications/out-of-sync", "images/missing", "tags/tag"},
		"argocd/manifests/planted/pod.yaml:6:", ":planted", "argocd/apps/docs.yaml:4:", "Deployment docs/docs", "tag nettest-v1.0.0 is on "+lost[:12])
	h.PushRef(":refs/tags/nettest-v1.0.0")
	replicas(1)

	// A registry that is down is no finding: nothing is known of it.
	h.Write("argocd/manifests/planted/pod.yaml", pod(registry.Addr+"/blumeops/hello:v1.0.0"))
	registry.Stop()
	got := h.Findings(2, "drift", "-only=images,tags,package")
	if h.WantRules(got, nil); len(got.Failures) != 1 || got.Failures[0].Check != "images" || !strings.Contains(got.Failures[0].Error, "registry "+registry.Addr) {
		t.Errorf("got\n%s", got)
	}
	h.noticed("Synced")
}

// noticed waits until Argo CD has seen the state of the docs.
func (h *homelab) noticed(sync string) {
	h.T.Helper()
	for deadline := time.Now().Add(e2etest.Patience); ; time.Sleep(200 * time.Millisecond) {
		var app struct {
			Status struct{ Sync struct{ Status string } }
		}
		err := h.Lab.Cluster.Get(h.T.Context(), "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/docs", &app)
		if err == nil && app.Status.Sync.Status == sync {
			return
		}
		if time.Now().After(deadline) {
			h.T.Fatalf("docs is not %s: %+v, %v", sync, app, err)
		}
	}
}
