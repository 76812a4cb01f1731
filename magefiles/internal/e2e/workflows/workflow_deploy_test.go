package workflows

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
)

// haveNginx puts the stand-in for nginx where the Dockerfile of quartz finds the version that it names.
func (w *workflows) haveNginx() {
	w.T.Helper()
	recipe := testimage.Nginx()
	registry, _ := e2etest.NeedBase(w.T, recipe)
	text, err := os.ReadFile(filepath.Join(w.Repo, "containers", "quartz", "Dockerfile"))
	if err != nil {
		w.T.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^ARG CONTAINER_APP_VERSION=(\S+)\nARG NGINX_BASE=docker.io/library/nginx:\$\{CONTAINER_APP_VERSION\}-alpine$`).FindSubmatch(text)
	if version == nil {
		w.T.Fatal("quartz is built on something else than nginx:VERSION-alpine")
	}
	recipe.Tag = string(version[1]) + "-alpine"
	if err := e2etest.SeedBase(w.T.Context(), recipe); err != nil {
		w.T.Fatal(err)
	}
	w.Env["BLUMEOPS_MIRRORS"] += ",docker.io/library/nginx=" + registry + "/library/nginx"
}

// publishedOnce makes the registry hold an image of the first commit, which is all that is asked of it.
func (w *workflows) publishedOnce(container string) {
	w.T.Helper()
	image, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{"org.opencontainers.image.revision": w.Git("rev-parse", "HEAD")}})
	if err != nil {
		w.T.Fatal(err)
	}
	at, err := name.ParseReference(w.registry.Addr + "/blumeops/" + container + ":v1.0.0")
	if err == nil {
		err = remote.Write(at, image, remote.WithContext(w.T.Context()), remote.WithAuth(&authn.Basic{Username: w.registry.User, Password: w.registry.Password}))
	}
	if err != nil {
		w.T.Fatal(err)
	}
}

func (w *workflows) testDispatch(t *testing.T) {
	w.mustAct(event{
		file: "release-docs.yaml", name: "workflow_dispatch", ref: "refs/heads/main", commit: w.Git("rev-parse", "HEAD"),
		payload: map[string]any{"ref": "refs/heads/main", "inputs": map[string]any{"version_type": "BUMP_PATCH"}},
	})
	w.Git("pull", "--quiet", "--ff-only")
	w.WantRelease("v0.1.0")
}

// testTag ends with a Deployment that names what the tag published.
func (w *workflows) testTag(t *testing.T) {
	const tag, ref = "quartz-v1.1.0", "refs/tags/quartz-v1.1.0"
	commit := w.Git("rev-parse", "HEAD")
	w.Git("tag", "--annotate", "--message=Release quartz", tag)
	w.PushRef(ref)
	e := pushed("build-container.yaml", ref, commit)
	e.payload["after"] = w.Git("rev-parse", ref) // the tag, and not the commit that it is on
	out := w.mustAct(e)
	published := w.registry.Addr + "/blumeops/quartz:v1.1.0@" + w.registry.MustImage(t, "blumeops/quartz:v1.1.0").Digest.String()
	w.promoted(out, published, commit, "Promote quartz to v1.1.0 [skip ci]", "argocd/manifests/docs/kustomization.yaml")
	w.WantDeployed("/apis/apps/v1/namespaces/docs/deployments/docs", published)

	// By hand it is the same command, which finds all of it done.
	head := w.Git("ls-remote", "origin", "refs/heads/main")
	w.registry.Forget()
	defer w.With(map[string]string{"BLUMEOPS_REGISTRY_PASSWORD": w.registry.Password})()
	if again := w.Mage("ci:tag", ref, "-promote", "-sync"); again != published || len(w.registry.Writes()) > 0 || w.Git("ls-remote", "origin", "refs/heads/main") != head {
		t.Errorf("by hand: %s, %v", again, w.registry.Writes())
	}
}

// testBranch publishes what a push to main changed, and nothing else. Argo CD refuses at first: a second run of the job then does what is left.
func (w *workflows) testBranch(t *testing.T) {
	w.Git("pull", "--quiet", "--ff-only")
	w.Write("containers/nettest/more.go", "package main\n\nfunc init() { _ = \"more\" }\n")
	w.CommitAndPush("Change nettest")
	commit := w.Git("rev-parse", "HEAD")
	version := "v1.0.0-" + commit[:7]
	e := pushed("build-container.yaml", "refs/heads/main", commit)
	before := w.finals()
	w.registry.Forget()
	w.Lab.ArgoCD.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Expire})
	out, err := w.act(e)
	w.Lab.ArgoCD.Proxy().Clear()
	if err == nil || !strings.Contains(out, "promote nettest: ") {
		t.Errorf("%v\n%s", err, out)
	}
	published := w.registry.Addr + "/blumeops/nettest:" + version + "@" + w.registry.MustImage(t, "blumeops/nettest:"+version).Digest.String()
	for _, write := range w.registry.Writes() {
		if !strings.Contains(write, " /v2/blumeops/nettest/") {
			t.Errorf("the registry got %s", write)
		}
	}
	w.registry.Forget()
	w.untouched(before)
	out = w.mustAct(e)
	w.promoted(out, published, commit, "Promote nettest to "+version+" [skip ci]", "argocd/manifests/nettest/kustomization.yaml")
	w.WantDeployed("/apis/batch/v1/namespaces/nettest/cronjobs/nettest", published)
	if writes := w.registry.Writes(); len(writes) > 0 {
		t.Errorf("the second run wrote %q", writes)
	}
}

// promoted wants a job's log to name an image, and one commit on the event's own to make the manifest do so.
func (w *workflows) promoted(out, image, parent, message, manifest string) {
	w.T.Helper()
	if !strings.Contains(unwrapped(out), "\n"+image+"\n") {
		w.T.Errorf("the job does not print %s:\n%s", image, out)
	}
	w.Git("fetch", "--quiet", "origin")
	if got := w.Git("log", "-1", "--format=%P %s", "origin/main"); got != parent+" "+message {
		w.T.Errorf("main has %q, want %q after %s", got, message, parent)
	}
	if got := w.Git("show", "--format=", "--numstat", "origin/main"); got != "2\t1\t"+manifest { // newTag, and a digest where none was
		w.T.Errorf("changed: %s", got)
	}
}
