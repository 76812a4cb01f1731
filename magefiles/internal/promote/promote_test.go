package promote_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops/gitopstest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/promote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

const (
	devpiImage    = "registry.example/blumeops/devpi"
	kustomization = "argocd/manifests/devpi/kustomization.yaml"
	digestOne     = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	digestTwo     = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

// shelf is a registry: digests by tag.
type shelf map[string]string

func (s shelf) Tags(context.Context, image.Reference) ([]string, error) {
	return slices.Collect(maps.Keys(s)), nil
}

func (s shelf) Look(_ context.Context, ref image.Reference) (image.Found, bool, error) {
	digest, ok := s[ref.Tag]
	return image.Found{Digest: digest}, ok && ref.Name() == devpiImage, nil
}

// applications deploy folders, each by an Application of that name.
type applications struct {
	*gitopstest.Checkout
	folders map[string]string
	asked   []string
}

func (a *applications) Deploying(context.Context) (all []promote.DeployedFolder, err error) {
	for name, folder := range a.folders {
		all = append(all, promote.DeployedFolder{Application: name, Folder: folder})
	}
	return all, nil
}

func (a *applications) Of(name string) gitops.Deployer {
	a.asked = append(a.asked, name)
	return gitopstest.Deployer{Checkout: a.Checkout}
}

// promoteWorld has a branch with these files.
func promoteWorld(files map[string]string) *gitopstest.Fixture {
	w := gitopstest.NewFixture(map[string]string{"argocd/manifests/docs/deployment.yaml": "kind: Deployment\n"})
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w.CommitOnMain(name, files[name])
	}
	return w
}

func promotion(r *gitopstest.Checkout) promote.Promote {
	return promote.Promote{
		Origin: gitopstest.Origin{Checkout: r}, Registry: shelf{"v1.0.0": digestOne, "v1.1.0": digestTwo, "v1.1.1-abcdef1": digestOne, "dev": digestOne},
		Applications: &applications{Checkout: r, folders: map[string]string{"devpi": "argocd/manifests/devpi", "docs": "argocd/manifests/docs"}},
		Host:         "registry.example", Namespace: "blumeops", Manifests: "argocd", Note: r.Say, Warn: r.Say,
		Now: func() time.Time { return time.Unix(0, 0) },
	}
}

func runPromote(r *gitopstest.Checkout, args tasks.PromoteArgs) (promoted promote.Result, err error) {
	defer gitopstest.RecoverKill(&err)
	return promotion(r).Run(context.Background(), args)
}

var devpiFiles = map[string]string{
	kustomization:                            "resources: [deployment.yaml]\nimages:\n  - name: " + devpiImage + "\n    newTag: v1.0.0 # by hand\n",
	"argocd/manifests/devpi/deployment.yaml": "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n        - image: " + devpiImage + "\n",
	"argocd/manifests/other/pod.yaml":        "kind: Pod\nspec:\n  containers:\n    - image: " + devpiImage + ":v1.0.0\n---\nkind: ConfigMap\ndata:\n  image: " + devpiImage + ":v1.0.0\n",
}

func TestPromote(t *testing.T) {
	w := promoteWorld(devpiFiles)
	r, before := w.Checkout(), w.Branch
	got, err := runPromote(r, tasks.PromoteArgs{Name: "devpi", Version: "newest"})
	if err != nil || got.Status != promote.StatusPromoted || got.Commit != w.Branch || r.Head != w.Branch || got.String() != devpiImage+":v1.1.0@"+digestTwo {
		t.Fatalf("%+v, %v", got, err)
	}
	if want := []image.Use{{File: kustomization, Line: 3}, {File: "argocd/manifests/other/pod.yaml", Line: 4}}; !slices.Equal(got.Uses, want) {
		t.Errorf("uses %v", got.Uses)
	}
	head := w.Commits[w.Branch]
	if head.Parent != before || head.Message != "Promote devpi to v1.1.0 [skip ci]\n" {
		t.Errorf("%+v", head)
	}
	want := maps.Clone(w.Commits[before].Files)
	want[kustomization] = strings.Replace(want[kustomization], "v1.0.0 # by hand\n", "v1.1.0 # by hand\n    digest: "+digestTwo+"\n", 1)
	want["argocd/manifests/other/pod.yaml"] = strings.Replace(want["argocd/manifests/other/pod.yaml"], ":v1.0.0", ":v1.1.0@"+digestTwo, 1)
	if !maps.Equal(head.Files, want) {
		t.Errorf("got %q", head.Files)
	}
	if said := strings.Join(r.Said, "\n"); !strings.Contains(said, "argocd/manifests/other/pod.yaml:8 names the image outside of a container") || strings.Count(said, "outside of a container") != 1 {
		t.Errorf("said %s", said)
	}
	again, err := runPromote(r, tasks.PromoteArgs{Name: "devpi", Version: "v1.1.0", Digest: digestTwo, Sync: true})
	if err != nil || again.Status != step.StatusUnchanged || again.Commit != got.Commit || w.Branch != got.Commit || !slices.Equal(again.Applications, []string{"devpi"}) {
		t.Errorf("again: %+v, %v", again, err)
	}
	if w.Deployed != got.Commit {
		t.Errorf("%s is deployed", w.Deployed)
	}
}

// TestPromoteOverridden has fields that kustomizations override.
func TestPromoteOverridden(t *testing.T) {
	const (
		base    = "argocd/base/pod.yaml"
		pod     = "kind: Pod\nspec:\n  containers:\n    - image: " + devpiImage + ":v1.0.0\n"
		include = "resources: [../base]\n"
		entry   = "images: [{name: " + devpiImage + ", newTag: v1.0.0}]\n"
		away    = "images: [{name: " + devpiImage + ", newName: elsewhere/devpi}]\n"
	)
	for name, c := range map[string]struct{ base, a, b, want string }{
		"nobody":           {"resources: [pod.yaml]\n", include, include, "argocd/base/pod.yaml:4"},
		"the base":         {"resources: [pod.yaml]\n" + entry, include, include, "argocd/base/kustomization.yaml:2"},
		"both overlays":    {"resources: [pod.yaml]\n", include + entry, include + entry, "argocd/a/kustomization.yaml:2 argocd/b/kustomization.yaml:2"},
		"one overlay":      {"resources: [pod.yaml]\n", include + entry, include, "argocd/a/kustomization.yaml:2 argocd/base/pod.yaml:4"},
		"one goes away":    {"resources: [pod.yaml]\n", include + entry, include + away, "argocd/a/kustomization.yaml:2"},
		"not a resource":   {"resources: [other.yaml]\n" + entry, include, include, "argocd/base/kustomization.yaml:2 argocd/base/pod.yaml:4"},
		"all of them away": {"resources: [pod.yaml]\n", include + away, include + away, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := promoteWorld(map[string]string{base: pod, "argocd/base/kustomization.yaml": c.base, "argocd/a/kustomization.yaml": c.a, "argocd/b/kustomization.yaml": c.b})
			got, err := runPromote(w.Checkout(), tasks.PromoteArgs{Name: "devpi", Version: "v1.1.0"})
			var none *promote.NoUseError
			if c.want == "" && errors.As(err, &none) {
				return
			}
			var uses []string
			for _, u := range got.Uses {
				uses = append(uses, u.String())
			}
			if strings.Join(uses, " ") != c.want || err != nil {
				t.Errorf("uses %v, %v; want %s", uses, err, c.want)
			}
		})
	}
}

func TestPromoteRefuses(t *testing.T) {
	w := promoteWorld(map[string]string{kustomization: devpiFiles[kustomization], "argocd/manifests/lost/kustomization.yaml": "x: &e {name: registry.example/blumeops/lost, newTag: v1}\nimages: [*e]\n"})
	before := w.State()
	for _, c := range []struct {
		args tasks.PromoteArgs
		want []string
	}{
		{tasks.PromoteArgs{Name: "-dryrun", Version: "v1.1.0"}, []string{"flags come after"}},
		{tasks.PromoteArgs{Name: "devpi", Version: "1.1.0"}, []string{"did you mean v1.1.0"}},
		{tasks.PromoteArgs{Name: "devpi", Version: "v1.0.5"}, []string{"look up v1.0.5: the registry does not have " + devpiImage + ":v1.0.5"}},
		{tasks.PromoteArgs{Name: "devpi", Version: "v1.1.0", Digest: digestOne}, []string{"now has the digest"}},
		{tasks.PromoteArgs{Name: "nettest", Version: "newest"}, []string{"does not have registry.example/blumeops/nettest:v1.1.0"}},
	} {
		_, err := runPromote(w.Checkout(), c.args)
		testenv.WantError(t, err, c.want...)
	}
	_, err := runPromote(w.Checkout(), tasks.PromoteArgs{Name: "devpi", Version: "v1.0.5"})
	var held *promote.NotHeldError
	if !errors.As(err, &held) || !slices.Equal(held.Nearest, []string{"v1.0.0", "v1.1.0", "v1.1.1-abcdef1"}) || held.ExitStatus() != 2 {
		t.Errorf("%v, %+v", err, held)
	}
	p := promotion(w.Checkout())
	testenv.WantError(t, p.Check(t.Context(), "lost", false), "check the manifests that use lost", "kustomization.yaml:2: ", "alias")
	testenv.WantError(t, p.Check(t.Context(), "nettest", false), "no manifest under argocd/ on branch main of the forge deploys registry.example/blumeops/nettest")
	if err := p.Check(t.Context(), "devpi", false); err != nil {
		t.Error(err)
	}
	p.Applications = &applications{Checkout: w.Checkout(), folders: map[string]string{"docs": "argocd/manifests/docs"}}
	testenv.WantError(t, p.Check(t.Context(), "devpi", true), "check the Applications that deploy devpi", "no Application in Argo CD deploys")
	_, err = p.Run(t.Context(), tasks.PromoteArgs{Name: "devpi", Version: "v1.1.0", Sync: true})
	testenv.WantError(t, err, "no Application in Argo CD deploys "+devpiImage+" ("+kustomization+":3)")
	if after := w.State(); after != before {
		t.Errorf("was\n%s\nis\n%s", before, after)
	}
}

// TestPromoteWithoutArgoCD is a site whose workflow passes -sync, like the supplied one.
func TestPromoteWithoutArgoCD(t *testing.T) {
	w := promoteWorld(devpiFiles)
	r := w.Checkout()
	p := promotion(r)
	p.Applications = nil
	if err := p.Check(t.Context(), "devpi", true); err != nil {
		t.Error(err)
	}
	got, err := p.Run(t.Context(), tasks.PromoteArgs{Name: "devpi", Version: "v1.1.0", Sync: true})
	if err != nil || got.Commit != w.Branch || len(got.Applications) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if said := strings.Join(r.Said, "\n"); !strings.Contains(said, "no Argo CD (setting ArgoCDURL, BLUMEOPS_ARGOCD_URL): nothing is synced") {
		t.Errorf("said %s", said)
	}
}

func TestPromoteDryRun(t *testing.T) {
	w := promoteWorld(devpiFiles)
	before := w.State()
	var plan []string
	note := func(s string) { plan = append(plan, s) }
	args := tasks.PromoteArgs{Name: "devpi", Version: "v1.1.0", Sync: true}
	got, err := promotion(w.Checkout()).DryRun(note).Run(t.Context(), args)
	if err != nil || got.Status != step.StatusPlanned || got.Commit != "" || w.State() != before {
		t.Errorf("%+v, %v\n%s", got, err, w.State())
	}
	for _, want := range []string{"Promote devpi to v1.1.0 [skip ci]", "+    digest: " + digestTwo, "would push main in one step", "devpi: would let Argo CD deploy commit"} {
		if text := strings.Join(plan, "\n"); !strings.Contains(text, want) {
			t.Errorf("the plan\n%s\nlacks %q", text, want)
		}
	}
	plan, args.Version = nil, "v2.0.0"
	got, err = promotion(w.Checkout()).DryRunUnpublished(note).Run(t.Context(), args)
	if text := strings.Join(plan, "\n"); err != nil || got.Digest != "" || got.Reference != devpiImage+":v2.0.0" || !strings.Contains(text, "digest: DIGEST-OF-THE-IMAGE") || strings.Contains(text, "0000") {
		t.Errorf("%+v, %v\n%s", got, err, text)
	}
}

// TestPromoteLeavesTemplates has charts and templates beside ordinary manifests.
func TestPromoteLeavesTemplates(t *testing.T) {
	const pod = "kind: Pod\nspec:\n  containers:\n    - name: app\n      image: "
	templates := map[string]string{
		"argocd/chart/Chart.yaml":               "apiVersion: v2\nname: x\nversion: 0.1.0\n",
		"argocd/chart/values.yaml":              "image:\n  repository: " + devpiImage + "\n  tag: v0.9.0\n",
		"argocd/chart/templates/d.yaml":         pod + devpiImage + ":{{ .Values.image.tag }}\n",
		"argocd/chart/templates/tests/fix.yaml": pod + devpiImage + ":v0.9.0\n",
		"argocd/apps/set.yaml":                  "kind: ApplicationSet\nspec: {template: {spec: {source: {kustomize: {images: ['" + devpiImage + ":{{tag}}']}}}}}\n",
		"argocd/flux/pod.yaml":                  pod + devpiImage + ":${TAG}\n",
		"argocd/helm/kustomization.yaml":        "helmCharts:\n- name: x\n  valuesInline:\n    image: " + devpiImage + ":v0.9.0\n",
	}
	w := promoteWorld(templates)
	r, before := w.Checkout(), w.Branch
	var unused *promote.NoUseError
	if _, err := runPromote(r, tasks.PromoteArgs{Name: "devpi", Version: "v1.1.0"}); !errors.As(err, &unused) || w.Branch != before {
		t.Errorf("templates alone: %v", err)
	}
	said := strings.Join(r.Said, "\n")
	for _, want := range []string{
		"argocd/chart/templates/d.yaml:5 names the image in a template of a Helm chart", "argocd/chart/templates/tests/fix.yaml:5 names the image in a template of a Helm chart",
		"argocd/chart/values.yaml:2 names the image outside of a container", "argocd/apps/set.yaml:2 names the image outside of a container",
		"argocd/flux/pod.yaml:5 names the image in a template, and was not changed", "argocd/helm/kustomization.yaml:4 names the image outside of a container",
	} {
		if strings.Count(said, want) != 1 {
			t.Errorf("does not say %q once:\n%s", want, said)
		}
	}
	all := maps.Clone(templates)
	maps.Copy(all, devpiFiles)
	w = promoteWorld(all)
	if _, err := runPromote(w.Checkout(), tasks.PromoteArgs{Name: "devpi", Version: "v1.1.0"}); err != nil {
		t.Fatal(err)
	}
	files := w.Commits[w.Branch].Files
	for name, text := range templates {
		if files[name] != text {
			t.Errorf("%s is now %s", name, files[name])
		}
	}
	if !strings.Contains(files[kustomization], "v1.1.0") {
		t.Errorf("%s was left", kustomization)
	}
}

func TestPromoteRaces(t *testing.T) {
	w := promoteWorld(devpiFiles)
	r, raced := w.Checkout(), 0
	r.Gate = func(call string, before bool) {
		if call == "Push" && before && raced < 3 {
			raced++
			w.CommitOnMain("argocd/manifests/late/pod.yaml", devpiFiles["argocd/manifests/other/pod.yaml"]+strings.Repeat("#", raced))
		}
	}
	got, err := runPromote(r, tasks.PromoteArgs{Name: "devpi", Version: "v1.1.0"})
	if err != nil || got.Commit != w.Branch || len(got.Uses) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if late := w.Commits[w.Branch].Files["argocd/manifests/late/pod.yaml"]; !strings.HasSuffix(late, "###") || !strings.Contains(late, "@"+digestTwo) {
		t.Errorf("what others pushed is %s", late)
	}
	if w.Commits[w.Branch].Message != "Promote devpi to v1.1.0 [skip ci]\n" || strings.Contains(w.Commits[w.Commits[w.Branch].Parent].Message, "Promote") {
		t.Error("not one commit on what others pushed")
	}
}

// TestPromoteKilled kills a promotion at each call, before and after its effect, and runs it again.
func TestPromoteKilled(t *testing.T) {
	args := tasks.PromoteArgs{Name: "devpi", Version: "v1.1.0", Sync: true}
	want := promoteWorld(devpiFiles)
	whole := want.Checkout()
	calls := gitopstest.Counted(whole)
	if _, err := runPromote(whole, args); err != nil {
		t.Fatal(err)
	}
	for at := range *calls {
		w := promoteWorld(devpiFiles)
		victim := w.Checkout()
		victim.Gate = gitopstest.KillAt(at)
		if _, err := runPromote(victim, args); err != gitopstest.ErrKilled { //nolint:errorlint // it is not wrapped
			t.Fatalf("at %d: %v", at, err)
		}
		if _, err := runPromote(w.Checkout(), args); err != nil {
			t.Fatalf("at %d: %v", at, err)
		}
		if got := w.State(); got != want.State() {
			t.Errorf("at %d: got\n%s\nwant\n%s", at, got, want.State())
		}
	}
}

// TestPromoteLostAnswer has a push that succeeds with a lost answer.
func TestPromoteLostAnswer(t *testing.T) {
	w := promoteWorld(devpiFiles)
	r := w.Checkout()
	r.Fail = func(call string, before bool) error {
		if call == "Push" && !before {
			return errors.New("the connection was reset")
		}
		return nil
	}
	if got, err := runPromote(r, tasks.PromoteArgs{Name: "devpi", Version: "v1.1.0"}); err != nil || got.Commit != w.Branch || got.Status != promote.StatusPromoted {
		t.Errorf("%+v, %v", got, err)
	}
}
