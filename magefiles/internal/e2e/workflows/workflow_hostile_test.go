package workflows

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"go.yaml.in/yaml/v3"
)

// onEvents are a workflow's events.
func onEvents(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var workflow struct {
		On map[string]any `yaml:"on"`
	}
	if err := yaml.Unmarshal(text, &workflow); err != nil {
		t.Fatal(err)
	}
	return workflow.On
}

// testTriggers wants that what a stranger can start gets no secret. A forge runs the workflow of a pull request as the pull request has it,
// and gives it none; but pull_request_target, and what follows another workflow, get them.
func (w *workflows) testTriggers(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(w.Repo, ".forgejo", "workflows", "*"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for on := range onEvents(t, text) {
			if !slices.Contains([]string{"push", "workflow_dispatch", "schedule", "pull_request"}, on) {
				t.Errorf("%s: started by %s, which strangers may have a hand in", file, on)
			}
			if on == "pull_request" && strings.Contains(string(text), "secrets") {
				t.Errorf("%s: started by pull requests, and asks for secrets", file)
			}
		}
	}
}

// testPaths wants a push to main to start a build if it changes anything that an image is made of.
func (w *workflows) testPaths(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(w.Repo, ".forgejo", "workflows", "build-container.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	push, _ := onEvents(t, text)["push"].(map[string]any)
	paths, _ := push["paths"].([]any)
	files := os.DirFS(w.Repo)
	containers, err := image.Find(files)
	if err != nil || len(containers) < 4 {
		t.Fatal(containers, err)
	}
	for _, c := range containers {
		sources, err := image.Sources(files, c)
		if err != nil {
			t.Fatal(err)
		}
		for _, source := range sources {
			_, err := os.Stat(filepath.Join(w.Repo, source.Path))
			if covered := slices.ContainsFunc(paths, func(path any) bool {
				folder, all := strings.CutSuffix(path.(string), "**")
				return path == source.Path || all && strings.HasPrefix(source.Path+"/", folder)
			}); err == nil && !covered {
				t.Errorf("%s is made of %s, which %v leaves out", c.Name, source.Path, paths)
			}
		}
	}
}

// hostileNames are names that git takes, and a shell would not stop at.
var hostileNames = []string{
	"a$(hit)-v1.0.0", "a`hit`-v1.0.0", `a";hit;"-v1.0.0`, "a';hit;'-v1.0.0", "--registry=evil.example-v1.0.0", strings.Repeat("a", 193) + "-v1.0.0",
}

// testHostile has a go command of its own, which tells what it is given: that the workflows hand names on as one argument, whatever they are.
// What the targets do with them is asked of the targets.
func (w *workflows) testHostile(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\nfor word; do printf '[%s]' \"$word\"; done; echo\n"
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	stub := e2etest.Environ{"PATH": bin + string(filepath.ListSeparator) + w.Env["PATH"]}
	commit, before := w.Git("rev-parse", "HEAD"), w.finals()
	w.registry.Forget()
	for _, name := range append(slices.Clone(hostileNames), "a\nhit\n-v1.0.0") { // git does not take the last
		ref := "refs/tags/" + name
		if !strings.Contains(name, "\n") {
			w.PushRef("HEAD:" + ref)
		}
		tag := pushed("build-container.yaml", ref, commit)
		tag.env = stub
		if out, err := w.act(tag); err != nil || !strings.Contains(unwrapped(out), "[tool][mage][ci:tag]["+ref+"]") {
			t.Errorf("%q: %v\n%s", name, err, out)
		}
		if got := w.Run("ci:tag", ref, "-promote", "-sync"); got.Status != 2 || got.Stdout != "" {
			t.Errorf("ci:tag %q: status %d\n%s%s", ref, got.Status, got.Stdout, got.Stderr)
		}
		dispatch := event{
			file: "release-docs.yaml", name: "workflow_dispatch", ref: "refs/heads/main", commit: commit, env: stub,
			payload: map[string]any{"ref": "refs/heads/main", "inputs": map[string]any{"version_type": name}},
		}
		if out, err := w.act(dispatch); err != nil || !strings.Contains(unwrapped(out), "[tool][mage][docs:release]["+name+"]") {
			t.Errorf("%q: %v\n%s", name, err, out)
		}
		if got := w.Run("docs:release", name); got.Status != 2 {
			t.Errorf("docs:release %q: status %d\n%s%s", name, got.Status, got.Stdout, got.Stderr)
		}
	}
	w.untouched(before)
}

// finals are main and the releases at the forge.
func (w *workflows) finals() string {
	w.T.Helper()
	return w.Git("ls-remote", "origin", "refs/heads/main", "refs/tags/v*")
}

// untouched wants that nothing was published, and that main and the releases are what they were.
func (w *workflows) untouched(finals string) {
	w.T.Helper()
	if writes := w.registry.Writes(); len(writes) > 0 {
		w.T.Errorf("the registry got %q", writes)
	}
	if now := w.finals(); now != finals {
		w.T.Errorf("the forge has\n%s\nand had\n%s", now, finals)
	}
}

// unwrapped is what jobs said, without what act puts before each line.
func unwrapped(out string) string {
	var lines []string
	for line := range strings.SplitSeq(out, "\n") {
		if _, said, ok := strings.Cut(line, "  | "); ok {
			line = said
		}
		lines = append(lines, strings.TrimRight(line, "\r"))
	}
	return strings.Join(lines, "\n")
}

// testPullRequest comes from a fork, whose commits the forge has under refs/pull alone. What it changes of a workflow, and what it calls a
// container, is found by the workflow of main. The forge would take the pull request's own, once somebody lets it run, and give it nothing
// that is worth taking: testTriggers.
func (w *workflows) testPullRequest(t *testing.T) {
	w.Git("pull", "--quiet", "--ff-only")
	found := []string{
		"docs/planted.md:7:", ".forgejo/workflows/validate.yaml:", "text from the event", `container name "$(hit)"`, `container name "a\nhit\n"`,
	}
	out, _ := w.act(pushed("validate.yaml", "refs/heads/main", w.Git("rev-parse", "HEAD"))) // whether it is well is not asked here
	for _, text := range found {
		if strings.Contains(out, text) || !strings.Contains(out, "Run Main Validate") {
			t.Errorf("main: %q\n%s", text, out)
		}
	}
	const branch, title = `x";hit;'$(hit)`, "`hit`"
	number, commit := w.pullRequest(branch, title, func() {
		w.Write("docs/planted.md", "---\ntitle: Planted\n---\n\n# Planted\n\nSee [[a-page-that-is-not-there]].\n")
		w.Write("containers/$(hit)/Dockerfile", "FROM scratch\n")
		w.Write("containers/a\nhit\n/Dockerfile", "FROM scratch\n")
		w.Edit(".forgejo/workflows/validate.yaml", "run: go tool mage validate", "run: echo ${{ github.event.pull_request.title }}; hit")
	})
	before := w.finals()
	w.registry.Forget()
	e := event{
		file: "validate.yaml", name: "pull_request", ref: fmt.Sprintf("refs/pull/%d/head", number), commit: commit, foreign: true,
		payload: map[string]any{"number": number, "pull_request": map[string]any{
			"title": title, "head": map[string]any{"ref": branch, "sha": commit}, "base": map[string]any{"ref": "main"},
		}},
	}
	out, err := w.act(e)
	for _, want := range found {
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("%v, %q is missing\n%s", err, want, out)
		}
	}
	w.untouched(before)
}

// pullRequest has a stranger fork the repository, change it on a branch and ask to have that merged. The checkout stays as it was.
func (w *workflows) pullRequest(branch, title string, change func()) (number int, commit string) {
	w.T.Helper()
	forge := w.Lab.Forge
	if _, err := forge.AddUser(w.T.Context(), "stranger"); err != nil {
		w.T.Fatal(err)
	}
	token, err := forge.TokenOf(w.T.Context(), "stranger", "pull", "all")
	if err != nil {
		w.T.Fatal(err)
	}
	call := func(path string, in, out any) {
		w.T.Helper()
		if err := forge.API(w.T.Context(), http.MethodPost, "/api/v1/repos/"+forge.Owner+"/blumeops/"+path, token, in, out); err != nil {
			w.T.Fatal(err)
		}
	}
	call("forks", map[string]any{}, nil)
	w.Git("checkout", "--quiet", "-b", "planted")
	change()
	w.Git("add", "--all")
	w.Git("commit", "--quiet", "--message=Plant faults")
	commit = w.Git("rev-parse", "HEAD")
	w.Git("checkout", "--quiet", "main")
	cmd := exec.Command("git", "push", "--quiet", forge.CloneURL("stranger", "blumeops"), commit+":refs/heads/"+branch)
	cmd.Dir, cmd.Env = w.Repo, append(w.Env.List(), forge.GitEnv("stranger", token)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.T.Fatalf("%v\n%s", err, out)
	}
	var pull struct{ Number int }
	call("pulls", map[string]any{"base": "main", "head": "stranger:" + branch, "title": title}, &pull)
	return pull.Number, commit
}
