package deploy

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// nettestManifest is a deployment whose image a kustomization gives its version.
const nettestManifest = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: nettest
spec:
  selector:
    matchLabels: {app: nettest}
  template:
    metadata:
      labels: {app: nettest}
    spec:
      containers:
        - name: nettest
          image: nettest
`

// testPromote brings an image from a build into the cluster: published, named in a manifest, synced.
func (h *homelab) testPromote(t *testing.T) {
	defer h.With(map[string]string{"BLUMEOPS_REGISTRY": "", "BLUMEOPS_REGISTRY_USER": "none"})()
	registry := h.NewRegistry(lab.RegistryOptions{})
	image := registry.Addr + "/blumeops/nettest"
	for _, name := range []string{"containers/nettest", "go.mod", "go.sum"} {
		if err := e2etest.CopyTree(filepath.Join(e2etest.Root(), name), filepath.Join(h.Repo, name)); err != nil {
			t.Fatal(err)
		}
	}
	const folder, deployed = "argocd/manifests/nettest", "/apis/apps/v1/namespaces/nettest/deployments/nettest"
	h.Write(folder+"/deployment.yaml", nettestManifest)
	h.Write(folder+"/kustomization.yaml", "resources:\n  - deployment.yaml\nimages:\n  - name: nettest # of this site\n    newName: "+image+"\n    newTag: v0.0.0 # by container:promote\n")
	h.CommitAndPush("Write nettest")
	forge := h.Lab.Forge
	app := lab.AppSpec{Name: "nettest", RepoURL: forge.CloneURL(forge.Owner, "blumeops"), Path: folder}
	if err := h.Lab.ArgoCD.App(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Lab.ArgoCD.DeleteApp(t.Context(), "nettest"); err != nil {
			t.Error(err)
		}
	}()

	published := h.Mage("container:publish", "nettest", "v0.1.0", "-platform=linux/amd64")
	before := h.Git("rev-parse", "HEAD")
	dry := h.Run("container:promote", "nettest", "newest", "-dryrun", "-sync")
	for _, want := range []string{"would push main in one step", "+    newTag: v0.1.0 # by container:promote", "+    digest: sha256:", "nettest: would let Argo CD deploy commit"} {
		if dry.Status != 0 || !strings.Contains(dry.Stderr, want) {
			t.Errorf("the dry run: status %d, %q is missing\n%s", dry.Status, want, dry.Stderr)
		}
	}
	if h.Git("ls-remote", "origin", "refs/heads/main") != before+"\trefs/heads/main" || h.Git("status", "--porcelain") != "" {
		t.Error("the dry run changed something")
	}
	got := h.promote("nettest", "newest", "-sync")
	if got.Reference != published || got.Status != "promoted" || strings.Join(got.Applications, " ") != "nettest" {
		t.Errorf("got %+v, published %s", got, published)
	}
	if head := h.Git("rev-parse", "HEAD"); head != got.Commit || h.Git("rev-parse", "HEAD^") != before || h.Git("status", "--porcelain") != "" {
		t.Errorf("the checkout is at %s, %q", head, h.Git("status", "--porcelain"))
	}
	if message := h.Git("log", "-1", "--format=%s"); message != "Promote nettest to v0.1.0 [skip ci]" {
		t.Errorf("message %q", message)
	}
	if stat := h.Git("show", "--format=", "--numstat", "HEAD"); stat != "2\t1\t"+folder+"/kustomization.yaml" {
		t.Errorf("changed: %s", stat)
	}
	h.WantDeployed(deployed, published)
	if again := h.promote("nettest", "v0.1.0", "-sync"); again.Status != "unchanged" || again.Commit != got.Commit {
		t.Errorf("again: %+v", again)
	}
	if refused := h.Run("container:promote", "nettest", "v0.2.0"); refused.Status != 2 || !strings.Contains(refused.Stderr, "does not have "+image+":v0.2.0") ||
		!strings.Contains(refused.Stderr, "nearest versions: v0.1.0") {
		t.Errorf("status %d\n%s", refused.Status, refused.Stderr)
	}

	h.Write("containers/nettest/e2e.go", "package main\n\nfunc init() { _ = \"another\" }\n")
	h.CommitAndPush("Change nettest")
	next := h.Mage("container:publish", "nettest", "v0.1.1", "-platform=linux/amd64", "-promote", "-sync")
	if e2etest.DigestPattern.FindString(next) == e2etest.DigestPattern.FindString(published) || !strings.HasPrefix(next, image+":v0.1.1@sha256:") {
		t.Errorf("published %s after %s", next, published)
	}
	h.WantDeployed(deployed, next)
	if left := h.Git("status", "--porcelain"); left != "" {
		t.Errorf("left: %s", left)
	}
	h.promoteBesideChanges(t, folder+"/kustomization.yaml")
	h.promoteUnused(t)
}

// promoteBesideChanges has a change in the checkout that is not committed, in the very file: what is pushed is made from the forge's branch
// alone, and the change stays.
func (h *homelab) promoteBesideChanges(t *testing.T, name string) {
	t.Helper()
	before := h.Git("rev-parse", "HEAD")
	h.Write(name, "# mine\n"+h.Git("show", "HEAD:"+name)+"\n")
	got := h.Run("container:promote", "nettest", "v0.1.0")
	if got.Status != 0 || !strings.Contains(got.Stderr, "the checkout was not updated") || h.Git("rev-parse", "HEAD") != before || h.Git("status", "--porcelain") != "M "+name {
		t.Errorf("beside a change: status %d, %q\n%s", got.Status, h.Git("status", "--porcelain"), got.Stderr)
	}
	h.Git("checkout", "--", name)
	h.Git("pull", "--quiet", "--ff-only")
	if stat := h.Git("show", "--format=%s", "--numstat", "HEAD"); stat != "Promote nettest to v0.1.0 [skip ci]\n\n2\t2\t"+name {
		t.Errorf("pushed: %s", stat)
	}
}

// promoteUnused has a container that no manifest deploys: by itself that is refused, after a publication it is told.
func (h *homelab) promoteUnused(t *testing.T) {
	t.Helper()
	if err := e2etest.CopyTree(filepath.Join(e2etest.Root(), "containers", "nettest"), filepath.Join(h.Repo, "containers", "idle")); err != nil {
		t.Fatal(err)
	}
	h.CommitAndPush("Write idle")
	head := h.Git("rev-parse", "HEAD")
	const none = "no manifest under argocd/ on branch main of the forge deploys "
	published := h.Run("container:publish", "idle", "v0.1.0", "-platform=linux/amd64", "-promote")
	if published.Status != 0 || !strings.Contains(published.Stderr, none) || !strings.Contains(published.Stdout, "/idle:v0.1.0@sha256:") {
		t.Errorf("published and promoted: status %d\n%s%s", published.Status, published.Stdout, published.Stderr)
	}
	if got := h.Run("container:promote", "idle", "newest"); got.Status != 1 || got.Stdout != "" || !strings.Contains(got.Stderr, none) || !strings.Contains(got.Stderr, "hint: push a manifest with `image: ") {
		t.Errorf("promoted: status %d\n%s%s", got.Status, got.Stdout, got.Stderr)
	}
	if after := h.Git("ls-remote", "origin", "refs/heads/main"); after != head+"\trefs/heads/main" {
		t.Errorf("main is %s, and was %s", after, head)
	}
}

// promoted is what container:promote -format=json says.
type promoted struct {
	Reference, Status, Commit string
	Applications              []string
}

func (h *homelab) promote(args ...string) (result promoted) {
	h.T.Helper()
	got := h.Run(append([]string{"container:promote"}, append(args, "-format=json")...)...)
	if err := json.Unmarshal([]byte(got.Stdout), &result); err != nil || got.Status != 0 {
		h.T.Fatalf("container:promote %v: status %d, %v\n%s%s", args, got.Status, err, got.Stdout, got.Stderr)
	}
	return result
}
