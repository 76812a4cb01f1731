package docsrelease_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops/gitopstest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/manifest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// fixture adds the state that only releases change: the forge's packages and releases, the website. Its time only passes in Sleep.
type fixture struct {
	*gitopstest.Fixture
	packages map[string]map[string]string // by version and file
	releases map[string]vcs.Release
	clock    time.Time
	retired  []string // versions whose packages are no longer used
	broken   error    // the first violated property

	unrepeatable int    // each build differs, and is counted here; below 0: builds are equal
	drops        bool   // the package store accepts uploads, and stores nothing
	staleSite    string // the version that the website serves, instead of the deployed one
}

const (
	docsManifestFile = "argocd/manifests/docs/deployment.yaml"
	docsManifest     = `apiVersion: apps/v1
kind: Deployment
metadata: {name: docs}
spec:
  template:
    spec:
      containers:
        - name: quartz
          env:
            - name: DOCS_RELEASE_URL # the archive
              value: https://forge.example/packages/docs/v0.0.0/docs-v0.0.0.tar.gz
            - name: DOCS_RELEASE_SHA256
              value: "0000000000000000000000000000000000000000000000000000000000000000"
`
	docsTowncrier = `[tool.towncrier]
directory = "docs/changelog.d"
filename = "CHANGELOG.md"
package = ""
title_format = "## [{version}] - {project_date}"
issue_format = ""
underlines = ["", "", ""]

[[tool.towncrier.type]]
directory = "feature"
name = "Features"
showcontent = true
`
	docsHost = "https://forge.example/packages/docs/"
)

func newFixture() *fixture {
	w := &fixture{
		Fixture: gitopstest.NewFixture(map[string]string{
			"towncrier.toml": docsTowncrier, "CHANGELOG.md": "# Changelog\n\n<!-- towncrier release notes start -->\n",
			"docs/index.md": "# Home\n", "docs/changelog.d/+first.feature.md": "The first thing.\n", docsManifestFile: docsManifest,
		}),
		packages: map[string]map[string]string{}, releases: map[string]vcs.Release{}, clock: time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC),
		unrepeatable: -1,
	}
	w.Fixture.Check = w.check
	return w
}

// named is the archive that the manifest of a commit names.
func (w *fixture) named(commit string) (version, file, sum string) {
	found, err := manifest.File{Text: []byte(w.Commits[commit].Files[docsManifestFile])}.Read(
		manifest.Env{Variable: "DOCS_RELEASE_URL"}, manifest.Env{Variable: "DOCS_RELEASE_SHA256"})
	if err != nil {
		return "", "", ""
	}
	version, file, _ = locateDocs(found[0].Value)
	return version, file, found[1].Value
}

// served is the version that the website serves: that of the archive that the deployed manifest names.
func (w *fixture) served() string {
	if w.staleSite != "" {
		return w.staleSite
	}
	version, file, sum := w.named(w.Deployed)
	content, ok := w.packages[version][file]
	if !ok || sumOf(content) != sum {
		return ""
	}
	served, _, _ := strings.Cut(content, " ")
	return served
}

func sumOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// check checks the property that each file that a tag names is in the package.
func (w *fixture) check() {
	for tag, commit := range w.Tags {
		version, file, sum := w.named(commit)
		if version == tag && sumOf(w.packages[version][file]) != sum && !slices.Contains(w.retired, tag) && w.broken == nil {
			w.broken = fmt.Errorf("tag %s names %s, which the package does not hold, after %q", tag, file, w.Events)
		}
	}
}

// state is the comparable part of the state.
func (w *fixture) state() string {
	var text strings.Builder
	text.WriteString(w.Fixture.State())
	for _, version := range slices.Sorted(maps.Keys(w.packages)) {
		for _, file := range slices.Sorted(maps.Keys(w.packages[version])) {
			fmt.Fprintf(&text, "file %s/%s %q\n", version, file, w.packages[version][file])
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(w.releases)) {
		fmt.Fprintf(&text, "release %s %q\n", tag, w.releases[tag].Notes)
	}
	fmt.Fprintf(&text, "serves %s\n", w.served())
	return text.String()
}

// releaser is one clone of the repository, and the connection of one program to the shared state.
type releaser struct {
	*gitopstest.Checkout
	w    *fixture
	keep int
}

func (w *fixture) releaser() *releaser { return &releaser{Checkout: w.Checkout(), w: w} }

func (r *releaser) docs() docsrelease.Systems {
	return docsrelease.Systems{
		Origin: gitopstest.Origin{Checkout: r.Checkout}, Tags: gitopstest.Origin{Checkout: r.Checkout}, Packages: docsPackages{r}, Announcer: docsAnnouncer{r}, Deployer: gitopstest.Deployer{Checkout: r.Checkout}, Website: docsSite{r},
		Name: "docs", Pins: docsrelease.Pins{
			File: docsManifestFile, URL: manifest.Env{Variable: "DOCS_RELEASE_URL"}, Sum: manifest.Env{Variable: "DOCS_RELEASE_SHA256"},
		},
		Hook: func(context.Context) error { return r.Call("Hook", func() error { return nil }) },
		Note: r.Say, Warn: r.Say, Now: func() time.Time { r.w.Mu.Lock(); defer r.w.Mu.Unlock(); return r.w.clock },
		Sleep: func(ctx context.Context, d time.Duration) error {
			return r.Call("Sleep", func() error { r.w.clock = r.w.clock.Add(d); return ctx.Err() })
		},
	}
}

func (r *releaser) task() docsrelease.Release {
	return docsrelease.Release{Systems: r.docs(), Builder: docsBuilder{r}, Folder: "docs", Keep: r.keep}
}

// release runs a release, which gate may kill.
func (r *releaser) release(args tasks.ReleaseArgs) (released docsrelease.Released, err error) {
	defer gitopstest.RecoverKill(&err)
	return r.task().Run(context.Background(), args)
}

func (r *releaser) rollback(version string) (back docsrelease.RolledBack, err error) {
	defer gitopstest.RecoverKill(&err)
	return docsrelease.Rollback{Systems: r.docs()}.Run(context.Background(), version)
}

func (r *releaser) mustRelease(t *testing.T, version string) docsrelease.Released {
	t.Helper()
	released, err := r.release(tasks.ReleaseArgs{Version: version})
	if err != nil {
		t.Fatalf("release %s: %v\n%s", version, err, strings.Join(r.Said, "\n"))
	}
	if r.w.broken != nil {
		t.Fatal(r.w.broken)
	}
	return released
}
