package build

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
)

// newDocs is a workspace whose docs the stand-in for Quartz builds, at a commit of a repository of its own, on the lab's node:22-slim.
func newDocs(t *testing.T) *workspace {
	t.Helper()
	registry, reference := e2etest.NeedBase(t, baseimage.NodeSlim())
	w := newWorkspace(t)
	repository, _, _ := strings.Cut(reference, ":")
	w.Env["BLUMEOPS_MIRRORS"] = "docker.io/" + repository + "=" + registry + "/" + repository
	quartz := filepath.Join(w.Dir, "quartz")
	if err := os.CopyFS(quartz, os.DirFS(filepath.Join(e2etest.Root(), "magefiles", "internal", "docsite", "testdata", "quartz"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(quartz, "quartz", "bootstrap-cli.mjs"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "--quiet", "--initial-branch=v4", "."}, {"add", "--all", "--force"}, {"commit", "--quiet", "--message=Quartz"}} {
		if err := e2etest.Git(quartz, w.Env, args...); err != nil {
			t.Fatal(err)
		}
	}
	head, err := os.ReadFile(filepath.Join(quartz, ".git", "refs", "heads", "v4"))
	if err != nil {
		t.Fatal(err)
	}
	w.Env["BLUMEOPS_DOCS_SOURCE"] = "file://" + quartz + "#" + strings.TrimSpace(string(head))
	w.Write("docs/quartz.config.ts", `const config = { configuration: { pageTitle: "The shop", baseUrl: "docs.example" } }`)
	w.Write("docs/index.md", "---\ntitle: Home\n---\n\nSee [[hours]].\n")
	w.Write("docs/about/hours.md", "We are open.\n")
	w.Write("docs/changelog.d/1.doc.md", "Canary of a fragment.\n")
	w.commit("2026-03-08T11:12:13Z")
	return w
}

// commit commits everything at a time.
func (w *workspace) commit(when string) {
	w.T.Helper()
	env := e2etest.Environ{}
	for name, value := range w.Env {
		env[name] = value
	}
	env["GIT_AUTHOR_DATE"], env["GIT_COMMITTER_DATE"] = when, when
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "--message=Write docs"}} {
		if err := e2etest.Git(w.Repo, env, args...); err != nil {
			w.T.Fatal(err)
		}
	}
}

func TestDocsBuild(t *testing.T) {
	w := newDocs(t)
	line := w.Mage("docs:build", "-version=v1.2.3")
	archive, err := os.ReadFile(filepath.Join(w.Repo, "docs-v1.2.3.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	site, err := docsite.Unpack(t.TempDir(), bytes.NewReader(archive), docsite.MaxUnpacked)
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	if bytes.Contains(archive, []byte("Canary")) {
		t.Error("a changelog fragment is in the archive")
	}
	// Again, from a clone elsewhere, with a page that is newer: only its own date counts. A page that is not committed has the commit's time.
	other := newDocs(t)
	if got := other.Mage("docs:build", "-version=v1.2.3"); got != line {
		t.Errorf("the same docs elsewhere: %s\nand here: %s", got, line)
	}
	other.Write("docs/about/hours.md", "We are closed.\n")
	other.commit("2026-04-09T00:00:00Z")
	other.Write("docs/draft.md", "Not committed.\n")
	var built struct{ File, Version, SHA256, Generator, Source string }
	if err := json.Unmarshal([]byte(other.Mage("docs:build", "-format=json", "-output=site.tar.gz")), &built); err != nil {
		t.Fatal(err)
	}
	if built.File != "site.tar.gz" || built.Version != "dev" || built.Generator != "quartz" || built.Source != other.Env["BLUMEOPS_DOCS_SOURCE"] {
		t.Errorf("%+v", built)
	}
	pages := other.served("-archive=site.tar.gz", "/", "/about/hours", "/draft", "/release.json", "/nowhere", "/changelog.d/1.doc")
	for path, want := range map[string][]string{
		"/":                  {"200", "Home | The shop", `datetime="2026-03-08T11:12:13.000Z"`, "the stand-in's own footer"},
		"/about/hours":       {"200", "We are closed.", `datetime="2026-04-09T00:00:00.000Z"`},
		"/draft":             {"200", "Not committed.", `datetime="2026-04-09T00:00:00.000Z"`},
		"/release.json":      {"200", `{"version":"dev"}`},
		"/nowhere":           {"404", "<h1>404</h1>"},
		"/changelog.d/1.doc": {"404"},
	} {
		for _, text := range want {
			if !strings.Contains(pages[path], text) {
				t.Errorf("%s does not contain %s:\n%s", path, text, pages[path])
			}
		}
	}
}

// served are the answers of docs:serve, which is then stopped as by Ctrl-C.
func (w *workspace) served(flag string, paths ...string) map[string]string {
	w.T.Helper()
	out, stdout := io.Pipe()
	r := w.NewProcess("docs:serve", flag)
	r.Cmd.Stdout = io.MultiWriter(r.Cmd.Stdout, stdout)
	r.Begin()
	go func() {
		<-r.Ended
		stdout.Close()
	}()
	address, err := bufio.NewReader(out).ReadString('\n')
	address = strings.TrimSpace(address)
	if err != nil || !strings.HasPrefix(address, "http://127.0.0.1:") {
		w.T.Fatalf("docs:serve prints %q: %v, %+v", address, err, r.Outcome())
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // what else it might say is in the outcome
	pages := map[string]string{}
	for _, path := range paths {
		resp, err := http.Get(strings.TrimSuffix(address, "/") + path)
		if err != nil {
			w.T.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			w.T.Fatal(err)
		}
		pages[path] = resp.Status + "\n" + string(body)
	}
	r.Signal(syscall.SIGINT)
	if got := r.Wait(); got.Status != 0 || strings.Contains(got.Stderr, "Error") { // mage itself says that it stops
		w.T.Errorf("after Ctrl-C: %+v", got)
	}
	return pages
}

// What cannot be built is refused before anything is begun: no engine is asked.
func TestDocsRefused(t *testing.T) {
	w := newWorkspace(t)
	w.Write("docs/index.md", "x")
	for name, c := range map[string]struct {
		env    map[string]string
		args   []string
		status int
		says   string
	}{
		"branch":    {map[string]string{"BLUMEOPS_DOCS_SOURCE": "https://forge.example/quartz#v4"}, nil, 2, "names a branch or a tag"},
		"password":  {nil, []string{"-source=https://ci:canary-c0ffee@forge.example/quartz#v4"}, 2, "credential helper"},
		"generator": {map[string]string{"BLUMEOPS_DOCS_GENERATOR": "hugo"}, nil, 2, "auto, quartz or node"},
		"folder":    {map[string]string{"BLUMEOPS_DOCS": "nowhere"}, nil, 2, "BLUMEOPS_DOCS"},
		"zone":      {map[string]string{"BLUMEOPS_TIME_ZONE": "Mars/Base"}, nil, 2, "is not a time zone"},
		"output":    {nil, []string{"-output=docs.zip"}, 2, "FILE.tar.gz"},
		"version":   {nil, []string{"-version=1"}, 2, "vX.Y.Z"},
		"source":    {nil, []string{"-source=no/such/folder"}, 2, "is not a folder"},
	} {
		t.Run(name, func(t *testing.T) {
			other := w.Clone(t)
			maps.Copy(other.Env, c.env)
			got := other.Run(append([]string{"docs:build"}, c.args...)...)
			if got.Status != c.status || got.Stdout != "" || !strings.Contains(got.Stderr, c.says) || strings.Contains(got.Stderr, "engine:") {
				t.Errorf("status %d, want %d and %q\n%s%s", got.Status, c.status, c.says, got.Stdout, got.Stderr)
			}
			if strings.Contains(got.Stderr, "canary") {
				t.Errorf("shows a secret: %s", got.Stderr)
			}
		})
	}
	if got := w.Run("docs:serve"); got.Status != 2 || !strings.Contains(got.Stderr, "docs:build") {
		t.Errorf("nothing to serve: %+v", got)
	}
}
