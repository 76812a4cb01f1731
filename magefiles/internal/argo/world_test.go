package argo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
)

// patience bounds waits for things that take seconds.
const patience = 90 * time.Second

// world is a lab that all tests share: a cluster with Argo CD, and a repository on a forge that it deploys from.
type world struct {
	cluster *lab.Cluster
	argo    *lab.ArgoCD
	forge   *lab.Forge
	dir     string // checkout of the repository
	url     string // of the repository
	seen    int    // number of Applications made
}

var (
	theWorld     world
	startTheOnly = sync.OnceValue(func() error { return theWorld.start(context.Background()) })
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := theWorld.close(); err != nil {
		fmt.Fprintln(os.Stderr, "after all tests:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// shared starts the lab for the first test that asks for it, and removes the test's faults at its end.
func shared(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Argo CD on a cluster: run without -short")
	}
	labtest.Need(t, lab.PartForge, lab.PartArgoCD)
	must(t, startTheOnly())
	t.Cleanup(theWorld.argo.Proxy().Clear)
	return &theWorld
}

func (w *world) start(ctx context.Context) error {
	home := lab.Home{Log: func(line string) { fmt.Fprintln(os.Stderr, line) }}
	var group errgroup.Group
	group.Go(func() (err error) {
		if w.cluster, err = lab.StartCluster(ctx, home, lab.ClusterOptions{}); err != nil {
			return err
		}
		w.argo, err = lab.StartArgoCD(ctx, home, w.cluster, lab.ArgoCDOptions{})
		return err
	})
	group.Go(func() (err error) {
		if w.forge, err = lab.StartForge(ctx, home, lab.ForgeOptions{}); err != nil {
			return err
		}
		w.url = w.forge.CloneURL(w.forge.Owner, "deployed")
		if w.dir, err = os.MkdirTemp("", "blumeops-argo-test-"); err != nil {
			return err
		}
		return exec.Command("git", "-C", w.dir, "init", "--quiet", "--initial-branch=main").Run()
	})
	return group.Wait()
}

func (w *world) close() error {
	var errs []error
	if w.argo != nil {
		errs = append(errs, w.argo.Close())
	}
	if w.cluster != nil {
		errs = append(errs, w.cluster.Close())
	}
	if w.forge != nil {
		errs = append(errs, w.forge.Close())
	}
	if w.dir != "" {
		errs = append(errs, os.RemoveAll(w.dir))
	}
	return errors.Join(errs...)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client has the token of a release.
func (w *world) client(t *testing.T) *Client { return w.clientWith(t, w.argo.Token()) }

func (w *world) clientWith(t *testing.T, token string) *Client {
	return &Client{
		BaseURL: w.argo.URL(), HTTP: w.argo.Proxy().Client(), Log: func(line string) { t.Log(line) },
		Token: func(context.Context) (string, error) { return token, nil },
		Poll:  50 * time.Millisecond, Retry: Retry{First: 20 * time.Millisecond, Max: 100 * time.Millisecond},
	}
}

// app makes an Application with a folder of its own, which holds a Deployment, and returns its name and the commit.
func (w *world) app(t *testing.T, change func(*lab.AppSpec)) (name, commit string) {
	t.Helper()
	w.seen++
	name = fmt.Sprintf("app%d", w.seen)
	commit = w.release(t, name, "v1")
	spec := lab.AppSpec{Name: name, RepoURL: w.url, Path: name, TargetRevision: "main"}
	if change != nil {
		change(&spec)
	}
	must(t, w.argo.App(t.Context(), spec))
	t.Cleanup(func() { must(t, w.argo.DeleteApp(context.Background(), name)) })
	return name, commit
}

// release pushes the Deployment of another version.
func (w *world) release(t *testing.T, name, version string) (commit string) {
	t.Helper()
	return w.push(t, map[string]any{name + "/deployment.yaml": manifest(name, version)})
}

type object = map[string]any

func manifest(name, version string) object {
	labels := object{"app": name}
	return object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": name},
		"spec": object{
			"replicas": 1, "selector": object{"matchLabels": labels}, "progressDeadlineSeconds": 600,
			"template": object{
				"metadata": object{"labels": labels},
				"spec":     object{"containers": []object{{"name": "main", "image": "example:" + version}}},
			},
		},
	}
}

// push writes files, or removes those that are nil, and pushes them to the forge as a commit.
func (w *world) push(t *testing.T, files map[string]any) (commit string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(w.dir, filepath.FromSlash(name))
		if content == nil {
			must(t, os.Remove(path))
			continue
		}
		text, err := json.MarshalIndent(content, "", "  ")
		must(t, err)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, text, 0o600))
	}
	_, err := w.git(t.Context(), "add", "--all")
	must(t, err)
	_, err = w.git(t.Context(), "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message=test")
	must(t, err)
	commit, err = w.forge.Push(t.Context(), w.forge.Owner, "deployed", w.dir, "HEAD")
	must(t, err)
	return commit
}

func (w *world) git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", w.dir}, args...)...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("git %v: %w: %s", args, err, out)
	}
	return strings.TrimSpace(string(out)), err
}

// want accepts a commit or a descendant of it, according to git.
func (w *world) want(t *testing.T, commit string) Want {
	return Want{
		Commit: commit, Timeout: patience,
		Contains: func(ctx context.Context, revision string) (bool, error) {
			_, err := w.git(ctx, "merge-base", "--is-ancestor", commit, revision)
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.ExitCode() == 1 {
				return false, nil
			}
			return err == nil, err
		},
		Progress: func(p Progress) { t.Log(p) },
	}
}

// deployed deploys a commit.
func (w *world) deployed(t *testing.T, app, commit string) State {
	t.Helper()
	state, err := w.client(t).Deploy(t.Context(), app, w.want(t, commit))
	must(t, err)
	if state.Deployed != commit || state.Revision != commit || state.Sync != "Synced" || state.Health != "Healthy" {
		t.Fatalf("want %s deployed: %+v", commit, state)
	}
	return state
}

// posts counts the requested syncs that passed the fault proxy.
func (w *world) posts() (n int) {
	for _, r := range w.argo.Proxy().Requests() {
		if r.Method == http.MethodPost && strings.HasSuffix(r.Path, "/sync") {
			n++
		}
	}
	return n
}

// asAdmin makes a request as the administrator, and returns the answer.
func (w *world) asAdmin(ctx context.Context, method, path, body string) (string, error) {
	token, err := w.argo.AdminToken(ctx)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, method, w.argo.URL()+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.argo.Proxy().Client().Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, answer)
	}
	return string(answer), err
}

// fails checks an error, and that no token is in it.
func (w *world) fails(t *testing.T, err error, kind error, says ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("want %v, got %v", kind, err)
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is no *Error", err)
	}
	text := e.Error() + "\nhint: " + e.Hint()
	t.Log(text)
	for _, part := range says {
		if !strings.Contains(text, part) {
			t.Errorf("want %q in: %s", part, text)
		}
	}
	if all := fmt.Sprintf("%+v %#v", err, e); strings.Contains(all, "eyJ") {
		t.Errorf("a token is in: %s", all)
	}
}
