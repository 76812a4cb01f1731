package lab

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// workflow is a folder with one workflow in a git repository.
func workflow(t *testing.T, text string) WorkflowRun {
	t.Helper()
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, ".forgejo", "workflows"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, ".forgejo", "workflows", "w.yaml"), []byte(text), 0o600))
	for _, args := range [][]string{{"init", "--quiet", "--initial-branch=main"}, {"-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "--message=a"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return WorkflowRun{
		Checkout: dir, Workflow: "w.yaml", Event: "push", Payload: map[string]any{"ref": "refs/tags/a-v1.0.0", "after": strings.Repeat("a", 40), "deleted": false},
		Server: "http://forge.invalid", Name: "shop/site", Env: map[string]string{"PATH": os.Getenv("PATH"), "HOME": t.TempDir()},
	}
}

const workflowSays = `on: push
jobs:
  say:
    runs-on: docker
    steps:
      - env:
          KEY: ${{ secrets.KEY }}
          LINES: ${{ secrets.LINES }}
        run: |
          echo "at $GITHUB_SERVER_URL/$GITHUB_REPOSITORY: $GITHUB_REF_TYPE $GITHUB_REF $GITHUB_SHA ${{ vars.COLOUR }} $CI"
          echo "$LINES" | wc -c
          echo "the key is $KEY"
  other:
    if: github.ref_type != 'tag'
    runs-on: docker
    steps:
      - run: echo "not this"
`

func TestAct(t *testing.T) {
	t.Parallel()
	r := workflow(t, workflowSays)
	r.Secrets, r.Variables = map[string]string{"KEY": "a \"key\": #1", "LINES": "first\nsecond \"line\": #3"}, map[string]string{"COLOUR": "blue"}
	out, err := Home{}.Act(t.Context(), r)
	must(t, err)
	t.Log(out)
	for _, text := range []string{"at http://forge.invalid/shop/site: tag refs/tags/a-v1.0.0 " + strings.Repeat("a", 40) + " blue true", "| 24", "the key is ***"} {
		if !strings.Contains(out, text) {
			t.Errorf("missing text %q", text)
		}
	}
	if strings.Contains(out, "#1") || strings.Contains(out, "not this") {
		t.Error("it says too much")
	}
}

// A test that is killed leaves the folder behind.
func TestActLeavesNoSecretOnDisk(t *testing.T) {
	t.Parallel()
	r := workflow(t, "on: push\njobs:\n  a:\n    runs-on: docker\n    steps:\n      - env:\n          KEY: ${{ secrets.KEY }}\n        run: |\n"+
		"          cd ../../..; ls -1; grep --recursive --devices=skip --fixed-strings \"$KEY\" . || echo \"in no file\"\n")
	r.Secrets = map[string]string{"KEY": "canary-4f1d"}
	out, err := Home{}.Act(t.Context(), r)
	if err != nil || !strings.Contains(out, "| event.json") || !strings.Contains(out, "| in no file") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestActFails has a step with much output that then fails: the reader needs its last lines.
func TestActFails(t *testing.T) {
	t.Parallel()
	out, err := Home{}.Act(t.Context(), workflow(t, "on: push\njobs:\n  a:\n    runs-on: docker\n    steps:\n      - run: seq 3000; echo here; exit 3\n"))
	if err == nil || !strings.Contains(out, "| here") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestActContainer shows why our workflows name no image: it requires Docker.
func TestActContainer(t *testing.T) {
	t.Parallel()
	out, err := Home{}.Act(t.Context(), workflow(t, "on: push\njobs:\n  a:\n    runs-on: docker\n    container: debian:12\n    steps:\n      - run: echo here\n"))
	if err == nil || strings.Contains(out, "| here") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestActStopped(t *testing.T) {
	t.Parallel()
	left := filepath.Join(t.TempDir(), "left")
	r := workflow(t, "on: push\njobs:\n  a:\n    runs-on: docker\n    steps:\n      - run: |\n          setsid sleep 600 &\n          echo $! >$LEFT.new; mv $LEFT.new $LEFT\n          wait\n")
	r.Env["LEFT"] = left
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for t.Context().Err() == nil { // act may have to be built first
			if _, err := os.Stat(left); err == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	_, err := Home{}.Act(ctx, r)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	text, err := os.ReadFile(left)
	must(t, err)
	for range 1500 {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(text)) + "/stat")
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %s is still there", text)
}
