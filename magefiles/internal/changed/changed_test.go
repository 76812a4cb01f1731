package changed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changed"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/list"
	gitrepo "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo/repotest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// changing is a git repository with containers, and a registry with images of some of its commits.
type changing struct {
	*repotest.Repository
	tags map[string]map[string]string // revision labels by container and tag

	lock  sync.Mutex
	looks []string // NAME:TAG whose label was read
}

func newChanging(t testing.TB) *changing {
	return &changing{Repository: repotest.New(t), tags: map[string]map[string]string{}}
}

// publish stores an image of a commit, or with another label, under a tag.
func (c *changing) publish(name, tag, revision string) {
	if c.tags[name] == nil {
		c.tags[name] = map[string]string{}
	}
	c.tags[name][tag] = revision
}

func (c *changing) Tags(_ context.Context, ref image.Reference) ([]string, error) {
	var tags []string
	for tag := range c.tags[strings.TrimPrefix(ref.Repository, "blumeops/")] {
		tags = append(tags, tag)
	}
	return tags, nil
}

func (c *changing) Look(_ context.Context, ref image.Reference) (image.Found, bool, error) {
	name := strings.TrimPrefix(ref.Repository, "blumeops/")
	c.lock.Lock()
	defer c.lock.Unlock()
	c.looks = append(c.looks, name+":"+ref.Tag)
	revision, ok := c.tags[name][ref.Tag]
	return image.Found{Labels: map[string]string{"org.opencontainers.image.revision": revision}}, ok, nil
}

// opened is a Changed for the present repository.
func (c *changing) opened() (changed.SincePublished, *gitrepo.Repo) {
	c.T.Helper()
	git, err := gitrepo.Open(c.Dir, gitrepo.WithPacksOpen())
	if err != nil {
		c.T.Fatal(err)
	}
	c.T.Cleanup(func() { _ = git.Close() })
	head, err := git.Head()
	if err != nil {
		c.T.Fatal(err)
	}
	line, err := git.Line(c.T.Context(), head.Hash)
	if err != nil {
		c.T.Fatal(err)
	}
	files, err := git.Recorded(head.Hash)
	if err != nil {
		c.T.Fatal(err)
	}
	return changed.SincePublished{
		Files: files, Bases: bases, Head: head.Hash, Registry: c, Ancestors: line, Trees: git.Compare(), Host: "registry.example", Namespace: "blumeops",
	}, git
}

func bases(text string) (refs []string, err error) {
	d, err := dockerfile.Parse(text)
	if err != nil {
		return nil, err
	}
	for _, i := range d.Images {
		refs = append(refs, i.Reference)
	}
	return refs, nil
}

func (c *changing) run() changed.Containers {
	c.T.Helper()
	changed, _ := c.opened()
	found, err := changed.Run(c.T.Context())
	if err != nil {
		c.T.Fatal(err)
	}
	return found
}

// want compares the changed containers, as "NAME: WHY".
func (c *changing) want(want ...string) {
	c.T.Helper()
	got := []string{}
	for _, one := range c.run() {
		got = append(got, string(one.Name)+": "+one.Why)
	}
	if !slices.Equal(got, append([]string{}, want...)) {
		c.T.Errorf("got  %q\nwant %q", got, want)
	}
}

const (
	ours  = "FROM registry.example/blumeops/"
	plain = "FROM scratch\nARG CONTAINER_APP_VERSION=1.2\n"
)

func TestChangedSinceItWasPublished(t *testing.T) {
	t.Parallel()
	c := newChanging(t)
	first := c.Commit("containers/a/Dockerfile", plain, "containers/b/Dockerfile", plain, "README.md", "x")
	c.want("a: never published", "b: never published")
	if got := c.run()[0]; got.Version != "v1.2.0-"+first[:7] || got.Since != "" {
		t.Errorf("%+v", got)
	}
	c.publish("a", "v1.0.0", first)
	c.publish("b", "v1.0.0", first)
	c.want()
	// Several commits in one push: the change is in the first of them.
	c.Commit("containers/a/file", "1")
	c.Commit("README.md", "y")
	head := c.Commit("README.md", "z")
	c.want("a: containers/a changed")
	if got := c.run()[0]; got.Since != first || got.Version != "v1.2.0-"+head[:7] {
		t.Errorf("%+v", got)
	}
	c.Commit("containers/a/file", "") // reverted
	c.want()
	c.publish("a", "v1.1.0", head) // the published image differs from the present sources
	c.want("a: containers/a changed")
}

func TestImagesThatDoNotCount(t *testing.T) {
	t.Parallel()
	c := newChanging(t)
	first := c.Commit("containers/a/Dockerfile", plain)
	c.publish("a", "v1.0.0", first)
	second := c.Commit("containers/a/file", "1")
	for tag, revision := range map[string]string{
		"dev": second, "latest": second, "sha256-" + strings.Repeat("0", 64) + ".sig": second,
		"v1.0.1": second + "-dirty", "v1.0.2": "", "v1.0.3": second[:12], "v1.2.0-" + second[:7]: second + "-dirty",
		"v1.2.0-abcdef0": strings.Repeat("abcdef0", 6)[:40],
	} {
		c.publish("a", tag, revision)
	}
	c.want("a: containers/a changed")
	if got := c.run()[0].Since; got != first {
		t.Errorf("since %s", got)
	}
	delete(c.tags["a"], "v1.0.0")
	c.want("a: no ancestor of this commit is published")
}

// A squash merge leaves the published commit on no branch.
func TestSquashedAndMerged(t *testing.T) {
	t.Parallel()
	c := newChanging(t)
	first := c.Commit("containers/a/Dockerfile", plain, "containers/b/Dockerfile", plain)
	c.publish("a", "v1.0.0", first)
	c.publish("b", "v1.0.0", first)
	c.Git("checkout", "-q", "-b", "topic")
	published := c.Commit("containers/a/file", "1")
	c.publish("a", "v1.2.0-"+published[:7], published)
	c.Git("checkout", "-q", "main")
	c.Commit("README.md", "main goes on")
	c.Git("merge", "-q", "--squash", "topic")
	c.Git("commit", "-q", "-m", "squashed")
	c.want("a: containers/a changed")
	c.Git("reset", "-q", "--hard", "HEAD~1")
	c.Git("merge", "-q", "--no-ff", "-m", "merged", "topic")
	c.want()
}

// The path to the older image, through the merged branch, is shorter.
func TestNearestIsTheLatestOfALine(t *testing.T) {
	t.Parallel()
	c := newChanging(t)
	first := c.Commit("containers/a/Dockerfile", plain)
	c.publish("a", "v9.0.0", first)
	c.Git("checkout", "-q", "-b", "topic")
	c.Commit("README.md", "topic")
	c.Git("checkout", "-q", "main")
	second := c.Commit("containers/a/file", "1")
	c.publish("a", "v1.0.0", second)
	for i := range 5 {
		c.Commit("other", fmt.Sprint(i))
	}
	c.Git("merge", "-q", "--no-ff", "-m", "merged", "topic")
	c.want()
}

func TestBasesOfOurOwn(t *testing.T) {
	t.Parallel()
	c := newChanging(t)
	first := c.Commit(
		"containers/c/Dockerfile", plain,
		"containers/b/Dockerfile", "ARG BASE=registry.example/blumeops/c\nFROM scratch\nCOPY --from=registry.example/blumeops/unknown:v1 / /\nFROM ${BASE}:v1\n",
		"containers/a/Dockerfile", plain+"COPY \\\n  --from=registry.example/blumeops/b:dev /x /x\n",
		"containers/m/Dockerfile", plain+"RUN --mount=from=registry.example/blumeops/c:v1,target=/c true\n",
		"containers/pinned/Dockerfile", ours+"c@sha256:"+strings.Repeat("0", 64)+"\n",
		"containers/other/Dockerfile", "FROM registry.example/others/c:v1\n",
		"containers/self/Dockerfile", ours+"self:dev\n",
		"containers/x/Dockerfile", ours+"y:v1\n", "containers/y/Dockerfile", ours+"x:v1\n",
	)
	for _, name := range []string{"a", "b", "c", "m", "pinned", "other", "self", "x", "y"} {
		c.publish(name, "v1.0.0", first)
	}
	c.want()
	second := c.Commit("containers/c/file", "1", "containers/y/file", "1")
	all := []string{"a: a -> b -> c: containers/c changed", "b: b -> c: containers/c changed", "c: containers/c changed", "m: m -> c: containers/c changed", "x: x -> y: containers/y changed", "y: containers/y changed"}
	c.want(all...)
	// The base is published again, and the containers built on it still use the old one.
	c.publish("c", "v1.1.0", second)
	c.want(append(append([]string{}, all[:2]...), append([]string{"m: m -> c: containers/c changed"}, all[4:]...)...)...)
	// They are published again, but before their base was.
	delete(c.tags["c"], "v1.1.0")
	for _, name := range []string{"a", "b", "m", "x", "y"} {
		c.publish(name, "v1.1.0", second)
	}
	c.want("a: a -> b -> c: containers/c changed", "b: b -> c: containers/c changed", "c: containers/c changed", "m: m -> c: containers/c changed")
	delete(c.tags, "c")
	c.want("a: a -> b -> c: never published", "b: b -> c: never published", "c: never published", "m: m -> c: never published")
}

func TestContainersThatCameAndWent(t *testing.T) {
	t.Parallel()
	c := newChanging(t)
	first := c.Commit("containers/old/Dockerfile", plain, "containers/gone/Dockerfile", plain, "containers/on/Dockerfile", ours+"gone:v1\n")
	for _, name := range []string{"old", "gone", "on"} {
		c.publish(name, "v1.0.0", first)
	}
	c.Git("mv", "containers/old", "containers/new")
	c.Commit("containers/gone/Dockerfile", "")
	c.want("new: never published")
	// An earlier container had the name: the present one differs from it.
	c.publish("new", "v1.0.0", first)
	c.want("new: containers/new changed")
}

func TestPackagesOfAGoContainer(t *testing.T) {
	t.Parallel()
	c := newChanging(t)
	first := c.Commit(
		"go.mod", "module example.org/m\n\ngo 1.26\n\nrequire example.org/there v0.0.0\n\nreplace example.org/there => ./there\n", "there/go.mod", "module example.org/there\n", "there/sub/s.go", "package sub\n",
		"containers/g/main.go", "//blumeops:version 0.1.0\npackage main\n\nimport (\n\t\"fmt\"\n\t\"example.org/m/pkg/a\"\n)\n\nfunc main() { fmt.Println(a.A) }\n",
		"containers/g/main_test.go", "package main\n\nimport _ \"example.org/m/pkg/tested\"\n",
		"pkg/a/a.go", "package a\n", "pkg/a/a_windows.go", "package a\n\nimport _ \"example.org/m/pkg/b\"\n", "pkg/b/b.go", "package b\n\nimport _ \"example.org/there/sub\"\n\n//go:embed data.txt\nvar data string\n",
		"pkg/tested/t.go", "package tested\n", "pkg/other/o.go", "package other\n",
		"containers/based/main.go", "//blumeops:base registry.example/blumeops/d:dev\npackage main\n", "containers/d/Dockerfile", plain,
		"containers/own/go.mod", "module example.org/own\n", "containers/own/main.go", "package main\n",
	)
	publish := func(revision string) {
		for _, name := range []string{"g", "based", "d", "own"} {
			c.publish(name, "v1.0.0", revision)
		}
	}
	publish(first)
	publish(c.Commit("pkg/other/o.go", "package other // changed\n", "pkg/tested/t.go", "package tested // changed\n",
		"containers/g/main_test.go", "package main\n", "containers/g/README.md", "x", "pkg/a/sub/s.go", "package sub\n", "go.work", "go 1.26\n"))
	c.publish("g", "v1.0.0", first)
	c.want()
	for file, why := range map[string]string{
		"pkg/a/a.go": "pkg/a changed", "pkg/b/data.txt": "pkg/b changed", "there/sub/s.go": "there/sub changed",
	} {
		head := c.Commit(file, "package changed\n")
		c.want("g: " + why)
		publish(head)
	}
	// The go command reads this file for every program of the module. Without a change to the module's own go.mod it does not affect a program that
	// imports nothing from there.
	head := c.Commit("there/go.mod", "module example.org/there\n\ngo 1.26\n")
	c.want("g: there/go.mod changed")
	publish(head)
	head = c.Commit("go.sum", "x\n")
	c.want("based: go.sum changed", "g: go.sum changed")
	publish(head)
	c.Commit("containers/d/file", "1")
	c.want("based: based -> d: containers/d changed", "d: containers/d changed")
}

func TestWhatDoesNotTravel(t *testing.T) {
	t.Parallel()
	c := newChanging(t)
	first := c.Commit("containers/a/Dockerfile", plain, "containers/a/.dockerignore", "*.md\nprivate\n!private/public\n", "containers/a/README.md", "x", "containers/a/file", "x")
	c.publish("a", "v1.0.0", first)
	c.Commit("containers/a/README.md", "y", "containers/a/private/key", "y")
	c.want()
	c.Commit("containers/a/private/public", "y")
	c.want("a: containers/a changed")
	c.publish("a", "v1.0.1", c.Git("rev-parse", "HEAD"))
	c.Commit("containers/a/README.md", "")
	c.want()
	c.Commit("containers/a/.dockerignore", "private\n")
	c.want("a: containers/a changed")
	c.publish("a", "v1.0.2", c.Git("rev-parse", "HEAD"))
	c.Commit("containers/a/file", "")
	c.want("a: containers/a changed")
}

// A tag that ends with a commit names it; of the others each label is read, unless HEAD itself is published.
func TestLabelsAreReadAsNeeded(t *testing.T) {
	t.Parallel()
	c := newChanging(t)
	c.Commit("containers/a/Dockerfile", plain)
	for i := range 20 {
		head := c.Commit("README.md", fmt.Sprint(i))
		c.publish("a", "v1.2.0-"+head[:7], head)
	}
	c.publish("a", "v1.0.0", c.Git("rev-parse", "HEAD~5"))
	c.want()
	if head := c.Git("rev-parse", "HEAD"); !slices.Equal(c.looks, []string{"a:v1.2.0-" + head[:7]}) {
		t.Errorf("read %q", c.looks)
	}
	c.looks = nil
	c.Commit("README.md", "later")
	c.want()
	if len(c.looks) != 2 {
		t.Errorf("read %q", c.looks)
	}
}

func TestShallowCloneIsRefused(t *testing.T) {
	t.Parallel()
	c := newChanging(t)
	first := c.Commit("containers/a/Dockerfile", plain)
	c.publish("a", "v1.0.0", first)
	c.Commit("README.md", "x")
	shallow := &changing{Repository: &repotest.Repository{T: t, Dir: filepath.Join(t.TempDir(), "clone")}, tags: c.tags}
	c.Git("clone", "-q", "--depth=1", "file://"+c.Dir, shallow.Dir)
	changed, _ := shallow.opened()
	_, err := changed.Run(t.Context())
	if !errors.Is(err, gitrepo.ErrShallow) {
		t.Fatal(err)
	}
	testenv.WantError(t, err, "a: the history of this clone contains none of its 1 published versions", "git fetch --unshallow")
	delete(shallow.tags, "a")
	shallow.want("a: never published")
}

func TestDockerfileOfAnotherLanguage(t *testing.T) {
	t.Parallel()
	c := newChanging(t)
	first := c.Commit("containers/a/Dockerfile", "# syntax=example.org/other\nFROM a\n", "containers/b/Dockerfile", ours+"a:v1\n")
	c.publish("a", "v1.0.0", first)
	c.publish("b", "v1.0.0", first)
	const why = "cannot determine its base: the Dockerfile is for another frontend"
	c.want("a: "+why, "b: b -> a: "+why)
}

func TestChangedSinceARevision(t *testing.T) {
	t.Parallel()
	c := newChanging(t)
	first := c.Commit("containers/a/Dockerfile", plain, "containers/b/Dockerfile", ours+"a:v1\n", "containers/ab/Dockerfile", plain)
	head := c.Commit("containers/a/file", "1")
	if err := os.WriteFile(filepath.Join(c.Dir, "containers/ab/new"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, git := c.opened()
	base, err := git.Base(t.Context(), "HEAD~1")
	if err != nil || base != first {
		t.Fatal(base, err)
	}
	paths, err := git.Since(t.Context(), "HEAD~1")
	if err != nil {
		t.Fatal(err)
	}
	got, err := changed.SinceCommit{
		Files: os.DirFS(c.Dir), Bases: bases, Head: head, Since: base, Paths: paths, Host: "registry.example", Namespace: "blumeops",
	}.Run()
	if err != nil || got.String() != "a\nab\nb" || got[2].Why != "b -> a: containers/a changed" || got[0].Since != first {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestChangedKnowsSubmodules has containers that are a submodule, hold one, or import a package of one.
func TestChangedKnowsSubmodules(t *testing.T) {
	t.Parallel()
	lib, c := newChanging(t), newChanging(t)
	lib.Commit("Dockerfile", plain, "pkg/pkg.go", "package pkg\n")
	for _, at := range []string{"containers/is", "containers/has/sub", "containers/ignores/sub", "lib"} {
		c.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", lib.Dir, at)
	}
	first := c.Commit("containers/has/Dockerfile", plain, "containers/has/.dockerignore", "docs\n", "containers/ignores/Dockerfile", plain, "containers/ignores/.dockerignore", "sub\n",
		"go.mod", "module m\n", "containers/imports/main.go", "//blumeops:version 1\npackage main\n\nimport _ \"m/lib/pkg\"\n\nfunc main() {}\n", "containers/other/Dockerfile", plain)
	for _, name := range []string{"is", "has", "ignores", "imports", "other"} {
		c.publish(name, "v1.2.0-"+first[:7], first)
	}
	c.want()
	lib.Commit("pkg/more.go", "package pkg\n")
	c.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--remote")
	c.Commit()
	c.want("has: containers/has changed", "imports: lib/pkg changed", "is: containers/is changed")
	since := func() (changed.Containers, error) {
		_, git := c.opened()
		paths, err := git.Since(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		files, err := git.WorkTree(os.DirFS(c.Dir), image.Root)
		if err != nil {
			t.Fatal(err)
		}
		return changed.SinceCommit{Files: files, Bases: bases, Since: first, Paths: paths, Host: "registry.example", Namespace: "blumeops"}.Run()
	}
	if got, err := since(); err != nil || got.String() != "has\nimports\nis" {
		t.Errorf("since: %q, %v", got, err)
	}
	c.Git("submodule", "--quiet", "deinit", "--force", "--all")
	if err := os.RemoveAll(filepath.Join(c.Dir, ".git/modules")); err != nil {
		t.Fatal(err)
	}
	changed, _ := c.opened()
	got, err := changed.Run(t.Context())
	testenv.WantError(t, err, "containers/is: ", "is a submodule at commit", "containers/imports: lib is a submodule")
	if got.String() != "has" {
		t.Errorf("beside what is missing: %q", got)
	}
	got, err = since()
	testenv.WantError(t, err, "containers/is is a submodule at commit")
	if got.String() != "has\nimports" {
		t.Errorf("since, beside what is missing: %q", got)
	}
	files, err := gitrepo.Open(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	work, err := files.WorkTree(os.DirFS(c.Dir), image.Root)
	if err != nil {
		t.Fatal(err)
	}
	listing, err := list.List{Files: work, Manifests: "argocd"}.Run()
	testenv.WantError(t, err, "containers/is is a submodule at commit")
	if len(listing) != 4 {
		t.Errorf("lists %v", listing)
	}
}

func TestOutputsOfChanged(t *testing.T) {
	var none changed.Containers
	if text, err := json.Marshal(none); string(text) != "[]" || err != nil {
		t.Error(string(text), err)
	}
	if got := none.Outputs(); got["names"] != "" || got["matrix"] != `{"include":[]}` {
		t.Error(got)
	}
	some := changed.Containers{{Name: "a", Why: "x|y", Since: "s", Version: "v1"}, {Name: "b"}}
	if got := some.Outputs(); got["names"] != "a,b" ||
		got["matrix"] != `{"include":[{"name":"a","why":"x|y","since":"s","version":"v1"},{"name":"b","why":"","since":"","version":""}]}` {
		t.Error(got)
	}
	if got := some.Summary(); !strings.Contains(got, `| a | v1 | x\|y |`) || !strings.Contains(got, "| b | - |") {
		t.Error(got)
	}
}
