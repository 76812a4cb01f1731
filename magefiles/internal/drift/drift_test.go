package drift

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/remote/remotetest"
)

// fakeImages has digests by the question: a reference, or REPOSITORY@DIGEST.
type fakeImages struct {
	held map[string]string
	down string // host

	lock  sync.Mutex
	asked []string
}

func (f *fakeImages) Holds(_ context.Context, ref image.Reference, digest string) (string, bool, error) {
	key := ref.String()
	if digest != "" {
		key = ref.Name() + "@" + digest
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	f.asked = append(f.asked, key)
	if ref.Registry == f.down {
		return "", false, remotetest.ErrDown
	}
	found, ok := f.held[key]
	return found, ok, nil
}

type fakeApplications struct {
	live   []Live
	hidden string
	err    error
}

func (fakeApplications) String() string { return "Argo CD a.example" }

func (f fakeApplications) List(context.Context) ([]Live, error) { return f.live, f.err }

func (f fakeApplications) MaySee(_ context.Context, project, name string) error {
	if name == f.hidden {
		return remotetest.HintedError{Text: "the token may not see it", Advice: "give it project " + project}
	}
	return nil
}

// fakeHistory has commits of one letter: a branch has the letters of its name.
type fakeHistory struct {
	refs Refs
	err  error
	cut  bool
}

func (fakeHistory) String() string { return "git remote f.example/o/r" }

func (f fakeHistory) Refs(context.Context) (Refs, error) { return f.refs, f.err }

func (f fakeHistory) Reached(_ context.Context, tips []string) (func(string) (bool, error), error) {
	return func(commit string) (bool, error) {
		if f.cut {
			return false, remotetest.ErrDown
		}
		return slices.ContainsFunc(tips, func(tip string) bool { return strings.Contains(tip, commit) }), nil
	}, nil
}

type fakePackages struct {
	pin    Pin
	ok     bool
	sums   map[string]string
	err    error
	broken error
}

func (fakePackages) String() string { return "https://f.example" }

func (f fakePackages) Pinned(*validate.Tree) (Pin, bool, error) { return f.pin, f.ok, f.broken }

func (f fakePackages) Sum(_ context.Context, pin Pin) (string, bool, error) {
	sum, ok := f.sums[pin.File]
	return sum, ok, f.err
}

var driftSite = validate.Site{Manifests: "argocd", ForgeURLs: []string{"https://f.example/o/r"}}

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func pod(images ...string) string {
	text := "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n"
	for _, i := range images {
		text += fmt.Sprintf("    - image: %s\n", i)
	}
	return text
}

func TestImages(t *testing.T) {
	t.Parallel()
	registry := &fakeImages{down: "down.example", held: map[string]string{
		"r.example/o/a:v1": digestA, "r.example/o/a@" + digestA: digestA, "r.example/o/a@" + digestB: digestB,
		"docker.io/library/nginx:1.27": digestA, "docker.io/library/nginx:latest": digestA, "r.example/o/tagged:v2": digestA,
		"mirror.example/hub/redis:7": digestA,
	}}
	_, got := remotetest.Look(t, Checks(Ports{Images: registry}), map[string]string{
		"argocd/ok/pods.yaml": pod("r.example/o/a:v1", "r.example/o/a:v1", "nginx:1.27", "docker.io/library/nginx:1.27", "nginx",
			"r.example/o/a@"+digestA, "r.example/o/a:v1@"+digestA, `"{{ .Values.image }}"`, `""`),
		"argocd/ok/deep/list.yaml": "apiVersion: v1\nkind: List\nitems:\n  - apiVersion: batch/v1\n    kind: CronJob\n    spec: {jobTemplate: {spec: {template: {spec: {initContainers: [{image: 'nginx:1.27'}]," +
			" volumes: [{image: {reference: 'r.example/o/gone:v1'}}]}}}}}\n",
		"argocd/kustomized/kustomization.yaml": "resources: [pod.yaml]\nimages:\n  - name: r.example/o/tagged\n    newTag: v2\n  - name: redis\n    newName: mirror.example/hub/redis\n" +
			"  - name: r.example/o/lost\n    newTag: v3\n  - name: r.example/o/fixed\n    digest: " + digestB + "\n",
		"argocd/kustomized/pod.yaml":     pod("r.example/o/tagged", "redis:7", "r.example/o/lost:v1", "r.example/o/fixed:v1"),
		"argocd/missing.yaml":            pod("r.example/o/a:v9", "r.example/o/a:v1@"+digestB, "r.example/o/b:v1@"+digestA, "r.example/o/a:gone@"+digestA),
		"argocd/down.yaml":               pod("down.example/x:v1", "down.example/y:v1"),
		"argocd/values.yaml":             "containers:\n  - image: r.example/o/values:v1\n",
		"argocd/broken.yaml":             pod("r.example/o/gone:v2") + "---\na: [\n---\n" + pod("r.example/o/never:v1"),
		"elsewhere/pod.yaml":             pod("r.example/o/elsewhere:v1"),
		"argocd/kustomized/README.md":    "image: r.example/o/readme:v1\n",
		"argocd/template/not-object.yml": "- image: r.example/o/list:v1\n",
	}, driftSite)
	want := strings.ReplaceAll(`argocd/kustomized/kustomization.yaml:8:13: r.example does not have r.example/o/lost:v3 [images/missing] PUBLISH
argocd/kustomized/kustomization.yaml:9:5: r.example does not have r.example/o/fixed@`+digestB+` [images/missing] PUBLISH
argocd/missing.yaml:6:14: r.example does not have r.example/o/a:v9 [images/missing] PUBLISH
argocd/missing.yaml:7:14: r.example/o/a:v1 now has the digest `+digestA+`, not `+digestB+` [images/moved] TAKE
argocd/missing.yaml:8:14: r.example does not have r.example/o/b:v1@`+digestA+` [images/missing] PUBLISH
argocd/missing.yaml:9:14: r.example no longer has the tag of r.example/o/a:gone@`+digestA+` [images/moved] TAKE
argocd/ok/deep/list.yaml:6:122: r.example does not have r.example/o/gone:v1 [images/missing] PUBLISH
! images: registry down.example: nothing answers: start it (and 1 more images there)`, "PUBLISH", "→ Publish it (mage container:publish), or name an existing version.")
	want = strings.ReplaceAll(want, "TAKE", "→ Use the new digest, or remove the tag.")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	once := map[string]int{}
	for _, key := range registry.asked {
		once[key]++
	}
	if once["docker.io/library/nginx:1.27"] != 1 || once["r.example/o/a:v1"] > 3 {
		t.Errorf("asked %v", slices.Sorted(maps.Keys(once)))
	}
}

// TestImagesAfterKustomize checks that kustomize's result counts as deployed, if it is known.
func TestImagesAfterKustomize(t *testing.T) {
	t.Parallel()
	source := "spec: {source: {repoURL: 'git@f.example:o/r.git', path: argocd/base2}}\n"
	_, got := remotetest.Look(t, Checks(Ports{Images: &fakeImages{}}), map[string]string{
		"argocd/base/kustomization.yaml":             "resources: [pod.yaml]\n",
		"argocd/base/pod.yaml":                       pod("r.example/o/base:placeholder"),
		"argocd/overlay/kustomization.yaml":          "resources: [../base]\ncomponents: [../component]\nimages:\n  - name: r.example/o/other\n    newTag: v1\n",
		"argocd/component/kustomization.yaml":        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages: [{name: r.example/o/base, newName: r.example/o/other}]\n",
		"argocd/base2/kustomization.yaml":            "resources: [pod.yaml]\n",
		"argocd/base2/pod.yaml":                      pod("r.example/o/both:base"),
		"argocd/overlay2/kustomization.yaml":         "resources: [../base2]\nimages: [{name: r.example/o/both, newTag: overlay}]\n",
		"argocd/apps/direct.yaml":                    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: direct}\n" + source,
		"argocd/helm/kustomization.yaml":             "resources: [pod.yaml]\nhelmCharts: [{name: x, repo: 'https://charts.example', version: 1.0.0}]\nimages: [{name: r.example/o/beside, newName: r.example/o/renamed}]\n",
		"argocd/helm/pod.yaml":                       pod("r.example/o/beside:v1"),
		"argocd/chart/Chart.yaml":                    "name: chart\n",
		"argocd/chart/templates/pod.yaml":            pod("r.example/o/chart:v1"),
		"argocd/generated/kustomization.yaml":        "configMapGenerator: [{name: x, files: [data.yaml]}]\n",
		"argocd/generated/data.yaml":                 pod("r.example/o/data:v1"),
		"argocd/broken/kustomization.yaml":           "resources: [pod.yaml, gone.yaml]\n",
		"argocd/broken/pod.yaml":                     pod("r.example/o/broken:v1"),
		"argocd/unused-component/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [pod.yaml]\n",
		"argocd/unused-component/pod.yaml":           pod("r.example/o/unused:v1"),
	}, driftSite)
	var lines []string
	for line := range strings.Lines(got) {
		place, rest, _ := strings.Cut(line, ": r.example does not have ")
		image, _, _ := strings.Cut(rest, " ")
		lines = append(lines, place+" "+image)
	}
	want := []string{
		"argocd/base2/pod.yaml:6:14 r.example/o/both:base", "argocd/broken/pod.yaml:6:14 r.example/o/broken:v1", "argocd/helm/kustomization.yaml:3:10 r.example/o/renamed:v1",
		"argocd/overlay/kustomization.yaml:5:13 r.example/o/other:v1", "argocd/overlay2/kustomization.yaml:2:43 r.example/o/both:overlay",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"), got)
	}
}

func app(name, policy string) string {
	return "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: " + name + "\nspec:\n  project: home\n  syncPolicy: " + policy + "\n"
}

func TestApplications(t *testing.T) {
	t.Parallel()
	ours := []string{"ssh://git@f.example:2222/o/r.git"}
	main := fakeHistory{refs: Refs{Default: "main", Heads: map[string]string{"main": "abc", "side": "xyz"}}}
	tree := map[string]string{
		"argocd/apps/docs.yaml": app("docs", "{automated: {prune: true}}"), "argocd/apps/other.yaml": app("other", "{automated: {enabled: false}}"),
		"argocd/apps/service.yaml": "kind: Service\nmetadata: {name: docs}\n",
	}
	docs := Live{Name: "docs", Repos: ours, Sync: "Synced", Health: "Healthy", Auto: true, Revision: "a"}
	other := Live{Name: "other", Repos: []string{"https://charts.example"}, Sync: "Synced", Health: "Progressing", Revision: ""}
	with := func(change func(*Live)) []Live {
		changed := docs
		change(&changed)
		return []Live{changed, other}
	}
	for name, test := range map[string]struct {
		port    fakeApplications
		history History
		want    string
	}{
		"ok":      {fakeApplications{live: []Live{docs, other}}, main, ""},
		"no host": {fakeApplications{err: remotetest.ErrDown}, main, "! applications: nothing answers: start it"},
		"out-of-sync": {
			fakeApplications{live: with(func(l *Live) { l.Sync, l.Differs = "OutOfSync", []string{"A a", "B b", "C c", "D d"} })}, main,
			"argocd/apps/docs.yaml:4:9: application docs: is OutOfSync: A a, B b, C c and 1 more [applications/out-of-sync]",
		},
		"degraded": {
			fakeApplications{live: with(func(l *Live) { l.Health = "Degraded" })}, main, "argocd/apps/docs.yaml:4:9: application docs: is Degraded [applications/degraded]",
		},
		"unreadable": {
			fakeApplications{live: with(func(l *Live) { l.Sync, l.Trouble = "Unknown", "repository not found" })}, main,
			"argocd/apps/docs.yaml:4:9: application docs: repository not found [applications/unreadable]",
		},
		"absent": {fakeApplications{live: []Live{other}}, main, "argocd/apps/docs.yaml:4:9: application docs: is not in Argo CD a.example [applications/absent]"},
		"hidden": {
			fakeApplications{live: []Live{other}, hidden: "docs"}, main, "! applications: application docs: the token may not see it: give it project home",
		},
		"stray": {
			fakeApplications{live: []Live{docs, other, {Name: "old", Repos: ours, Sync: "Synced", Health: "Healthy"}}}, main,
			"application old: deploys from this repository, but no manifest declares it [applications/stray]",
		},
		"of a set": {fakeApplications{live: []Live{docs, other, {Name: "old", Repos: ours, Owner: "set", Sync: "Synced", Health: "Healthy"}}}, main, ""},
		"of others": {
			fakeApplications{live: []Live{docs, other, {Name: "old", Repos: []string{"https://f.example/o/r2"}, Sync: "Synced", Health: "Healthy", Revision: "x"}}}, main, "",
		},
		"revision": {
			fakeApplications{live: with(func(l *Live) { l.Revision = "x" })}, main,
			"argocd/apps/docs.yaml:4:9: application docs: was deployed at x, which is not on main [applications/revision]",
		},
		"auto-sync": {
			fakeApplications{live: with(func(l *Live) { l.Auto = false })}, main,
			"argocd/apps/docs.yaml:4:9: application docs: does not sync automatically [applications/auto-sync]",
		},
		"no remote":  {fakeApplications{live: []Live{docs, other}}, fakeHistory{err: remotetest.ErrDown}, "! applications: nothing answers: start it"},
		"too short":  {fakeApplications{live: []Live{docs, other}}, fakeHistory{refs: main.refs, cut: true}, "! applications: application docs: nothing answers: start it"},
		"no branch":  {fakeApplications{live: []Live{docs, other}}, fakeHistory{refs: Refs{Default: "main"}}, ""},
		"no history": {fakeApplications{live: []Live{docs, other}}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ports := Ports{Applications: test.port}
			checks := []validate.Check{applications(ports.Applications, test.history)}
			_, got := remotetest.Look(t, checks, tree, driftSite)
			if got, _, _ = strings.Cut(got, " → "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	// Without a manifest of an Application, the manifests are in another repository.
	_, got := remotetest.Look(t, []validate.Check{applications(fakeApplications{live: []Live{docs}}, main)}, nil, driftSite)
	if got != "" {
		t.Errorf("got %s", got)
	}
}

func TestSameRepository(t *testing.T) {
	t.Parallel()
	for repo, want := range map[string]bool{
		"https://f.example/o/r": true, "https://f.example/o/r.git": true, "http://F.example:3000/O/r/": true, "git@f.example:o/r.git": true,
		"ssh://git@f.example:2222/o/r": true, "https://user:word@f.example/o/r.git": true,
		"https://f.example/o/r2": false, "https://g.example/o/r": false, "f.example": false, "": false, "git@f.example:r": false,
	} {
		if got := sameRepository(repo, driftSite.ForgeURLs); got != want {
			t.Errorf("%s: %v", repo, got)
		}
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	refs := Refs{Default: "main", Heads: map[string]string{"main": "abc", "side": "xyz"}}
	for name, test := range map[string]struct {
		tags map[string]string
		h    fakeHistory
		want string
	}{
		"ok":     {map[string]string{"v1.0.0": "a", "nettest-v1.0.0": "x", "backup": "q", "v1": "q"}, fakeHistory{}, ""},
		"docs":   {map[string]string{"v1.0.0": "q"}, fakeHistory{}, "git remote f.example/o/r: tag v1.0.0 is on q, which is on no branch [tags/tag] → Look"},
		"image":  {map[string]string{"nettest-v1.0.0-rc.1": "q"}, fakeHistory{}, "git remote f.example/o/r: tag nettest-v1.0.0-rc.1 is on q"},
		"remote": {nil, fakeHistory{err: remotetest.ErrDown}, "! branches: nothing answers: start it\n! tags: nothing answers: start it"},
		"short":  {map[string]string{"v1.0.0": "a"}, fakeHistory{cut: true}, "! tags: nothing answers: start it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.h.refs = refs
			test.h.refs.Tags = test.tags
			_, got := remotetest.Look(t, Checks(Ports{History: test.h}), nil, driftSite)
			if !strings.HasPrefix(got, test.want) || test.want == "" && got != "" {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestOrphans has images of containers that exist, are submodules, were removed, and never existed.
func TestOrphans(t *testing.T) {
	t.Parallel()
	own := driftSite
	own.Images, own.Absent = "r.example/o", map[string]string{"containers/sub": "is missing"}
	registry := &fakeImages{held: map[string]string{"r.example/o/a:v1": digestA, "r.example/o/sub:v1": digestA, "r.example/o/gone:v1": digestA, "r.example/other/x:v1": digestA, "r.example/o/charts/x:v1": digestA}}
	files := map[string]string{
		"containers/a/Dockerfile": "FROM scratch\n",
		"argocd/pod.yaml":         pod("r.example/o/a:v1", "r.example/o/gone:v1", "r.example/other/x:v1", "r.example/o/charts/x:v1", "r.example/o/sub:v1"),
	}
	const want = "argocd/pod.yaml:7:14: the container of r.example/o/gone:v1 is missing: folder containers/gone not found [images/container] → Name"
	if _, got := remotetest.Look(t, Checks(Ports{Images: registry}), files, own); !strings.HasPrefix(got, want) || strings.Count(got, "[images/") != 1 {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	delete(files, "containers/a/Dockerfile")
	if _, got := remotetest.Look(t, Checks(Ports{Images: registry}), files, own); got != "" {
		t.Errorf("without containers: %s", got)
	}
}

// TestBranches has workflows and Applications that follow branches on a forge with the default branch trunk.
func TestBranches(t *testing.T) {
	t.Parallel()
	refs := Refs{Default: "trunk", Heads: map[string]string{"trunk": "abc", "release/1": "x"}, Tags: map[string]string{"stable": "abc"}}
	application := func(repo, revision string) string {
		return "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec:\n  source:\n    repoURL: " + repo + "\n    path: a\n    targetRevision: " + revision + "\n"
	}
	for name, c := range map[string]struct {
		file, text, want string
	}{
		"push":         {".forgejo/workflows/a.yaml", "on:\n  push:\n    branches: [main]\n", ".forgejo/workflows/a.yaml:3:15: runs on push to main, which is not on git remote f.example/o/r; the default branch is trunk [branches/missing] → Name"},
		"pull request": {".gitea/workflows/a.yml", "on: {pull_request: {branches: main}}\n", ".gitea/workflows/a.yml:1:31: runs on pull_request to main"},
		"one is there": {".github/workflows/a.yaml", "on: {push: {branches: [main, trunk]}}\n", ""},
		"a pattern":    {".forgejo/workflows/a.yaml", "on: {push: {branches: ['ma*']}}\n", ""},
		"condition":    {".forgejo/workflows/a.yaml", "jobs:\n  a:\n    if: github.ref == 'refs/heads/main'\n", ".forgejo/workflows/a.yaml:3:9: has a condition for main"},
		"no filter":    {".forgejo/workflows/a.yaml", "on: [push]\n", ""},
		"Application":  {"argocd/a.yaml", application("git@f.example:o/r.git", "main"), "argocd/a.yaml:8:21: Application \"a\" follows main, which is not on"},
		"a branch":     {"argocd/a.yaml", application("https://f.example/o/r", "refs/heads/release/1"), ""},
		"HEAD":         {"argocd/a.yaml", application("https://f.example/o/r", "HEAD"), ""},
		"a moving tag": {"argocd/a.yaml", application("https://f.example/o/r", "stable"), ""},
		"refs/tags":    {"argocd/a.yaml", application("https://f.example/o/r", "refs/tags/stable"), ""},
		"a tag":        {"argocd/a.yaml", application("https://f.example/o/r", "v1.2.3"), ""},
		"another's":    {"argocd/a.yaml", application("https://f.example/o/other", "main"), ""},
		"a generator":  {"argocd/a.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: a}\nspec: {generators: [{matrix: {generators: [{git: {repoURL: 'https://f.example/o/r', revision: main}}]}}], template: {spec: {source: {repoURL: 'https://f.example/o/r', targetRevision: '{{branch}}'}}}}\n", "argocd/a.yaml:4:95: ApplicationSet \"a\" follows main"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := remotetest.Look(t, Checks(Ports{History: fakeHistory{refs: refs}}), map[string]string{c.file: c.text}, driftSite)
			if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	if _, got := remotetest.Look(t, Checks(Ports{History: fakeHistory{err: remotetest.ErrDown}}), nil, driftSite); !strings.Contains(got, "! branches: nothing answers: start it") {
		t.Error(got)
	}
}

func TestPackage(t *testing.T) {
	t.Parallel()
	pin := Pin{Path: "argocd/docs.yaml", Line: 7, Version: "v1.0.0", File: "docs.tar.gz", Sum: "AB12"}
	for name, test := range map[string]struct {
		port fakePackages
		want string
	}{
		"none":    {fakePackages{}, ""},
		"ok":      {fakePackages{pin: pin, ok: true, sums: map[string]string{"docs.tar.gz": "ab12"}}, ""},
		"not yet": {fakePackages{pin: Pin{File: "docs.tar.gz", Sum: strings.Repeat("0", 64)}, ok: true}, ""},
		"no sum":  {fakePackages{pin: Pin{File: "docs.tar.gz"}, ok: true, sums: map[string]string{"docs.tar.gz": "ab12"}}, ""},
		"missing": {fakePackages{pin: pin, ok: true}, "argocd/docs.yaml:7: https://f.example has no file docs.tar.gz of docs v1.0.0 [package/missing] → Go back"},
		"changed": {
			fakePackages{pin: pin, ok: true, sums: map[string]string{"docs.tar.gz": "cd34"}},
			"argocd/docs.yaml:7: docs.tar.gz of docs v1.0.0 has the SHA-256 cd34…, not AB12… [package/changed] → Find",
		},
		"down":   {fakePackages{pin: pin, ok: true, err: remotetest.ErrDown}, "! package: nothing answers: start it"},
		"broken": {fakePackages{broken: errors.New("two of them")}, "! package: two of them"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := remotetest.Look(t, Checks(Ports{Packages: test.port}), nil, driftSite)
			if !strings.HasPrefix(got, test.want) || test.want == "" && got != "" {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// FuzzReferences reads manifests that nobody would write.
func FuzzReferences(f *testing.F) {
	f.Add(pod("r.example/o/a:v1"), "images: [{name: r.example/o/a, newTag: v2}]")
	f.Add("kind: X\ncontainers: &a [*a]\n", "images: {}")
	f.Add("{containers: [{image: &a 'x@y:z'}, {image: *a}], kind: P}", "images: [{name: [], newTag: {}}]")
	f.Fuzz(func(t *testing.T, manifest, kustomization string) {
		files := map[string]string{"argocd/a.yaml": manifest, "argocd/kustomization.yaml": kustomization}
		_, _ = remotetest.Look(t, Checks(Ports{Images: &fakeImages{}}), files, driftSite)
	})
}
