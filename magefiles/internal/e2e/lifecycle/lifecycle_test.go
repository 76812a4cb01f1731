package lifecycle

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"github.com/rogpeppe/go-internal/txtar"
)

// lifecycle is a homelab in which one feature's output is the next one's input.
type lifecycle struct {
	*e2etest.Homelab
	registry *e2etest.Registry
	branch   string // the default one
}

// TestLifecycle uses one target after another. After each target that writes, the repository is valid, doctor and drift say only what is true, and the
// same command again prints the same and changes nothing.
func TestLifecycle(t *testing.T) {
	s := newLifecycle(t)
	for _, part := range []struct {
		name string
		live func()
	}{
		{"publish and promote", s.publishes}, {"release the docs", s.releasesDocs}, {"a base changes", s.changesBase}, {"a tag", s.tags},
		{"killed", s.isKilled}, {"roll back", s.rollsBack}, {"retire", s.retires}, {"rename a page", s.renamesPage},
		{"rename a container", s.renamesContainer}, {"remove a container", s.removesContainer}, {"rename the branch", s.renamesBranch},
		{"results that cannot be written", s.cannotWrite},
	} {
		passed := t.Run(part.name, func(t *testing.T) {
			s.T = t
			part.live()
		})
		if !passed {
			t.Fatalf("%q failed: the following parts build on it", part.name)
		}
	}
}

func newLifecycle(t *testing.T) *lifecycle {
	t.Helper()
	s := &lifecycle{branch: "main"}
	edit := func(w *e2etest.Workspace) {
		s.registry = w.NewRegistry(lab.RegistryOptions{})
		archive, err := txtar.ParseFile(filepath.Join("testdata", "lifecycle.txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range archive.Files {
			w.Write(file.Name, strings.ReplaceAll(string(file.Data), "REGISTRY", s.registry.Addr))
		}
		// Quartz, which nothing here runs, is replaced by an image that a registry has.
		registry, node := e2etest.NeedBase(t, baseimage.NodeSlim())
		name, tag, _ := strings.Cut(node, ":")
		w.Edit("argocd/manifests/docs/kustomization.yaml", "newTag: v1.0.0", "newName: "+registry+"/"+name+"\n    newTag: "+tag)
	}
	s.Homelab = e2etest.NewHomelabOf(t, []string{
		"docs/quartz.config.ts", "towncrier.toml", "CHANGELOG.md", ".markdownlint.yaml", ".gitleaks.toml", "argocd/manifests/docs",
	}, edit)
	s.Env["BLUMEOPS_REGISTRY"] = s.registry.Addr
	s.Git("remote", "set-head", "origin", "--auto")
	for _, name := range []string{"alpha", "beta", "docs"} {
		s.declare(name)
	}
	s.commit("Declare the Applications")
	return s
}

// declare writes the manifest of an Application that Argo CD has.
func (s *lifecycle) declare(name string) {
	s.T.Helper()
	s.Write("argocd/apps/"+name+".yaml", fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: %[1]s
  namespace: argocd
spec:
  project: %[2]s
  source:
    repoURL: %[3]s
    targetRevision: %[4]s
    path: argocd/manifests/%[1]s
  destination:
    server: https://kubernetes.default.svc
    namespace: %[1]s
`, name, lab.Project, s.cloneURL(), s.branch))
}

func (s *lifecycle) cloneURL() string { return s.Lab.Forge.CloneURL(s.Lab.Forge.Owner, "blumeops") }

// commit commits all that lies there and pushes it as people do: git refuses it where the clone was left behind.
func (s *lifecycle) commit(message string) {
	s.T.Helper()
	s.Git("add", "--all")
	s.Git("commit", "--quiet", "--message="+message)
	s.PushRef(s.branch)
}

// twice runs a target that writes, and then once more. It returns what both print.
func (s *lifecycle) twice(args ...string) string {
	s.T.Helper()
	printed := s.Mage(args...)
	s.again(printed, args...)
	s.sound()
	return printed
}

// again wants a run to print what an earlier one did, and to change nothing.
func (s *lifecycle) again(printed string, args ...string) {
	s.T.Helper()
	before := s.state()
	s.registry.Forget()
	got := s.Run(args...)
	if got.Status != 0 || strings.TrimSuffix(got.Stdout, "\n") != printed {
		s.T.Errorf("%v again: status %d, %q; it was %q\n%s", args, got.Status, got.Stdout, printed, got.Stderr)
	}
	if after := s.state(); after != before || len(s.registry.Writes()) > 0 {
		s.T.Errorf("%v again: wrote %q to the registry, changed\n%s\nto\n%s", args, s.registry.Writes(), before, after)
	}
}

// state is what a target could change: the forge's refs, the clone, and what is served.
func (s *lifecycle) state() string {
	s.T.Helper()
	return strings.Join([]string{s.Git("ls-remote", "origin"), s.Git("rev-parse", "HEAD"), s.Git("status", "--porcelain"), s.Lab.Site.Serving().URL}, "\n")
}

// sound wants the clone to be at the tip of the branch, and validate, doctor and drift to find nothing.
func (s *lifecycle) sound() {
	s.T.Helper()
	if tip := s.Git("ls-remote", "origin", "refs/heads/"+s.branch); tip != s.Git("rev-parse", "HEAD")+"\trefs/heads/"+s.branch || s.Git("status", "--porcelain") != "" {
		s.T.Errorf("the clone is at %s, %q; the branch is %s", s.Git("rev-parse", "HEAD"), s.Git("status", "--porcelain"), tip)
	}
	s.valid()
	s.WantRules(s.Findings(0, "drift"), nil)
	s.WantRules(s.Findings(0, "doctor"), nil)
}

// valid wants validate to find these rules, by default none.
func (s *lifecycle) valid(rules ...string) {
	s.T.Helper()
	got := s.Run("validate")
	var found []string
	for line := range strings.Lines(got.Stdout) {
		m := ruleAtEnd.FindStringSubmatch(line)
		if m != nil {
			found = append(found, m[1])
		}
	}
	if strings.Join(found, " ") != strings.Join(rules, " ") {
		s.T.Errorf("validate finds %q, want %q\n%s", found, rules, got.Stdout)
	}
}

var ruleAtEnd = regexp.MustCompile(`\[([a-z]+/[A-Za-z0-9-]+)\]\n$`)

// holds wants a file of a published image to have this text, on each platform.
func (s *lifecycle) holds(reference, file, want string) {
	s.T.Helper()
	_, rest, _ := strings.Cut(reference, "/")
	tagged, _, _ := strings.Cut(rest, "@")
	for _, one := range s.registry.MustImage(s.T, tagged).Images {
		files, err := one.Files()
		if err != nil || files[file] != want {
			s.T.Errorf("%s: %s is %q, %v; want %q", reference, file, files[file], err, want)
		}
	}
}

// inCluster wants a Deployment to run an image.
func (s *lifecycle) inCluster(name, reference string) {
	s.T.Helper()
	s.WantDeployed("/apis/apps/v1/namespaces/"+name+"/deployments/"+name, reference)
}

func (s *lifecycle) publishes() {
	s.Mage("container:publish", "alpha", "v1.0.0") // by hand, which no tag is of
	beta := s.Mage("container:publish", "beta", "auto", "-promote", "-sync")
	s.again(beta, "container:publish", "beta", "auto", "-promote", "-sync")
	s.holds(beta, "/word", "one\n")
	s.inCluster("beta", beta)
	alpha := s.Mage("container:publish", "alpha", "v1.0.0", "-promote", "-sync")
	s.again(alpha, "container:publish", "alpha", "v1.0.0", "-promote", "-sync")
	s.inCluster("alpha", alpha)
	s.again(alpha, "container:promote", "alpha", "newest", "-sync")
	s.again("", "container:changed")
	s.valid()
}

// newPage adds a fragment and a change of the docs.
func (s *lifecycle) newPage(slug string) {
	s.T.Helper()
	s.Edit("docs/guide.md", "Back to [[index]].", "Back to [[index]]. There is "+slug+".")
	s.Write("docs/changelog.d/+"+slug+".feature.md", "There is "+slug+".\n")
	s.commit("Write of " + slug)
}

func (s *lifecycle) releasesDocs() {
	if got := s.twice("docs:release", "minor"); got != "v0.1.0" {
		s.T.Errorf("released %s", got)
	}
	s.newPage("summer")
	restore := s.With(map[string]string{"BLUMEOPS_DOCS_SOURCE": "http://127.0.0.1:1/quartz#" + strings.Repeat("4", 40)})
	if got := s.Run("docs:release", "patch", "-dryrun"); got.Status != 1 || !strings.Contains(got.Stderr, "source http://127.0.0.1:1/quartz") {
		s.T.Errorf("a Quartz that cannot be reached: %+v", got)
	}
	restore()
	if got := s.twice("docs:release", "patch"); got != "v0.1.1" {
		s.T.Errorf("released %s", got)
	}
}

// changesBase changes what beta is built on.
func (s *lifecycle) changesBase() {
	s.Write("containers/alpha/word", "two\n")
	s.commit("Say another word")
	commit := s.Git("rev-parse", "--short=7", "HEAD")
	if changed := s.Mage("container:changed"); changed != "alpha\nbeta" {
		s.T.Errorf("changed: %q", changed)
	}
	published := s.twice("container:publish", "changed", "auto", "-promote", "-sync")
	lines := strings.Split(published, "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "/alpha:v1.0.0-"+commit+"@") || !strings.Contains(lines[1], "/beta:v2.0.0-"+commit+"@") {
		s.T.Fatalf("published %q", lines)
	}
	s.holds(lines[1], "/word", "two\n")
	s.inCluster("alpha", lines[0])
	s.inCluster("beta", lines[1])
	s.again("", "container:changed")
}

// tags releases by a tag, after versions that were published by hand.
func (s *lifecycle) tags() {
	s.Write("containers/alpha/word", "three\n")
	s.commit("Say a third word")
	tag := s.twice("container:release", "alpha", "minor")
	if tag != "alpha-v1.1.0" {
		s.T.Errorf("tagged %s", tag)
	}
	published := s.twice("ci:tag", "refs/tags/"+tag, "-promote", "-sync")
	s.holds(published, "/word", "three\n")
	s.inCluster("alpha", published)
	s.again(published, "container:promote", "alpha", "newest", "-sync")
}

// isKilled ends a promotion between its push and its checkout: the same command again repairs the clone.
func (s *lifecycle) isKilled() {
	pushed := e2etest.After("forge", http.MethodPost, `git-receive-pack$`)
	before := s.Git("rev-parse", "HEAD")
	if !s.Kill(s.T, pushed, "container:promote", "alpha", "v1.0.0", "-sync") || s.Git("rev-parse", "HEAD") != before {
		s.T.Fatalf("it was not killed between its push and its checkout: HEAD is %s, and was %s", s.Git("rev-parse", "HEAD"), before)
	}
	back := s.twice("container:promote", "alpha", "v1.0.0", "-sync")
	s.inCluster("alpha", back)
	s.newPage("autumn") // which git pushes
	if !s.Kill(s.T, pushed, "docs:release", "patch") {
		s.T.Error("the release was not killed")
	}
	if got := s.twice("docs:release", "patch"); got != "v0.1.2" {
		s.T.Errorf("released %s", got)
	}
}

func (s *lifecycle) rollsBack() {
	before := s.Git("rev-parse", "HEAD")
	pushed := e2etest.After("forge", http.MethodPost, `git-receive-pack$`)
	if !s.Kill(s.T, pushed, "docs:rollback", "v0.1.0") || s.Git("rev-parse", "HEAD") != before {
		s.T.Error("it was not killed between its push and its checkout")
	}
	s.twice("docs:rollback", "v0.1.0")
	if serving := s.Lab.Site.Serving(); !strings.Contains(serving.URL, "/v0.1.0/") {
		s.T.Errorf("serves %+v", serving)
	}
	s.again("v0.1.2", "docs:release", "patch") // nothing is new, and the version that is deployed stays
	s.newPage("winter")
	if got := s.twice("docs:release", "patch"); got != "v0.1.3" {
		s.T.Errorf("released %s", got)
	}
}

func (s *lifecycle) retires() {
	defer s.With(map[string]string{"BLUMEOPS_DOCS_KEEP": "2"})()
	s.newPage("spring")
	s.twice("docs:release", "patch")
	for version, status := range map[string]int{"v0.1.1": 1, "v0.1.3": 0} {
		if got := s.Run("docs:rollback", version, "-dryrun"); got.Status != status {
			s.T.Errorf("back to %s: %+v", version, got)
		}
	}
	s.sound()
}

func (s *lifecycle) renamesPage() {
	s.Git("mv", "docs/guide.md", "docs/manual.md")
	s.valid("links/page", "links/orphan")
	s.Edit("docs/index.md", "[[guide]]", "[[manual]]")
	s.Write("docs/changelog.d/+manual.doc.md", "The guide is the manual now.\n")
	s.commit("Rename the guide")
	version := s.twice("docs:release", "patch")
	if site := string(s.Archive(s.T, version)); strings.Contains(site, `data-slug="guide"`) || !strings.Contains(site, `data-slug="manual"`) {
		s.T.Error("the site has not the manual in place of the guide")
	}
}

func (s *lifecycle) renamesContainer() {
	s.Git("mv", "containers/beta", "containers/gamma")
	s.valid("manifests/container")
	s.Git("mv", "argocd/manifests/beta", "argocd/manifests/gamma")
	s.Git("rm", "--quiet", "argocd/apps/beta.yaml")
	s.Edit("argocd/manifests/gamma/deployment.yaml", "beta", "gamma")
	s.declare("gamma")
	s.commit("Rename beta")
	ctx := s.T.Context()
	s.WantRules(s.Findings(1, "drift", "-only=applications"), []string{"applications/absent", "applications/stray"}, "gamma", "beta")
	if err := s.Lab.ArgoCD.DeleteApp(ctx, "beta"); err != nil {
		s.T.Error(err)
	}
	if err := s.Lab.ArgoCD.App(ctx, lab.AppSpec{Name: "gamma", RepoURL: s.cloneURL(), Path: "argocd/manifests/gamma"}); err != nil {
		s.T.Error(err)
	}
	published := s.twice("container:publish", "changed", "auto", "-promote", "-sync")
	if !strings.Contains(published, "/gamma:v2.0.0-") || strings.Contains(published, "\n") {
		s.T.Errorf("published %q", published)
	}
	s.holds(published, "/word", "three\n")
	s.inCluster("gamma", published)
}

func (s *lifecycle) removesContainer() {
	s.Git("rm", "-r", "--quiet", "containers/gamma")
	s.valid("manifests/container")
	s.Git("rm", "-r", "--quiet", "argocd/manifests/gamma", "argocd/apps/gamma.yaml")
	s.commit("Remove gamma")
	s.WantRules(s.Findings(1, "drift", "-only=applications"), []string{"applications/stray"}, "gamma")
	if err := s.Lab.ArgoCD.DeleteApp(s.T.Context(), "gamma"); err != nil {
		s.T.Error(err)
	}
	s.again("", "container:changed")
	s.sound()
}

// renamesBranch gives the default branch another name: at the forge, and in the clone as people do, who do not touch origin/HEAD.
func (s *lifecycle) renamesBranch() {
	forge := s.Lab.Forge
	s.Git("branch", "--move", "main", "trunk")
	s.branch = "trunk"
	s.PushRef("trunk")
	repository := "/api/v1/repos/" + forge.Owner + "/blumeops"
	if err := forge.API(s.T.Context(), http.MethodPatch, repository, s.Env["BLUMEOPS_FORGE_TOKEN"], map[string]any{"default_branch": "trunk"}, nil); err != nil {
		s.T.Fatal(err)
	}
	s.PushRef(":main")
	s.Git("fetch", "--quiet", "--prune", "origin")
	s.Git("branch", "--quiet", "--set-upstream-to=origin/trunk", "trunk")
	s.WantRules(s.Findings(1, "drift", "-only=branches"), []string{"branches/missing"}, ".forgejo/workflows/publish.yaml:", "argocd/apps/alpha.yaml:", "argocd/apps/docs.yaml:")
	s.Edit(".forgejo/workflows/publish.yaml", "[main]", "[trunk]")
	for _, name := range []string{"alpha", "docs"} {
		s.declare(name)
	}
	s.Write("containers/alpha/word", "four\n")
	s.Edit("docs/manual.md", "Back to", "Back once more to")
	s.Write("docs/changelog.d/+trunk.misc.md", "The branch is trunk.\n")
	s.commit("Follow the branch")
	if got := s.Run("container:publish", "alpha", "v1.2.0"); got.Status != 1 || !strings.Contains(got.Stderr, "git remote set-head origin --auto") {
		s.T.Errorf("with origin/HEAD as it was: %+v", got)
	}
	s.Git("remote", "set-head", "origin", "--auto")
	s.Edit(".forgejo/workflows/publish.yaml", "[trunk]", "[main]")
	s.valid("workflows/branch")
	s.Git("checkout", "--", ".forgejo")
	s.twice("container:publish", "alpha", "v1.2.0", "-promote", "-sync")
	s.twice("docs:release", "patch")
	s.twice("container:release", "alpha", "v1.3.0")
	s.twice("ci:tag", "alpha-v1.3.0", "-promote", "-sync")
}

// cannotWrite has the targets of inHomelab print where nothing can be written.
func (s *lifecycle) cannotWrite() {
	version := s.Mage("docs:release", "patch")
	args := map[string][]string{
		"ci:tag": {"alpha-v1.3.0"}, "container:promote": {"alpha", "v1.3.0"}, "container:release": {"alpha", "minor", "-dryrun"},
		"docs:build": {"-output=" + filepath.Join(s.Dir, "site.tar.gz")}, "docs:release": {"patch"}, "docs:rollback": {version},
		"doctor": {"-format=json"}, "drift": {"-format=json"},
	}
	before := s.state()
	for _, target := range e2etest.HomelabTargets {
		s.WantUnwritable(target, args[target]...)
	}
	for _, variable := range []string{"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"} {
		for _, target := range []string{"ci:tag", "container:promote", "docs:release", "docs:rollback"} {
			s.WantFullJobFile(variable, append([]string{target}, args[target]...)...)
		}
	}
	if after := s.state(); after != before {
		s.T.Errorf("changed\n%s\nto\n%s", before, after)
	}
}
