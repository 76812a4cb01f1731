package task_test

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/manifest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// docsWorld is the state that releases change: the forge's repository, packages and releases, the deployment, the website. Its time only
// passes in Sleep.
type docsWorld struct {
	mu       sync.Mutex
	commits  map[string]docsCommit
	branch   string
	tags     map[string]string
	packages map[string]map[string]string // by version and file
	releases map[string]task.Announcement
	deployed string // commit
	clock    time.Time
	events   []string // changes, in order
	retired  []string // versions whose packages are no longer used
	broken   error    // the first violated property

	unrepeatable int    // each build differs, and is counted here; below 0: builds are equal
	drops        bool   // the package store accepts uploads, and stores nothing
	staleSite    string // the version that the website serves, instead of the deployed one
}

type docsCommit struct {
	parent, message string
	files           map[string]string
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

func newDocsWorld() *docsWorld {
	w := &docsWorld{
		commits: map[string]docsCommit{}, tags: map[string]string{}, packages: map[string]map[string]string{},
		releases: map[string]task.Announcement{}, clock: time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC), unrepeatable: -1,
	}
	w.branch = w.add(docsCommit{message: "Begin", files: map[string]string{
		"towncrier.toml": docsTowncrier, "CHANGELOG.md": "# Changelog\n\n<!-- towncrier release notes start -->\n",
		"docs/index.md": "# Home\n", "docs/changelog.d/+first.feature.md": "The first thing.\n", docsManifestFile: docsManifest,
	}})
	w.deployed = w.branch
	return w
}

func (w *docsWorld) add(c docsCommit) string {
	sum := sha1.New()
	fmt.Fprintf(sum, "%s %q\n", c.parent, c.message)
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		fmt.Fprintf(sum, "%q %q\n", name, c.files[name])
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	w.commits[hash] = c
	return hash
}

// commitOnMain is a push of somebody who does not release.
func (w *docsWorld) commitOnMain(name, text string) {
	files := maps.Clone(w.commits[w.branch].files)
	files[name] = text
	w.branch = w.add(docsCommit{parent: w.branch, message: "Write " + name, files: files})
}

// contains reports whether a commit is the ancestor or comes after it.
func (w *docsWorld) contains(commit, ancestor string) bool {
	for ; commit != ""; commit = w.commits[commit].parent {
		if commit == ancestor {
			return true
		}
	}
	return false
}

// named is the archive that the manifest of a commit names.
func (w *docsWorld) named(commit string) (version, file, sum string) {
	found, err := manifest.File{Text: []byte(w.commits[commit].files[docsManifestFile])}.Read(
		manifest.Env{Variable: "DOCS_RELEASE_URL"}, manifest.Env{Variable: "DOCS_RELEASE_SHA256"})
	if err != nil {
		return "", "", ""
	}
	version, file, _ = locateDocs(found[0].Value)
	return version, file, found[1].Value
}

// served is the version that the website serves: that of the archive that the deployed manifest names.
func (w *docsWorld) served() string {
	if w.staleSite != "" {
		return w.staleSite
	}
	version, file, sum := w.named(w.deployed)
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
func (w *docsWorld) check() {
	for tag, commit := range w.tags {
		version, file, sum := w.named(commit)
		if version == tag && sumOf(w.packages[version][file]) != sum && !slices.Contains(w.retired, tag) && w.broken == nil {
			w.broken = fmt.Errorf("tag %s names %s, which the package does not hold, after %q", tag, file, w.events)
		}
	}
}

// state is the comparable part of the state.
func (w *docsWorld) state() string {
	var text strings.Builder
	for commit := w.branch; commit != ""; commit = w.commits[commit].parent {
		fmt.Fprintf(&text, "commit %s %q\n", commit, w.commits[commit].message)
	}
	for _, tag := range slices.Sorted(maps.Keys(w.tags)) {
		fmt.Fprintf(&text, "tag %s %s\n", tag, w.tags[tag])
	}
	for _, version := range slices.Sorted(maps.Keys(w.packages)) {
		for _, file := range slices.Sorted(maps.Keys(w.packages[version])) {
			fmt.Fprintf(&text, "file %s/%s %q\n", version, file, w.packages[version][file])
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(w.releases)) {
		fmt.Fprintf(&text, "release %s %q\n", tag, w.releases[tag].Notes)
	}
	fmt.Fprintf(&text, "deployed %s, serves %s\n", w.deployed, w.served())
	return text.String()
}

// releaser is one clone of the repository, and the connection of one program to the shared state.
type releaser struct {
	w        *docsWorld
	head     string                               // of the checkout
	unpushed []string                             // paths
	gate     func(call string, before bool)       // called before and after each call; may panic, or wait
	fail     func(call string, before bool) error // replaces the answer of a call
	said     []string                             // notes and warnings
	keep     int
}

func (w *docsWorld) releaser() *releaser { return &releaser{w: w, head: w.branch} }

// call makes one change to the state, atomically.
func (r *releaser) call(name string, effect func() error) error {
	if r.gate != nil {
		r.gate(name, true)
	}
	if r.fail != nil {
		if err := r.fail(name, true); err != nil {
			return err
		}
	}
	r.w.mu.Lock()
	err := effect()
	r.w.check()
	r.w.mu.Unlock()
	if r.gate != nil {
		r.gate(name, false)
	}
	if r.fail != nil && err == nil {
		err = r.fail(name, false)
	}
	return err
}

func (w *docsWorld) happened(format string, a ...any) {
	w.events = append(w.events, fmt.Sprintf(format, a...))
}

func (r *releaser) docs() task.Docs {
	say := func(s string) { r.said = append(r.said, s) }
	return task.Docs{
		Origin: docsOrigin{r}, Tags: docsOrigin{r}, Packages: docsPackages{r}, Announcer: docsAnnouncer{r}, Deployer: docsDeployer{r}, Website: docsSite{r},
		Name: "docs", Pins: task.Pins{
			File: docsManifestFile, URL: manifest.Env{Variable: "DOCS_RELEASE_URL"}, Sum: manifest.Env{Variable: "DOCS_RELEASE_SHA256"},
		},
		Hook: func(context.Context) error { return r.call("Hook", func() error { return nil }) },
		Note: say, Warn: say, Now: func() time.Time { r.w.mu.Lock(); defer r.w.mu.Unlock(); return r.w.clock },
		Sleep: func(ctx context.Context, d time.Duration) error {
			return r.call("Sleep", func() error { r.w.clock = r.w.clock.Add(d); return ctx.Err() })
		},
	}
}

func (r *releaser) task() task.Release {
	return task.Release{Docs: r.docs(), Builder: docsBuilder{r}, Folder: "docs", Keep: r.keep}
}

// release runs a release, which gate may kill.
func (r *releaser) release(args tasks.ReleaseArgs) (released task.Released, err error) {
	defer recoverKill(&err)
	return r.task().Run(context.Background(), args)
}

func (r *releaser) rollback(version string) (back task.RolledBack, err error) {
	defer recoverKill(&err)
	return task.Rollback{Docs: r.docs()}.Run(context.Background(), version)
}

var errKilled = errors.New("killed")

func recoverKill(err *error) {
	switch p := recover(); p {
	case nil:
	case any(errKilled):
		*err = errKilled
	default:
		panic(p)
	}
}

func (r *releaser) mustRelease(t *testing.T, version string) task.Released {
	t.Helper()
	released, err := r.release(tasks.ReleaseArgs{Version: version})
	if err != nil {
		t.Fatalf("release %s: %v\n%s", version, err, strings.Join(r.said, "\n"))
	}
	if r.w.broken != nil {
		t.Fatal(r.w.broken)
	}
	return released
}
