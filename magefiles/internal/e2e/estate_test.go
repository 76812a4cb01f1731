package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/front"
)

// looked is what doctor and drift say with -format=json.
type looked struct {
	Findings []struct {
		Path, About, Message, Check, Rule, Do string
		Line                                  int
	}
	Failures []struct{ Check, Error string }
}

func (l looked) String() string {
	var lines []string
	for _, f := range l.Findings {
		lines = append(lines, fmt.Sprintf("%s%s:%d: %s [%s/%s] → %s", f.Path, f.About, f.Line, f.Message, f.Check, f.Rule, f.Do))
	}
	for _, f := range l.Failures {
		lines = append(lines, "! "+f.Check+": "+f.Error)
	}
	return strings.Join(lines, "\n")
}

// look runs doctor or drift, which has to end with a status.
func (h *homelab) look(status int, args ...string) (l looked) {
	h.t.Helper()
	began := time.Now()
	got := h.run(append(args, "-format=json")...)
	if err := json.Unmarshal([]byte(got.stdout), &l); err != nil || got.status != status {
		h.t.Fatalf("%v: status %d, want %d; %v\n%s\n%s", args, got.status, status, err, l, got.stderr)
	}
	h.t.Logf("%v: %.1f s\n%s", args, time.Since(began).Seconds(), l)
	return l
}

// rules wants the rules of the findings to be these, and texts in their messages.
func (h *homelab) rules(l looked, want []string, texts ...string) {
	h.t.Helper()
	var got []string
	for _, f := range l.Findings {
		got = append(got, f.Check+"/"+f.Rule)
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		h.t.Errorf("rules %v, want %v\n%s", got, want, l)
	}
	for _, text := range texts {
		if !strings.Contains(l.String(), text) {
			h.t.Errorf("%q is not in\n%s", text, l)
		}
	}
}

// with sets variables, and returns what sets them back.
func (h *homelab) with(variables map[string]string) (restore func()) {
	before := map[string]string{}
	for name, value := range variables {
		before[name] = h.env[name]
		h.env[name] = value
	}
	return func() {
		for name, value := range before {
			h.env[name] = value
		}
	}
}

// testEstate has doctor and drift look at the homelab as it should be, and then at what is planted in it. It leaves it as it was.
func (h *homelab) testEstate(t *testing.T) {
	h.git("pull", "--quiet", "--ff-only")
	defer h.with(map[string]string{"BLUMEOPS_REGISTRY": "", "BLUMEOPS_REGISTRY_USER": "ci", "BLUMEOPS_REGISTRY_PASSWORD": "canary-registry-7d1"})()
	registry := h.newServer(lab.RegistryOptions{Users: map[string]string{"ci": "canary-registry-7d1"}})
	h.write(".git/info/exclude", "/containers/\n")
	h.write("containers/hello/Dockerfile", "FROM scratch\n")
	t.Run("doctor", func(t *testing.T) { h.t = t; h.testDoctor(t, registry) })
	t.Run("drift", func(t *testing.T) { h.t = t; h.testDrift(t, registry) })
	h.t = t
	for _, dir := range []string{"containers", "argocd/apps", "argocd/manifests/planted", ".git/info/exclude"} {
		if err := os.RemoveAll(filepath.Join(h.repo, dir)); err != nil {
			t.Error(err)
		}
	}
	if changed := h.git("status", "--porcelain"); changed != "" {
		t.Errorf("left: %s", changed)
	}
}

func (h *homelab) testDoctor(t *testing.T, registry *server) {
	forge, argocd := h.lab.Forge, h.lab.ArgoCD
	for _, f := range h.fronts() {
		f.Forget()
	}
	h.rules(h.look(0, "doctor"), nil)
	for name, f := range h.fronts() {
		for _, q := range f.Requests() {
			if q.Method != http.MethodGet && q.Method != http.MethodHead && (q.Status < 400 || q.Status >= 500) {
				t.Errorf("%s: %s %s: %d", name, q.Method, q.Path, q.Status)
			}
		}
	}
	writes := strings.Join(registry.writes(), "\n")
	if !strings.HasPrefix(writes, "POST /v2/blumeops/hello/blobs/uploads/: 202") || !strings.Contains(writes, "DELETE ") {
		t.Errorf("the registry was asked\n%s", writes)
	}

	reader, revoke, err := argocd.Issue(t.Context(), lab.AccountReader, 0)
	if err != nil {
		t.Fatal(err)
	}
	restore := h.with(map[string]string{"ARGOCD_AUTH_TOKEN": reader})
	if err := forge.Protect(t.Context(), forge.Owner, "blumeops", "main", lab.ProtectOptions{}); err != nil {
		t.Fatal(err)
	}
	registry.fail("unauthorized", 0)
	h.write("docs/unfinished.md", "---\ntitle: Unfinished\n---\n")
	h.rules(h.look(1, "doctor"), []string{"argocd/right", "forge/right", "push/changes", "registry/answer"},
		"protected", "applications, sync, ", "docs/unfinished.md", `user "ci"`)
	restore()
	if err := revoke(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(h.repo, "docs", "unfinished.md")); err != nil {
		t.Error(err)
	}
	rule := "/api/v1/repos/" + forge.Owner + "/blumeops/branch_protections/main"
	if err := forge.API(t.Context(), http.MethodDelete, rule, h.env["BLUMEOPS_FORGE_TOKEN"], nil, nil); err != nil {
		t.Fatal(err)
	}

	registry.fail("broken", 0)
	h.fronts()["forge"].Fail(front.Fault{Kind: front.Expire})
	h.fronts()["site"].Fail(front.Fault{Kind: front.Refuse})
	h.fronts()["argocd"].Fail(front.Fault{Kind: front.Status})
	h.rules(h.look(1, "doctor"), []string{"argocd/right", "forge/token", "push/right", "registry/push", "site/answer"})
	registry.Front().Mend()
	for _, f := range h.fronts() {
		f.Mend()
	}

	few, err := forge.Token(t.Context(), "few", "read:repository", "read:user")
	if err != nil {
		t.Fatal(err)
	}
	restore = h.with(map[string]string{"BLUMEOPS_FORGE_TOKEN": few})
	h.rules(h.look(1, "doctor", "-only=forge,registry"), []string{"forge/right"}, "write:package")
	restore()
	if got := h.run("doctor", "-only=forge"); got.status != 0 || got.stdout != "" {
		t.Errorf("status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
}

// pod is a manifest with an image on line 6.
func pod(image string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: planted}\nspec:\n  containers:\n    - image: " + image + "\n      name: main\n"
}

func (h *homelab) testDrift(t *testing.T, registry *server) {
	shelf, node := needBase(t, baseimage.NodeSlim())
	name, tag, _ := strings.Cut(node, ":")
	kustomization := filepath.Join(h.repo, "argocd", "manifests", "docs", "kustomization.yaml")
	text, err := os.ReadFile(kustomization)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.WriteFile(kustomization, text, 0o644); err != nil {
			t.Error(err)
		}
	}()
	h.write("argocd/manifests/docs/kustomization.yaml", strings.Replace(string(text), "newTag: v1.0.0", "newName: "+shelf+"/"+name+"\n    newTag: "+tag, 1))
	h.write("argocd/apps/docs.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: docs\nspec:\n  project: "+lab.Project+"\n")
	h.rules(h.look(0, "drift"), nil)

	// What nobody holds, what was changed by hand, and what no branch has.
	h.write("argocd/manifests/planted/pod.yaml", pod(shelf+"/"+name+":planted"))
	deployment := "/apis/apps/v1/namespaces/docs/deployments/docs"
	replicas := func(n int) {
		if err := h.lab.Cluster.Patch(t.Context(), deployment, map[string]any{"spec": map[string]any{"replicas": n}}); err != nil {
			t.Fatal(err)
		}
	}
	replicas(2)
	lost := h.git("commit-tree", "HEAD^{tree}", "-m", "On no branch")
	h.pushRef(lost + ":refs/tags/nettest-v1.0.0")
	h.noticed("OutOfSync")
	h.rules(h.look(1, "drift"), []string{"applications/out-of-sync", "images/missing", "tags/tag"},
		"argocd/manifests/planted/pod.yaml:6:", ":planted", "argocd/apps/docs.yaml:4:", "Deployment docs/docs", "tag nettest-v1.0.0 is on "+lost[:12])
	h.pushRef(":refs/tags/nettest-v1.0.0")
	replicas(1)

	// A registry that is down is no finding: nothing is known of it.
	h.write("argocd/manifests/planted/pod.yaml", pod(registry.Addr+"/blumeops/hello:v1.0.0"))
	registry.stop()
	got := h.look(2, "drift", "-only=images,tags,package")
	if h.rules(got, nil); len(got.Failures) != 1 || got.Failures[0].Check != "images" || !strings.Contains(got.Failures[0].Error, "registry "+registry.Addr) {
		t.Errorf("got\n%s", got)
	}
	h.noticed("Synced")
}

// noticed waits until Argo CD has seen the state of the docs.
func (h *homelab) noticed(sync string) {
	h.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		var app struct {
			Status struct{ Sync struct{ Status string } }
		}
		err := h.lab.Cluster.Get(h.t.Context(), "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/docs", &app)
		if err == nil && app.Status.Sync.Status == sync {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("docs is not %s: %+v, %v", sync, app, err)
		}
	}
}
