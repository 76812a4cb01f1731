package pages

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"go.yaml.in/yaml/v3"
)

// What the pages call this site's servers.
const (
	pageRegistry = "registry.ops.eblu.me"
	pageForge    = "https://forge.ops.eblu.me"
)

// TestHowTos does what pages of docs/how-to say, in a lab whose addresses stand in for the site's.
func TestHowTos(t *testing.T) {
	h := &homelab{e2etest.NewHomelabOf(t, e2etest.CheckoutFiles(t))}
	h.NewRegistry(lab.RegistryOptions{})
	h.moveSite()
	for _, page := range []struct {
		name string
		test func(*testing.T)
	}{
		{"set up the forge", h.testSetUp}, {"add a container", h.testAdd}, {"release a container", h.testReleaseContainer},
	} {
		t.Run(page.name, func(t *testing.T) {
			h.T = t
			page.test(t)
		})
	}
}

// moveSite has the manifests name the lab's registry and forge, as a fork of this repository would.
func (h *homelab) moveSite() {
	h.T.Helper()
	for _, name := range strings.Fields(h.Git("ls-files", "argocd")) {
		text, err := os.ReadFile(filepath.Join(h.Repo, name))
		if err != nil {
			h.T.Fatal(err)
		}
		h.Write(name, h.local(string(text)))
	}
	h.CommitAndPush("Use the lab")
}

// local is a text with the lab's addresses in place of the site's.
func (h *homelab) local(text string) string {
	owner := h.Lab.Forge.Owner
	return strings.NewReplacer(
		pageRegistry, h.Env["BLUMEOPS_REGISTRY"], pageForge, h.Lab.Forge.URL(), "eblume/blumeops", owner+"/blumeops", `"eblume"`, `"`+owner+`"`,
	).Replace(text)
}

// at does some of a page's blocks in the repository, with the lab's addresses.
func (h *homelab) at(page string, all []example) {
	h.T.Helper()
	local := make([]example, len(all))
	for i, e := range all {
		local[i] = example{h.local(e.script), h.local(e.shows)}
	}
	defer h.With(pairs(h.Lab.Forge.GitEnv(h.Lab.Forge.Owner, h.Env["BLUMEOPS_FORGE_TOKEN"])))()
	follow(h.Workspace, h.Repo, page, local)
}

// pairs takes a list of NAME=VALUE apart.
func pairs(list []string) map[string]string {
	found := map[string]string{}
	for _, pair := range list {
		name, value, _ := strings.Cut(pair, "=")
		found[name] = value
	}
	return found
}

// testAdd adds a container. In place of the app of apps the test takes up the Application that the page has written.
func (h *homelab) testAdd(t *testing.T) {
	const page = "docs/how-to/add-a-container.md"
	all := examples(t, page, "\n## Write it\n")
	until := slices.IndexFunc(all, func(e example) bool { return strings.Contains(e.script, "argocd/apps/") }) + 1
	if until == 0 || until == len(all) {
		t.Fatalf("%s writes no Application, or nothing after it", page)
	}
	h.at(page, all[:until])
	text, err := os.ReadFile(filepath.Join(h.Repo, "argocd", "apps", "greeter.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var app struct {
		Metadata struct{ Name string }
		Spec     struct {
			Source struct {
				RepoURL        string `yaml:"repoURL"`
				Path           string
				TargetRevision string `yaml:"targetRevision"`
			}
			Destination struct{ Namespace string }
		}
	}
	if err := yaml.Unmarshal(text, &app); err != nil {
		t.Fatal(err)
	}
	source := app.Spec.Source
	if err := h.Lab.ArgoCD.App(t.Context(), lab.AppSpec{
		Name: app.Metadata.Name, RepoURL: source.RepoURL, Path: source.Path, TargetRevision: source.TargetRevision, Namespace: app.Spec.Destination.Namespace,
	}); err != nil {
		t.Fatal(err)
	}
	h.at(page, all[until:])
	h.runs("/apis/apps/v1/namespaces/greeter/deployments/greeter", "/blumeops/greeter:v0.1.0@sha256:")
}

// testReleaseContainer releases a container that was released before, as nettest v1.0.0.
func (h *homelab) testReleaseContainer(t *testing.T) {
	h.Git("fetch", "--quiet", "origin")
	h.Git("reset", "--quiet", "--hard", "origin/main") // whatever another page has left
	h.Git("clean", "--quiet", "--force", "-d")
	const page = "docs/how-to/release-a-container.md"
	h.Mage("container:release", "nettest", "v1.0.0")
	h.Mage("container:publish", "nettest", "v1.0.0", "-promote", "-platform=linux/amd64")
	h.Write("containers/nettest/notes.txt", "There is something to release.\n")
	h.CommitAndPush("Change nettest")
	h.at(page, examples(t, page, "\n## From a tag\n"))
	h.runs("/apis/batch/v1/namespaces/nettest/cronjobs/nettest", "/blumeops/nettest:v1.1.0@sha256:")
}

// runs wants an object of the cluster to name an image.
func (h *homelab) runs(path, image string) {
	h.T.Helper()
	var object map[string]any
	if err := h.Lab.Cluster.Get(h.T.Context(), path, &object); err != nil || !strings.Contains(fmt.Sprint(object["spec"]), image) {
		h.T.Errorf("%s: %v, %v; expected %s", path, object["spec"], err, image)
	}
}

// testSetUp gives the forge what the page says, and asks it what it has then.
func (h *homelab) testSetUp(t *testing.T) {
	const page = "docs/how-to/set-up-the-forge.md"
	forge := h.Lab.Forge
	home := h.Env["HOME"]
	if err := os.WriteFile(filepath.Join(home, ".forge-admin"), []byte("Authorization: token "+h.Env["BLUMEOPS_FORGE_TOKEN"]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	token, err := forge.Token(t.Context(), "ci", "write:repository", "write:package", "read:user")
	if err != nil {
		t.Fatal(err)
	}
	admin := h.Env["BLUMEOPS_FORGE_TOKEN"]
	defer h.With(map[string]string{"BLUMEOPS_FORGE_TOKEN": token})()
	given := map[string]string{"REGISTRY_PASSWORD": "a \"quoted\" one", "FORGE_TOKEN": token, "ARGOCD_TOKEN": "three"}
	all := examples(t, page, "\n## By command\n")[:3] // the rest wants Forgejo's own runner
	all[0].script = assignments(given) + all[0].script
	h.at(page, all)

	api := "/api/v1/repos/" + forge.Owner + "/blumeops"
	var secrets []struct{ Name string }
	var branch struct {
		Whitelist []string `json:"push_whitelist_usernames"`
		Contexts  []string `json:"status_check_contexts"`
	}
	var tags []struct {
		Pattern string `json:"name_pattern"`
	}
	for path, out := range map[string]any{"/actions/secrets": &secrets, "/branch_protections/main": &branch, "/tag_protections": &tags} {
		if err := forge.API(t.Context(), http.MethodGet, api+path, admin, nil, out); err != nil {
			t.Fatal(err)
		}
	}
	names := map[string]string{}
	for _, s := range secrets {
		names[s.Name] = given[s.Name]
	}
	if !maps.Equal(names, given) {
		t.Errorf("secrets %v", secrets)
	}
	if !slices.Equal(branch.Whitelist, []string{forge.Owner}) || len(branch.Contexts) != 1 || len(tags) != 2 {
		t.Errorf("%+v, %+v", branch, tags)
	}
}

// assignments set variables in a shell.
func assignments(values map[string]string) (script string) {
	for name, value := range values {
		script += name + "='" + value + "'\n"
	}
	return script
}
