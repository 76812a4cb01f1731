package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changed"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// publishRequests bounds the requests of a job that publishes an image with one platform and one layer; docs/explanation/scale.md has the list.
const publishRequests = 16

// fanOut is a repository with many containers, a registry, and runners that publish from clones of their own.
type fanOut struct {
	*homelab
	*lab.Registry
	runners  []*App
	builders *imagetest.Builders
}

func newFanOut(t *testing.T, containers, runners int) *fanOut {
	t.Helper()
	f := &fanOut{homelab: newHomelab(t), builders: &imagetest.Builders{T: t}}
	server, err := lab.StartRegistry(t.Context(), lab.Home{}, lab.RegistryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	f.Registry = server
	f.Settings.Registry, f.RegistryUser = server.Addr, "none"
	for n := range containers - 2 { // newHomelab makes two
		f.write(fmt.Sprintf("containers/c%d/Dockerfile", n), "# blumeops:platforms linux/amd64\nARG CONTAINER_APP_VERSION=1.0.0\nFROM scratch\n")
	}
	f.commit("Add containers")
	f.git(f.root, "push", "--quiet", f.bare, "HEAD:main")
	for n := range runners {
		f.runners = append(f.runners, f.runner(filepath.Join(t.TempDir(), fmt.Sprint("runner", n))))
	}
	return f
}

// runner is the machine of a job: a clone, and an empty cache.
func (f *fanOut) runner(dir string) *App {
	f.t.Helper()
	a, _ := withSettings(f.Settings)
	a.root, a.cacheAt = filepath.Join(dir, "clone"), filepath.Join(dir, "cache")
	f.git("", "clone", "--quiet", f.bare, a.root)
	var err error
	if a.files, err = os.OpenRoot(a.root); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = a.files.Close() })
	a.progress = progress{console: a.console, logs: f.t.TempDir(), title: "test"}
	a.trusted = newAuthorities("", a.cacheAt, a.console.Warn)
	a.secrets = secret.NewResolver(secret.Options{Root: a.root, Env: func(string) string { return "" }, Learn: a.hide})
	return a
}

// matrix is the output of container:changed for separate jobs.
func (f *fanOut) matrix(a *App) []changed.Container {
	f.t.Helper()
	found, err := a.Changed(f.t.Context(), "", "")
	if err != nil {
		f.t.Fatal(err)
	}
	var matrix struct{ Include []changed.Container }
	if err := json.Unmarshal([]byte(found.Outputs()["matrix"]), &matrix); err != nil {
		f.t.Fatal(err)
	}
	return matrix.Include
}

// publishOn is a job of the matrix: container:publish NAME VERSION on a runner.
func (f *fanOut) publishOn(ctx context.Context, a *App, c changed.Container) error {
	one, err := a.publisher("")
	if err != nil {
		return err
	}
	one.Builder, one.TempDir = f.builders, a.progress.logs
	_, err = one.Run(ctx, tasks.PublishArgs{Name: string(c.Name), Version: c.Version})
	return err
}

// fanOut runs the matrix. Each runner has its share, and one job at a time. It returns the error of each runner.
func (f *fanOut) publish(matrix []changed.Container, contexts ...context.Context) []error {
	errs := make([]error, len(f.runners))
	var group errgroup.Group
	for n, a := range f.runners {
		ctx := f.t.Context()
		if n < len(contexts) {
			ctx = contexts[n]
		}
		group.Go(func() error {
			for i := n; i < len(matrix) && errs[n] == nil; i += len(f.runners) {
				errs[n] = f.publishOn(ctx, a, matrix[i])
			}
			return nil
		})
	}
	_ = group.Wait()
	return errs
}

// tagged counts the accepted writes of tags, by container. perContainer is the largest number of requests for a container, and perRun all others.
func (f *fanOut) tagged() (written map[string]int, perContainer, perRun int) {
	written = map[string]int{}
	requests := map[string]int{}
	for _, q := range f.Requests() {
		parts := strings.Split(strings.TrimPrefix(q.Path, "/v2/me/"), "/")
		if !strings.HasPrefix(q.Path, "/v2/me/") || len(parts) < 3 {
			perRun++
			continue
		}
		requests[parts[0]]++
		if q.Method == http.MethodPut && parts[1] == "manifests" && strings.HasPrefix(parts[2], "v") && q.Status == http.StatusCreated {
			written[parts[0]]++
		}
	}
	for _, n := range requests {
		perContainer = max(perContainer, n)
	}
	return written, perContainer, perRun
}

func names(matrix []changed.Container) (list []string) {
	for _, c := range matrix {
		list = append(list, string(c.Name))
	}
	return list
}

// 200 containers over ten runners, one of which dies while it writes a tag. The others finish, and a rerun publishes the rest.
func TestFanOut(t *testing.T) {
	testenv.Slow(t, "publishes 200 containers")
	const containers, runners, dies, after = 200, 10, 3, 4
	f := newFanOut(t, containers, runners)
	matrix := f.matrix(f.App)
	if len(matrix) != containers {
		t.Fatalf("%d containers changed, want %d", len(matrix), containers)
	}
	last := matrix[dies+after*runners]
	ctx, die := context.WithCancel(t.Context())
	defer die()
	contexts := slices.Repeat([]context.Context{t.Context()}, runners)
	contexts[dies] = ctx
	f.Proxy().Fail(faultproxy.Fault{
		Kind: faultproxy.Refuse, Method: http.MethodPut, Path: regexp.MustCompile(path.Join("/v2/me", string(last.Name), "manifests", last.Version) + "$"),
		Hit: func(*http.Request) { die() },
	})
	f.Forget()
	for n, err := range f.publish(matrix, contexts...) {
		if n == dies && err == nil || n != dies && err != nil {
			t.Errorf("runner %d: %v", n, err)
		}
	}
	f.Proxy().Clear()
	first, _, _ := f.tagged()
	if len(first) != containers-containers/runners+after {
		t.Errorf("%d containers are published", len(first))
	}
	rest := f.matrix(f.runner(filepath.Join(t.TempDir(), "rerun")))
	var want []string
	for i := dies + after*runners; i < containers; i += runners {
		want = append(want, string(matrix[i].Name))
	}
	if !slices.Equal(names(rest), want) {
		t.Errorf("the rerun has %q, want %q", names(rest), want)
	}
	for n, err := range f.publish(rest) {
		if err != nil {
			t.Errorf("rerun, runner %d: %v", n, err)
		}
	}
	written, _, _ := f.tagged()
	for _, c := range matrix {
		if written[string(c.Name)] != 1 {
			t.Errorf("the tag of %s was written %d times", c.Name, written[string(c.Name)])
		}
	}
	if left := f.matrix(f.App); len(left) > 0 {
		t.Errorf("still changed: %q", names(left))
	}
}

// The requests of a matrix: of container:changed, of each job, and of a job that another one has done.
func TestFanOutRequests(t *testing.T) {
	f := newFanOut(t, 20, 10)
	f.Forget()
	matrix := f.matrix(f.App)
	if _, perContainer, perRun := f.tagged(); perContainer != 1 || perRun > runRequests {
		t.Errorf("container:changed of new containers: %d requests for each, %d for the run; want 1, and at most %d", perContainer, perRun, runRequests)
	}
	f.Forget()
	for _, err := range f.publish(matrix) {
		if err != nil {
			t.Error(err)
		}
	}
	written, perContainer, perRun := f.tagged()
	if len(written) != len(matrix) || perContainer != publishRequests || perRun != len(matrix) {
		t.Errorf("%d published, %d requests for each, want %d; %d GET /v2/, want one for each", len(written), perContainer, publishRequests, perRun)
	}
	f.Forget()
	for _, err := range f.publish(matrix) {
		if err != nil {
			t.Error(err)
		}
	}
	if written, perContainer, perRun := f.tagged(); len(written) > 0 || perContainer != 2 || perRun != len(matrix) {
		t.Errorf("again: %d published, %d requests for each, %d GET /v2/; want 0, 2, one for each", len(written), perContainer, perRun)
	}
}

// Two runners get the same container, and neither sees the other's image before it writes the tag. Their builds do not repeat. Both succeed, with the
// image that the tag names.
func TestTwoRunnersWithOneContainer(t *testing.T) {
	f := newFanOut(t, 3, 2)
	job := f.matrix(f.App)[0]
	var both, wrote sync.WaitGroup
	both.Add(2)
	wrote.Add(2)
	f.Proxy().Fail(faultproxy.Fault{
		Kind: faultproxy.Custom, Method: http.MethodPut, Path: regexp.MustCompile("/manifests/v"), Times: 2,
		Serve: func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			both.Done()
			both.Wait()
			next.ServeHTTP(w, r)
			wrote.Done()
			wrote.Wait()
		},
	})
	results := make([]publish.Result, 2)
	var group errgroup.Group
	for n, a := range f.runners {
		group.Go(func() (err error) {
			one, err := a.publisher("")
			if err != nil {
				return err
			}
			one.Builder, one.TempDir = &imagetest.Builder{T: t, Content: fmt.Sprint("build ", n)}, a.progress.logs
			results[n], err = one.Run(t.Context(), tasks.PublishArgs{Name: string(job.Name), Version: job.Version})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	ref, err := image.ParseReference(f.Addr + "/me/" + string(job.Name) + ":" + job.Version)
	if err != nil {
		t.Fatal(err)
	}
	found, ok, err := f.readingClient().Look(t.Context(), ref)
	if err != nil || !ok {
		t.Fatalf("%v, %v", ok, err)
	}
	for n, r := range results {
		if r.Digest != found.Digest {
			t.Errorf("runner %d prints %s, the tag names %s", n, r, found.Digest)
		}
	}
	if left := f.matrix(f.App); len(left) != 2 {
		t.Errorf("still changed: %q", names(left))
	}
}
