package release

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

// moment is a kind of request at which a release is killed.
type moment struct {
	e2etest.Moment
	always bool // in the sample that each run of the tests tries
}

// moments has one of each kind: what writes is cut off on either side of its effect.
var moments = []moment{
	{e2etest.Before("forge", http.MethodGet, `info/refs$`), false},
	{e2etest.Before("forge", http.MethodPost, `git-upload-pack$`), false},
	{e2etest.Before("argocd", http.MethodGet, `applications/docs$`), false},
	{e2etest.Before("forge", http.MethodPut, `/docs/v[^/]*/docs-.*\.tar\.gz$`), false},
	{e2etest.After("forge", http.MethodPut, `/docs/v[^/]*/docs-.*\.tar\.gz$`), true},
	{e2etest.Before("forge", http.MethodGet, `/docs/v[^/]*/docs-.*\.tar\.gz$`), false},
	{e2etest.Before("forge", http.MethodPut, `/docs/v[^/]*/docs-.*\.json$`), false},
	{e2etest.After("forge", http.MethodPut, `/docs/v[^/]*/docs-.*\.json$`), false},
	{e2etest.Before("forge", http.MethodPost, `git-receive-pack$`), true},
	{e2etest.After("forge", http.MethodPost, `git-receive-pack$`), true},
	{e2etest.Before("forge", http.MethodPost, `/releases$`), false},
	{e2etest.After("forge", http.MethodPost, `/releases$`), true},
	{e2etest.Before("argocd", http.MethodPost, `/sync$`), false},
	{e2etest.After("argocd", http.MethodPost, `/sync$`), true},
	{e2etest.After("site", http.MethodGet, `release\.json$`), false},
}

// allKills is a variable that, set to "all", has a release killed at every moment, as .ci/fuzz does at night. Otherwise it is killed at a
// sample of them: once after each thing that a release writes, and before the push, which is the last moment at which nobody sees anything.
const allKills = "BLUMEOPS_KILLS"

// testKilled kills the process at moments of a release of its own, and finishes with the same command.
func (h *homelab) testKilled(t *testing.T) {
	outcomes := map[string]int{}
	for i, m := range moments {
		if !m.always && os.Getenv(allKills) != "all" {
			continue
		}
		h.WriteDocs(fmt.Sprintf("change%d", i))
		version := h.NextVersion()
		if !h.Kill(t, m.Moment, "docs:release", "patch") {
			t.Errorf("%s: that request was never made", m)
		}
		got := h.Release("patch")
		if got.Version != version {
			t.Fatalf("%s: got %+v, want %s", m, got, version)
		}
		t.Logf("killed %s: the second run: %s %s", m, got.Status, got.Version)
		outcomes[got.Status]++
		h.WantRelease(version)
	}
	t.Logf("the second runs: %v", outcomes)
	if outcomes["released"] == 0 || outcomes["completed"] == 0 {
		t.Errorf("one of the outcomes was not tried: %v", outcomes)
	}
}

// testFaults has one request of each kind fail, once, in each of the lab's ways. What is asked again goes on, and what breaks a run off is
// finished by the next.
func (h *homelab) testFaults(t *testing.T) {
	for _, fault := range []faultproxy.Fault{
		{Kind: faultproxy.Refuse}, {Kind: faultproxy.Delay, For: 200 * time.Millisecond}, {Kind: faultproxy.Status}, {Kind: faultproxy.Cut, Bytes: 20},
		{Kind: faultproxy.CutRequest, Bytes: 20}, {Kind: faultproxy.Drop}, {Kind: faultproxy.Expire},
	} {
		h.WriteDocs("fault-" + fault.Kind.String())
		version := h.NextVersion()
		var hits atomic.Int32 // by requests to several servers
		for _, m := range moments {
			if !m.After {
				fault.Method, fault.Path, fault.Times = m.Method, m.Path, 1
				fault.Hit = func(*http.Request) { hits.Add(1) }
				h.Proxies()[m.Server].Fail(fault)
			}
		}
		var broken []string
		for got := h.Run("docs:release", "patch"); got.Status != 0 && len(broken) < len(moments); got = h.Run("docs:release", "patch") {
			_, why, ok := strings.Cut(got.Stderr, "Error: ")
			if !ok {
				t.Errorf("%s: no error is shown\n%s", fault.Kind, got.Stderr)
			}
			broken = append(broken, strings.SplitN(why, "\n", 2)[0])
		}
		for _, f := range h.Proxies() {
			f.Clear()
		}
		if hits.Load() == 0 {
			t.Errorf("%s: it hit nothing", fault.Kind)
		}
		h.WantRelease(version)
		t.Logf("%s: %d hits, %d runs more\n%s", fault.Kind, hits.Load(), len(broken), strings.Join(broken, "\n"))
	}
}

// testLies has a forge that says yes to an upload, and keeps nothing.
func (h *homelab) testLies(t *testing.T) {
	h.WriteDocs("lies")
	version := h.NextVersion()
	restore := h.Lab.Forge.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Drop, Method: http.MethodPut, Path: regexp.MustCompile(`\.tar\.gz$`)})
	got := h.Run("docs:release", "patch")
	restore()
	if got.Status != 1 || !strings.Contains(got.Stderr, "the package does not have docs-"+version) || h.NextVersion() != version {
		t.Errorf("status %d, next is %s\n%s", got.Status, h.NextVersion(), got.Stderr)
	}
	h.Release("patch")
	h.WantRelease(version)
}

// testOldSite has a site that goes on serving the version before. Argo CD has to be done within the time limit: on a slow machine that takes
// another attempt, with twice the limit.
func (h *homelab) testOldSite(t *testing.T) {
	h.WriteDocs("old")
	version := h.NextVersion()
	release := h.Lab.Site.Hold()
	defer release()
	for limit := 5 * time.Second; ; limit *= 2 {
		restore := h.With(map[string]string{"BLUMEOPS_DEPLOY_TIMEOUT": limit.String()})
		got := h.Run("docs:release", "patch")
		restore()
		if got.Status == 1 && strings.Contains(got.Stderr, fmt.Sprintf("%s is deployed, but %s after the deployment %s still serves v0.1.", version, limit, h.Lab.Site.URL())) {
			break
		}
		if got.Status != 1 || limit > e2etest.Patience {
			t.Fatalf("limit %s: status %d\n%s", limit, got.Status, got.Stderr)
		}
	}
	release()
	h.Release("patch")
	h.WantRelease(version)
}

// testTwoAtOnce has two clones release at once what is new: there is one release of it.
func (h *homelab) testTwoAtOnce(t *testing.T) {
	h.WriteDocs("race")
	version := h.NextVersion()
	other := filepath.Join(h.Dir, "other")
	h.Git("clone", "--quiet", h.Lab.Forge.CloneURL(h.Lab.Forge.Owner, "blumeops"), other)
	both, arrived := make(chan struct{}), 0
	restore := h.Lab.Forge.Proxy().Fail(faultproxy.Fault{
		Kind: faultproxy.Custom, Method: http.MethodPost, Path: regexp.MustCompile(`git-receive-pack$`), Times: 2,
		Hit: func(*http.Request) { // the fault's lock is held
			if arrived++; arrived == 2 {
				close(both)
			}
		},
		Serve: func(next http.Handler, w http.ResponseWriter, q *http.Request) {
			select {
			case <-both:
			case <-time.After(e2etest.Patience):
				t.Error("only one of the two has pushed")
			}
			next.ServeHTTP(w, q)
		},
	})
	defer restore()
	var wait sync.WaitGroup
	said := make([]bytes.Buffer, 2)
	for i, dir := range []string{h.Repo, other} {
		cmd := h.Command("docs:release", "patch")
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said[i], &said[i]
		// Two releases in the same second by the same author are the same commit, and nobody loses.
		cmd.Env = append(cmd.Env, fmt.Sprintf("BLUMEOPS_RELEASE_AUTHOR=Releaser %d <ci@example.test>", i))
		wait.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Errorf("releaser %d: %v\n%s", i, err, said[i].String())
			}
		})
	}
	wait.Wait()
	lost := 0
	for i := range said {
		text := said[i].String()
		if !strings.Contains(text, version) {
			t.Errorf("releaser %d:\n%s", i, text)
		}
		lost += strings.Count(text, "another push came first")
	}
	if lost != 1 {
		t.Errorf("%d races were lost\n%s\n%s", lost, said[0].String(), said[1].String())
	}
	if _, err := os.Stat(filepath.Join(h.Repo, "docs", "changelog.d", "+race.feature.md")); err == nil {
		h.Git("pull", "--quiet", "--ff-only") // the other was the one to release
	}
	h.WantRelease(version)
}
