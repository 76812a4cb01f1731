package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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
	defer h.with(map[string]string{"BLUMEOPS_REGISTRY": "", "BLUMEOPS_REGISTRY_USER": "none"})()
	registry := h.newServer(lab.RegistryOptions{})
	image := registry.Addr + "/blumeops/nettest"
	for _, name := range []string{"containers/nettest", "go.mod", "go.sum"} {
		if err := copyTree(filepath.Join(setup.root, name), filepath.Join(h.repo, name)); err != nil {
			t.Fatal(err)
		}
	}
	const folder, deployed = "argocd/manifests/nettest", "/apis/apps/v1/namespaces/nettest/deployments/nettest"
	h.write(folder+"/deployment.yaml", nettestManifest)
	h.write(folder+"/kustomization.yaml", "resources:\n  - deployment.yaml\nimages:\n  - name: nettest # of this site\n    newName: "+image+"\n    newTag: v0.0.0 # by container:promote\n")
	h.commitAndPush("Write nettest")
	forge := h.lab.Forge
	app := lab.AppSpec{Name: "nettest", RepoURL: forge.CloneURL(forge.Owner, "blumeops"), Path: folder}
	if err := h.lab.ArgoCD.App(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.lab.ArgoCD.DeleteApp(t.Context(), "nettest"); err != nil {
			t.Error(err)
		}
	}()

	published := h.mage("container:publish", "nettest", "v0.1.0", "-platform=linux/amd64")
	before := h.git("rev-parse", "HEAD")
	dry := h.run("container:promote", "nettest", "newest", "-dryrun", "-sync")
	for _, want := range []string{"would push main in one step", "+    newTag: v0.1.0 # by container:promote", "+    digest: sha256:", "nettest: would have Argo CD deploy"} {
		if dry.status != 0 || !strings.Contains(dry.stderr, want) {
			t.Errorf("the dry run: status %d, lacks %q\n%s", dry.status, want, dry.stderr)
		}
	}
	if h.git("ls-remote", "origin", "refs/heads/main") != before+"\trefs/heads/main" || h.git("status", "--porcelain") != "" {
		t.Error("the dry run changed something")
	}
	got := h.promote("nettest", "newest", "-sync")
	if got.Reference != published || got.Status != "promoted" || strings.Join(got.Applications, " ") != "nettest" {
		t.Errorf("got %+v, published %s", got, published)
	}
	if head := h.git("rev-parse", "HEAD"); head != got.Commit || h.git("rev-parse", "HEAD^") != before || h.git("status", "--porcelain") != "" {
		t.Errorf("the checkout is at %s, %q", head, h.git("status", "--porcelain"))
	}
	if message := h.git("log", "-1", "--format=%s"); message != "Promote nettest to v0.1.0 [skip ci]" {
		t.Errorf("message %q", message)
	}
	if stat := h.git("show", "--format=", "--numstat", "HEAD"); stat != "2\t1\t"+folder+"/kustomization.yaml" {
		t.Errorf("changed: %s", stat)
	}
	h.deploys(deployed, published)
	if again := h.promote("nettest", "v0.1.0", "-sync"); again.Status != "unchanged" || again.Commit != got.Commit {
		t.Errorf("again: %+v", again)
	}
	if refused := h.run("container:promote", "nettest", "v0.2.0"); refused.status != 2 || !strings.Contains(refused.stderr, "does not hold "+image+":v0.2.0") ||
		!strings.Contains(refused.stderr, "nearest versions that are there: v0.1.0") {
		t.Errorf("status %d\n%s", refused.status, refused.stderr)
	}

	h.write("containers/nettest/e2e.go", "package main\n\nfunc init() { _ = \"another\" }\n")
	h.commitAndPush("Change nettest")
	next := h.mage("container:publish", "nettest", "v0.1.1", "-platform=linux/amd64", "-promote", "-sync")
	if digestIn.FindString(next) == digestIn.FindString(published) || !strings.HasPrefix(next, image+":v0.1.1@sha256:") {
		t.Errorf("published %s after %s", next, published)
	}
	h.deploys(deployed, next)
	if left := h.git("status", "--porcelain"); left != "" {
		t.Errorf("left: %s", left)
	}
	h.promoteBesideChanges(t, folder+"/kustomization.yaml")
	h.promoteUnused(t)
}

// promoteBesideChanges has a change in the checkout that is not committed, in the very file: what is pushed is made from the forge's branch
// alone, and the change stays.
func (h *homelab) promoteBesideChanges(t *testing.T, name string) {
	t.Helper()
	before := h.git("rev-parse", "HEAD")
	h.write(name, "# mine\n"+h.git("show", "HEAD:"+name)+"\n")
	got := h.run("container:promote", "nettest", "v0.1.0")
	if got.status != 0 || !strings.Contains(got.stderr, "the checkout stays as it is") || h.git("rev-parse", "HEAD") != before || h.git("status", "--porcelain") != "M "+name {
		t.Errorf("beside a change: status %d, %q\n%s", got.status, h.git("status", "--porcelain"), got.stderr)
	}
	h.git("checkout", "--", name)
	h.git("pull", "--quiet", "--ff-only")
	if stat := h.git("show", "--format=%s", "--numstat", "HEAD"); stat != "Promote nettest to v0.1.0 [skip ci]\n\n2\t2\t"+name {
		t.Errorf("pushed: %s", stat)
	}
}

// promoteUnused has a container that no manifest deploys: by itself that is refused, after a publication it is told.
func (h *homelab) promoteUnused(t *testing.T) {
	t.Helper()
	if err := copyTree(filepath.Join(setup.root, "containers", "nettest"), filepath.Join(h.repo, "containers", "idle")); err != nil {
		t.Fatal(err)
	}
	h.commitAndPush("Write idle")
	head := h.git("rev-parse", "HEAD")
	const none = "no manifest under argocd/ on main of the forge deploys "
	published := h.run("container:publish", "idle", "v0.1.0", "-platform=linux/amd64", "-promote")
	if published.status != 0 || !strings.Contains(published.stderr, none) || !strings.Contains(published.stdout, "/idle:v0.1.0@sha256:") {
		t.Errorf("published and promoted: status %d\n%s%s", published.status, published.stdout, published.stderr)
	}
	if got := h.run("container:promote", "idle", "newest"); got.status != 1 || got.stdout != "" || !strings.Contains(got.stderr, none) || !strings.Contains(got.stderr, "hint: push a manifest with image: ") {
		t.Errorf("promoted: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	if after := h.git("ls-remote", "origin", "refs/heads/main"); after != head+"\trefs/heads/main" {
		t.Errorf("main is %s, and was %s", after, head)
	}
}

// promoted is what container:promote -format=json says.
type promoted struct {
	Reference, Status, Commit string
	Applications              []string
}

func (h *homelab) promote(args ...string) (result promoted) {
	h.t.Helper()
	got := h.run(append([]string{"container:promote"}, append(args, "-format=json")...)...)
	if err := json.Unmarshal([]byte(got.stdout), &result); err != nil || got.status != 0 {
		h.t.Fatalf("container:promote %v: status %d, %v\n%s%s", args, got.status, err, got.stdout, got.stderr)
	}
	return result
}

// deploys wants the one container of a workload in the cluster, a Deployment or a CronJob, to have an image.
func (h *homelab) deploys(path, image string) {
	h.t.Helper()
	type pods struct {
		Template struct {
			Spec struct{ Containers []struct{ Image string } }
		}
	}
	var workload struct {
		Spec struct {
			pods
			JobTemplate struct{ Spec pods }
		}
	}
	err := h.lab.Cluster.Get(h.t.Context(), path, &workload)
	containers := append(workload.Spec.Template.Spec.Containers, workload.Spec.JobTemplate.Spec.Template.Spec.Containers...)
	if err != nil || len(containers) != 1 || containers[0].Image != image {
		h.t.Errorf("deployed %+v, %v; want %s", containers, err, image)
	}
}

// commitAndPush commits all that lies there, and pushes it.
func (h *homelab) commitAndPush(message string) {
	h.t.Helper()
	h.git("pull", "--quiet", "--ff-only")
	h.git("add", "--all")
	h.git("commit", "--quiet", "--message="+message)
	h.pushRef("main")
	h.git("fetch", "--quiet", "origin")
}

// pushRef pushes with git itself, which refuses what does not come after what the forge has.
func (h *homelab) pushRef(refspec string) {
	h.t.Helper()
	cmd := exec.Command("git", "push", "--quiet", "origin", refspec)
	cmd.Dir, cmd.Env = h.repo, append(h.env.list(), h.lab.Forge.GitEnv(h.lab.Forge.Owner, h.env["BLUMEOPS_FORGE_TOKEN"])...)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("git push %s: %v\n%s", refspec, err, out)
	}
}
