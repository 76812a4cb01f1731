package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
)

// season is a homelab in which one feature's output is the next one's input.
type season struct {
	*homelab
	registry *server
	branch   string // the default one
}

// TestSeason lives through a season. After each target that writes, the repository is valid, doctor and drift say only what is true, and the
// same command again prints the same and changes nothing.
func TestSeason(t *testing.T) {
	s := newSeason(t)
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
			s.t = t
			part.live()
		})
		if !passed {
			t.Fatalf("the season ends with %q: what follows builds on it", part.name)
		}
	}
}

func newSeason(t *testing.T) *season {
	t.Helper()
	s := &season{branch: "main"}
	edit := func(w *world) {
		s.registry = w.newServer(lab.RegistryOptions{})
		archive, err := txtar.ParseFile(filepath.Join("testdata", "season.txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range archive.Files {
			w.write(file.Name, strings.ReplaceAll(string(file.Data), "REGISTRY", s.registry.Addr))
		}
		// An image that a registry holds stands in for quartz, which nothing here runs.
		shelf, node := needBase(t, baseimage.NodeSlim())
		name, tag, _ := strings.Cut(node, ":")
		w.edit("argocd/manifests/docs/kustomization.yaml", "newTag: v1.0.0", "newName: "+shelf+"/"+name+"\n    newTag: "+tag)
	}
	s.homelab = newHomelabOf(t, []string{
		"docs/quartz.config.ts", "towncrier.toml", "CHANGELOG.md", ".markdownlint.yaml", ".gitleaks.toml", "argocd/manifests/docs",
	}, edit)
	s.env["BLUMEOPS_REGISTRY"] = s.registry.Addr
	s.git("remote", "set-head", "origin", "--auto")
	for _, name := range []string{"alpha", "beta", "docs"} {
		s.declare(name)
	}
	s.commit("Declare the Applications")
	return s
}

// declare writes the manifest of an Application that Argo CD has.
func (s *season) declare(name string) {
	s.t.Helper()
	s.write("argocd/apps/"+name+".yaml", fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
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

func (s *season) cloneURL() string { return s.lab.Forge.CloneURL(s.lab.Forge.Owner, "blumeops") }

// commit commits all that lies there and pushes it as people do: git refuses it where the clone was left behind.
func (s *season) commit(message string) {
	s.t.Helper()
	s.git("add", "--all")
	s.git("commit", "--quiet", "--message="+message)
	s.pushRef(s.branch)
}

// twice runs a target that writes, and then once more. It returns what both print.
func (s *season) twice(args ...string) string {
	s.t.Helper()
	printed := s.mage(args...)
	s.again(printed, args...)
	s.sound()
	return printed
}

// again wants a run to print what an earlier one did, and to change nothing.
func (s *season) again(printed string, args ...string) {
	s.t.Helper()
	before := s.state()
	s.registry.Forget()
	got := s.run(args...)
	if got.status != 0 || strings.TrimSuffix(got.stdout, "\n") != printed {
		s.t.Errorf("%v again: status %d, %q; it was %q\n%s", args, got.status, got.stdout, printed, got.stderr)
	}
	if after := s.state(); after != before || len(s.registry.writes()) > 0 {
		s.t.Errorf("%v again: wrote %q to the registry, changed\n%s\nto\n%s", args, s.registry.writes(), before, after)
	}
}

// state is what a target could change: the forge's refs, the clone, and what is served.
func (s *season) state() string {
	s.t.Helper()
	return strings.Join([]string{s.git("ls-remote", "origin"), s.git("rev-parse", "HEAD"), s.git("status", "--porcelain"), s.lab.Site.Serving().URL}, "\n")
}

// sound wants the clone to be at the tip of the branch, and validate, doctor and drift to find nothing.
func (s *season) sound() {
	s.t.Helper()
	if tip := s.git("ls-remote", "origin", "refs/heads/"+s.branch); tip != s.git("rev-parse", "HEAD")+"\trefs/heads/"+s.branch || s.git("status", "--porcelain") != "" {
		s.t.Errorf("the clone is at %s, %q; the branch is %s", s.git("rev-parse", "HEAD"), s.git("status", "--porcelain"), tip)
	}
	s.valid()
	s.rules(s.look(0, "drift"), nil)
	s.rules(s.look(0, "doctor"), nil)
}

// valid wants validate to find these rules, by default none.
func (s *season) valid(rules ...string) {
	s.t.Helper()
	got := s.run("validate")
	var found []string
	for line := range strings.Lines(got.stdout) {
		m := ruleAtEnd.FindStringSubmatch(line)
		if m != nil {
			found = append(found, m[1])
		}
	}
	if strings.Join(found, " ") != strings.Join(rules, " ") {
		s.t.Errorf("validate finds %q, want %q\n%s", found, rules, got.stdout)
	}
}

var ruleAtEnd = regexp.MustCompile(`\[([a-z]+/[A-Za-z0-9-]+)\]\n$`)

// holds wants a file of a published image to have this text, on each platform.
func (s *season) holds(reference, file, want string) {
	s.t.Helper()
	_, rest, _ := strings.Cut(reference, "/")
	tagged, _, _ := strings.Cut(rest, "@")
	for _, one := range s.registry.mustImage(s.t, tagged).images {
		files, err := one.files()
		if err != nil || files[file] != want {
			s.t.Errorf("%s: %s is %q, %v; want %q", reference, file, files[file], err, want)
		}
	}
}

// inCluster wants a Deployment to run an image.
func (s *season) inCluster(name, reference string) {
	s.t.Helper()
	s.deploys("/apis/apps/v1/namespaces/"+name+"/deployments/"+name, reference)
}

func (s *season) publishes() {
	s.mage("container:publish", "alpha", "v1.0.0") // by hand, which no tag is of
	beta := s.mage("container:publish", "beta", "auto", "-promote", "-sync")
	s.again(beta, "container:publish", "beta", "auto", "-promote", "-sync")
	s.holds(beta, "/word", "one\n")
	s.inCluster("beta", beta)
	alpha := s.mage("container:publish", "alpha", "v1.0.0", "-promote", "-sync")
	s.again(alpha, "container:publish", "alpha", "v1.0.0", "-promote", "-sync")
	s.inCluster("alpha", alpha)
	s.again(alpha, "container:promote", "alpha", "newest", "-sync")
	s.again("", "container:changed")
	s.valid()
}

// newPage adds a fragment and a change of the docs.
func (s *season) newPage(slug string) {
	s.t.Helper()
	s.edit("docs/guide.md", "Back to [[index]].", "Back to [[index]]. There is "+slug+".")
	s.write("docs/changelog.d/+"+slug+".feature.md", "There is "+slug+".\n")
	s.commit("Write of " + slug)
}

func (s *season) releasesDocs() {
	if got := s.twice("docs:release", "minor"); got != "v0.1.0" {
		s.t.Errorf("released %s", got)
	}
	s.newPage("summer")
	restore := s.with(map[string]string{"BLUMEOPS_DOCS_SOURCE": "http://127.0.0.1:1/quartz#" + strings.Repeat("4", 40)})
	if got := s.run("docs:release", "patch", "-dryrun"); got.status != 1 || !strings.Contains(got.stderr, "source http://127.0.0.1:1/quartz") {
		s.t.Errorf("a Quartz that cannot be reached: %+v", got)
	}
	restore()
	if got := s.twice("docs:release", "patch"); got != "v0.1.1" {
		s.t.Errorf("released %s", got)
	}
}

// changesBase changes what beta is built on.
func (s *season) changesBase() {
	s.write("containers/alpha/word", "two\n")
	s.commit("Say another word")
	commit := s.git("rev-parse", "--short=7", "HEAD")
	if changed := s.mage("container:changed"); changed != "alpha\nbeta" {
		s.t.Errorf("changed: %q", changed)
	}
	published := s.twice("container:publish", "changed", "auto", "-promote", "-sync")
	lines := strings.Split(published, "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "/alpha:v1.0.0-"+commit+"@") || !strings.Contains(lines[1], "/beta:v2.0.0-"+commit+"@") {
		s.t.Fatalf("published %q", lines)
	}
	s.holds(lines[1], "/word", "two\n")
	s.inCluster("alpha", lines[0])
	s.inCluster("beta", lines[1])
	s.again("", "container:changed")
}

// tags releases by a tag, after versions that were published by hand.
func (s *season) tags() {
	s.write("containers/alpha/word", "three\n")
	s.commit("Say a third word")
	tag := s.twice("container:release", "alpha", "minor")
	if tag != "alpha-v1.1.0" {
		s.t.Errorf("tagged %s", tag)
	}
	published := s.twice("ci:tag", "refs/tags/"+tag, "-promote", "-sync")
	s.holds(published, "/word", "three\n")
	s.inCluster("alpha", published)
	s.again(published, "container:promote", "alpha", "newest", "-sync")
}

// isKilled ends a promotion between its push and its checkout: the same command again repairs the clone.
func (s *season) isKilled() {
	pushed := moment{"forge", http.MethodPost, regexp.MustCompile(`git-receive-pack$`), true}
	before := s.git("rev-parse", "HEAD")
	if !s.kill(s.t, pushed, "container:promote", "alpha", "v1.0.0", "-sync") || s.git("rev-parse", "HEAD") != before {
		s.t.Fatalf("it was not killed between its push and its checkout: HEAD is %s, and was %s", s.git("rev-parse", "HEAD"), before)
	}
	back := s.twice("container:promote", "alpha", "v1.0.0", "-sync")
	s.inCluster("alpha", back)
	s.newPage("autumn") // which git pushes
	if !s.kill(s.t, pushed, "docs:release", "patch") {
		s.t.Error("the release was not killed")
	}
	if got := s.twice("docs:release", "patch"); got != "v0.1.2" {
		s.t.Errorf("released %s", got)
	}
}

func (s *season) rollsBack() {
	before := s.git("rev-parse", "HEAD")
	pushed := moment{"forge", http.MethodPost, regexp.MustCompile(`git-receive-pack$`), true}
	if !s.kill(s.t, pushed, "docs:rollback", "v0.1.0") || s.git("rev-parse", "HEAD") != before {
		s.t.Error("it was not killed between its push and its checkout")
	}
	s.twice("docs:rollback", "v0.1.0")
	if serving := s.lab.Site.Serving(); !strings.Contains(serving.URL, "/v0.1.0/") {
		s.t.Errorf("serves %+v", serving)
	}
	s.again("v0.1.2", "docs:release", "patch") // nothing is new, and the version that is deployed stays
	s.newPage("winter")
	if got := s.twice("docs:release", "patch"); got != "v0.1.3" {
		s.t.Errorf("released %s", got)
	}
}

func (s *season) retires() {
	defer s.with(map[string]string{"BLUMEOPS_DOCS_KEEP": "2"})()
	s.newPage("spring")
	s.twice("docs:release", "patch")
	for version, status := range map[string]int{"v0.1.1": 1, "v0.1.3": 0} {
		if got := s.run("docs:rollback", version, "-dryrun"); got.status != status {
			s.t.Errorf("back to %s: %+v", version, got)
		}
	}
	s.sound()
}

func (s *season) renamesPage() {
	s.git("mv", "docs/guide.md", "docs/manual.md")
	s.valid("links/page", "links/orphan")
	s.edit("docs/index.md", "[[guide]]", "[[manual]]")
	s.write("docs/changelog.d/+manual.doc.md", "The guide is the manual now.\n")
	s.commit("Rename the guide")
	version := s.twice("docs:release", "patch")
	if site := string(s.archive(s.t, version)); strings.Contains(site, `data-slug="guide"`) || !strings.Contains(site, `data-slug="manual"`) {
		s.t.Error("the site has not the manual in place of the guide")
	}
}

func (s *season) renamesContainer() {
	s.git("mv", "containers/beta", "containers/gamma")
	s.valid("manifests/container")
	s.git("mv", "argocd/manifests/beta", "argocd/manifests/gamma")
	s.git("rm", "--quiet", "argocd/apps/beta.yaml")
	s.edit("argocd/manifests/gamma/deployment.yaml", "beta", "gamma")
	s.declare("gamma")
	s.commit("Rename beta")
	ctx := s.t.Context()
	s.rules(s.look(1, "drift", "-only=applications"), []string{"applications/absent", "applications/stray"}, "gamma", "beta")
	if err := s.lab.ArgoCD.DeleteApp(ctx, "beta"); err != nil {
		s.t.Error(err)
	}
	if err := s.lab.ArgoCD.App(ctx, lab.AppSpec{Name: "gamma", RepoURL: s.cloneURL(), Path: "argocd/manifests/gamma"}); err != nil {
		s.t.Error(err)
	}
	published := s.twice("container:publish", "changed", "auto", "-promote", "-sync")
	if !strings.Contains(published, "/gamma:v2.0.0-") || strings.Contains(published, "\n") {
		s.t.Errorf("published %q", published)
	}
	s.holds(published, "/word", "three\n")
	s.inCluster("gamma", published)
}

func (s *season) removesContainer() {
	s.git("rm", "-r", "--quiet", "containers/gamma")
	s.valid("manifests/container")
	s.git("rm", "-r", "--quiet", "argocd/manifests/gamma", "argocd/apps/gamma.yaml")
	s.commit("Remove gamma")
	s.rules(s.look(1, "drift", "-only=applications"), []string{"applications/stray"}, "gamma")
	if err := s.lab.ArgoCD.DeleteApp(s.t.Context(), "gamma"); err != nil {
		s.t.Error(err)
	}
	s.again("", "container:changed")
	s.sound()
}

// renamesBranch gives the default branch another name: at the forge, and in the clone as people do, who do not touch origin/HEAD.
func (s *season) renamesBranch() {
	forge := s.lab.Forge
	s.git("branch", "--move", "main", "trunk")
	s.branch = "trunk"
	s.pushRef("trunk")
	repository := "/api/v1/repos/" + forge.Owner + "/blumeops"
	if err := forge.API(s.t.Context(), http.MethodPatch, repository, s.env["BLUMEOPS_FORGE_TOKEN"], map[string]any{"default_branch": "trunk"}, nil); err != nil {
		s.t.Fatal(err)
	}
	s.pushRef(":main")
	s.git("fetch", "--quiet", "--prune", "origin")
	s.git("branch", "--quiet", "--set-upstream-to=origin/trunk", "trunk")
	s.rules(s.look(1, "drift", "-only=branches"), []string{"branches/missing"}, ".forgejo/workflows/publish.yaml:", "argocd/apps/alpha.yaml:", "argocd/apps/docs.yaml:")
	s.edit(".forgejo/workflows/publish.yaml", "[main]", "[trunk]")
	for _, name := range []string{"alpha", "docs"} {
		s.declare(name)
	}
	s.write("containers/alpha/word", "four\n")
	s.edit("docs/manual.md", "Back to", "Back once more to")
	s.write("docs/changelog.d/+trunk.misc.md", "The branch is trunk.\n")
	s.commit("Follow the branch")
	if got := s.run("container:publish", "alpha", "v1.2.0"); got.status != 1 || !strings.Contains(got.stderr, "git remote set-head origin --auto") {
		s.t.Errorf("with origin/HEAD as it was: %+v", got)
	}
	s.git("remote", "set-head", "origin", "--auto")
	s.edit(".forgejo/workflows/publish.yaml", "[trunk]", "[main]")
	s.valid("workflows/branch")
	s.git("checkout", "--", ".forgejo")
	s.twice("container:publish", "alpha", "v1.2.0", "-promote", "-sync")
	s.twice("docs:release", "patch")
	s.twice("container:release", "alpha", "v1.3.0")
	s.twice("ci:tag", "alpha-v1.3.0", "-promote", "-sync")
}

// cannotWrite has the targets of inHomelab print where nothing can be written.
func (s *season) cannotWrite() {
	version := s.mage("docs:release", "patch")
	args := map[string][]string{
		"ci:tag": {"alpha-v1.3.0"}, "container:promote": {"alpha", "v1.3.0"}, "container:release": {"alpha", "minor", "-dryrun"},
		"docs:build": {"-output=" + filepath.Join(s.work, "site.tar.gz")}, "docs:release": {"patch"}, "docs:rollback": {version},
		"doctor": {"-format=json"}, "drift": {"-format=json"},
	}
	before := s.state()
	for _, target := range inHomelab {
		s.unwritable(target, args[target]...)
	}
	for _, variable := range []string{"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"} {
		for _, target := range []string{"ci:tag", "container:promote", "docs:release", "docs:rollback"} {
			s.fullJobFile(variable, append([]string{target}, args[target]...)...)
		}
	}
	if after := s.state(); after != before {
		s.t.Errorf("changed\n%s\nto\n%s", before, after)
	}
}
