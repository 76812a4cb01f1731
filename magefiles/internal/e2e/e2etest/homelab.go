package e2etest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"golang.org/x/crypto/ssh"
)

// With sets variables, and returns what sets them back.
func (h *Homelab) With(variables map[string]string) (restore func()) {
	before := map[string]string{}
	for name, value := range variables {
		before[name] = h.Env[name]
		h.Env[name] = value
	}
	return func() {
		for name, value := range before {
			h.Env[name] = value
		}
	}
}

// Homelab is a forge, Argo CD and a site, with this repository's own docs in the forge and in a clone.
type Homelab struct {
	*Workspace
	Lab  *lab.Lab
	Said string // by the latest release that went well, to stderr
}

// docsFiles is what of this checkout is in the forge: the docs, their changelog, and the manifests that deploy them.
var docsFiles = []string{"docs", "CHANGELOG.md", "towncrier.toml", "argocd/manifests/docs"}

// NewHomelab builds with the stand-in for Quartz, so that a build takes seconds and asks no network.
func NewHomelab(t *testing.T) *Homelab {
	t.Helper()
	return NewHomelabOf(t, docsFiles)
}

// NewHomelabOf is one whose repository has these files and folders of this checkout, as edit left them.
func NewHomelabOf(t *testing.T, names []string, edit ...func(*Workspace)) *Homelab {
	t.Helper()
	labtest.Need(t, lab.PartForge, lab.PartArgoCD)
	registry, node := NeedBase(t, baseimage.NodeSlim())
	w := NewWorkspace(t)
	w.Repo = filepath.Join(w.Dir, "homelab")
	for _, name := range names {
		if err := CopyTree(filepath.Join(setup.root, name), filepath.Join(w.Repo, name)); err != nil {
			t.Fatal(err)
		}
	}
	w.Write("docs/changelog.d/+e2e.feature.md", "The docs are released in a test.\n")
	w.Write("docs/quartz.layout.ts", "export const shared = { footer: \"a test\" }\n") // all of TypeScript that the stand-in reads
	for _, edit := range edit {
		edit(w)
	}
	w.Git("init", "--quiet", "--initial-branch=main", ".")
	w.Git("add", "--all")
	w.Git("commit", "--quiet", "--message=Write the docs")
	up, err := lab.Start(t.Context(), lab.Home{}, lab.Options{Parts: []lab.Part{lab.PartForge, lab.PartArgoCD}, Repository: "blumeops", Checkout: w.Repo})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := up.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	for _, s := range up.Settings() {
		w.Env[s.Name] = s.Value
	}
	repository, _, _ := strings.Cut(node, ":")
	for name, value := range map[string]string{
		"BLUMEOPS_MIRRORS": "docker.io/" + repository + "=" + registry + "/" + repository, "BLUMEOPS_DOCS_URL": up.Site.URL(),
		"BLUMEOPS_DOCS_SOURCE":    filepath.Join(setup.root, "magefiles", "internal", "docsite", "testdata", "quartz"),
		"BLUMEOPS_DEPLOY_TIMEOUT": Patience.String(), "BLUMEOPS_REGISTRY_USER": "none", "BLUMEOPS_DOCS_HOOK": "echo hooked >>'" + filepath.Join(w.Dir, "hooked") + "'",
	} {
		w.Env[name] = value
	}
	w.Env["BLUMEOPS_SIGNING_KEY"] = signingKey(t)
	h := &Homelab{Workspace: w, Lab: up}
	w.Git("remote", "add", "origin", up.Forge.CloneURL(up.Forge.Owner, "blumeops"))
	w.Git("fetch", "--quiet", "origin")
	w.Git("branch", "--quiet", "--set-upstream-to=origin/main", "main")
	return h
}

// signingKey is a private key, as ssh-keygen writes one.
func signingKey(t *testing.T) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// WriteDocs commits a change of the docs with a fragment and pushes it past the front.
func (h *Homelab) WriteDocs(slug string) {
	h.T.Helper()
	h.Git("pull", "--quiet", "--ff-only")
	h.Write("docs/e2e.md", "---\ntitle: "+slug+"\n---\n\nThis is "+slug+".\n")
	h.Write("docs/changelog.d/+"+slug+".feature.md", "There is "+slug+".\n")
	h.Git("add", "--all")
	h.Git("commit", "--quiet", "--message=Write "+slug)
	if _, err := h.Lab.Forge.Push(h.T.Context(), h.Lab.Forge.Owner, "blumeops", h.Repo, "HEAD"); err != nil {
		h.PushRef("main")
	}
	h.Git("fetch", "--quiet", "origin")
}

// Proxies are the fault proxies of the lab, by server.
func (h *Homelab) Proxies() map[string]*faultproxy.Proxy {
	return map[string]*faultproxy.Proxy{"forge": h.Lab.Forge.Proxy(), "argocd": h.Lab.ArgoCD.Proxy(), "site": h.Lab.Site.Proxy()}
}

// WantDeployed wants the one container of a workload in the cluster, a Deployment or a CronJob, to have an image.
func (h *Homelab) WantDeployed(path, image string) {
	h.T.Helper()
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
	err := h.Lab.Cluster.Get(h.T.Context(), path, &workload)
	containers := append(workload.Spec.Template.Spec.Containers, workload.Spec.JobTemplate.Spec.Template.Spec.Containers...)
	if err != nil || len(containers) != 1 || containers[0].Image != image {
		h.T.Errorf("deployed %+v, %v; want %s", containers, err, image)
	}
}

// CommitAndPush commits all that lies there, and pushes it.
func (h *Homelab) CommitAndPush(message string) {
	h.T.Helper()
	h.Git("pull", "--quiet", "--ff-only")
	h.Git("add", "--all")
	h.Git("commit", "--quiet", "--message="+message)
	h.PushRef("main")
	h.Git("fetch", "--quiet", "origin")
}

// PushRef pushes with git itself, which refuses what does not come after what the forge has.
func (h *Homelab) PushRef(refspec string) {
	h.T.Helper()
	cmd := exec.Command("git", "push", "--quiet", "origin", refspec)
	cmd.Dir, cmd.Env = h.Repo, append(h.Env.List(), h.Lab.Forge.GitEnv(h.Lab.Forge.Owner, h.Env["BLUMEOPS_FORGE_TOKEN"])...)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.T.Fatalf("git push %s: %v\n%s", refspec, err, out)
	}
}
