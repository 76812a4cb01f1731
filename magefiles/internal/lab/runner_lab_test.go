package lab

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const runnerLabWorkflow = `on: push
jobs:
  a:
    runs-on: docker
    steps:
      - env:
          PASSWORD: ${{ secrets.REGISTRY_PASSWORD }}
          TOKEN: ${{ secrets.FORGE_TOKEN }}
          NONE: ${{ secrets.ARGOCD_TOKEN }}
        run: |
          echo "registry $BLUMEOPS_REGISTRY as $BLUMEOPS_REGISTRY_USER with $PASSWORD, forge $BLUMEOPS_FORGE_URL with $TOKEN, Argo CD: <$NONE>"
          echo "token: <$BLUMEOPS_FORGE_TOKEN>, home: $HOME"
          if [ "$(cat "$HOME/wait")" = yes ]; then touch "$HOME/waits"; sleep 600; fi
`

// runnerLab is a lab with a runner, and a clone of its repository.
func runnerLab(t *testing.T, h Home, source string) (*Lab, actions) {
	t.Helper()
	l, err := Start(t.Context(), h, Options{
		Parts: []Part{PartRegistry, PartForge, PartRunner}, Mode: ModeUsers, Repository: "site", Checkout: source,
	})
	must(t, err)
	t.Cleanup(func() { _ = l.Close() }) // an error of a part that is closed already
	return l, actions{
		clone(t, l.Forge.CloneURL(l.Forge.Owner, "site"), l.Forge.GitEnv(l.Forge.Owner, l.token)...), withRunner{l.Forge, filepath.Join(h.Dir, "runner", "home")},
		"/api/v1/repos/" + l.Forge.Owner + "/site", l.token,
	}
}

// TestLabRunner tests the runner of lab:up: the lab's settings, the secrets of our workflows, and its state after a restart.
func TestLabRunner(t *testing.T) {
	need(t, PartRegistry, PartForge)
	h, source := Home{Dir: t.TempDir()}, workflow(t, runnerLabWorkflow).Checkout
	files := checkout{t, source, []string{"PATH=" + os.Getenv("PATH"), "GIT_AUTHOR_NAME=T", "GIT_AUTHOR_EMAIL=t@lab.invalid", "GIT_COMMITTER_NAME=T", "GIT_COMMITTER_EMAIL=t@lab.invalid"}}
	files.git("add", ".")
	seeded := files.commit()

	l, a := runnerLab(t, h, source)
	wait := filepath.Join(a.forge.home, "wait")
	must(t, os.WriteFile(wait, []byte("no"), 0o600))
	pushed := a.push("w.yaml", runnerLabWorkflow, "a.txt")
	job, log := a.ended("w.yaml", pushed)
	for _, text := range []string{
		"registry " + l.Registry.Addr + " as ci with ***, forge " + l.Forge.URL() + " with ***, Argo CD: <>\n", "token: <>, home: " + a.forge.home + "\n",
	} {
		if job.Conclusion != "success" || !strings.Contains(log, text) {
			t.Errorf("%s; missing text in the log: %q:\n%s", job.Conclusion, text, log)
		}
	}
	if runs := a.runs("w.yaml", seeded); len(runs) != 0 {
		t.Errorf("what the lab itself pushed has started %+v", runs)
	}

	must(t, os.WriteFile(wait, []byte("yes"), 0o600))
	broken := a.push("w.yaml", runnerLabWorkflow, "a.txt")
	a.until("w.yaml", broken, "in_progress")
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(a.forge.home, "waits")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the job does not begin")
		}
	}
	must(t, l.Close())
	must(t, os.WriteFile(wait, []byte("no"), 0o600))
	l, a = runnerLab(t, h, source)
	if run := a.until("w.yaml", broken, "completed"); run.Conclusion != "failure" {
		t.Errorf("the job that the lab's end broke off ended as %s", run.Conclusion)
	}
	if job, log := a.ended("w.yaml", a.push("w.yaml", runnerLabWorkflow, "b.txt")); job.Conclusion != "success" {
		t.Errorf("in the lab that is up again: %+v\n%s", job, log)
	}
	var known struct {
		Runners []struct{ Name string }
	}
	must(t, l.Forge.asAdmin(t.Context(), http.MethodGet, "/api/v1/admin/actions/runners", nil, &known))
	if len(known.Runners) != 1 {
		t.Errorf("the forge knows %+v, expected one runner", known.Runners)
	}
}
