package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/front"
)

// moment is a kind of request at which mage is killed.
type moment struct {
	front, method string
	path          *regexp.Regexp
	after         bool // the server has answered
}

func (m moment) String() string {
	when := "before"
	if m.after {
		when = "after"
	}
	return fmt.Sprintf("%s %s %s %s", when, m.front, m.method, m.path)
}

// moments has one of each kind: what writes is cut off on either side of its effect.
var moments = []moment{
	{"forge", http.MethodGet, regexp.MustCompile(`info/refs$`), false},
	{"forge", http.MethodPost, regexp.MustCompile(`git-upload-pack$`), false},
	{"argocd", http.MethodGet, regexp.MustCompile(`applications/docs$`), false},
	{"forge", http.MethodPut, regexp.MustCompile(`/docs/v[^/]*/docs-.*\.tar\.gz$`), false},
	{"forge", http.MethodPut, regexp.MustCompile(`/docs/v[^/]*/docs-.*\.tar\.gz$`), true},
	{"forge", http.MethodGet, regexp.MustCompile(`/docs/v[^/]*/docs-.*\.tar\.gz$`), false},
	{"forge", http.MethodPut, regexp.MustCompile(`/docs/v[^/]*/docs-.*\.json$`), false},
	{"forge", http.MethodPut, regexp.MustCompile(`/docs/v[^/]*/docs-.*\.json$`), true},
	{"forge", http.MethodPost, regexp.MustCompile(`git-receive-pack$`), false},
	{"forge", http.MethodPost, regexp.MustCompile(`git-receive-pack$`), true},
	{"forge", http.MethodPost, regexp.MustCompile(`/releases$`), false},
	{"forge", http.MethodPost, regexp.MustCompile(`/releases$`), true},
	{"argocd", http.MethodPost, regexp.MustCompile(`/sync$`), false},
	{"argocd", http.MethodPost, regexp.MustCompile(`/sync$`), true},
	{"site", http.MethodGet, regexp.MustCompile(`release\.json$`), true},
}

// testKilled kills the process at each moment of a release of its own, and finishes with the same command.
func (h *homelab) testKilled(t *testing.T) {
	outcomes := map[string]int{}
	for i, m := range moments {
		h.push(fmt.Sprintf("change%d", i))
		version := fmt.Sprintf("v0.1.%d", i+2)
		if !h.kill(t, m, "docs:release", "patch") {
			t.Errorf("%s: that request was never made", m)
		}
		got := h.release("patch")
		if got.Version != version {
			t.Fatalf("%s: got %+v, want %s", m, got, version)
		}
		t.Logf("killed %s: the second run: %s %s", m, got.Status, got.Version)
		outcomes[got.Status]++
		h.whole(version)
	}
	t.Logf("%d kills; the second runs: %v", len(moments), outcomes)
}

// kill runs a target that is killed at a moment; it reports whether the moment came.
func (h *homelab) kill(t testing.TB, m moment, args ...string) bool {
	t.Helper()
	cmd := h.command(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var killed atomic.Bool
	mend := h.fronts()[m.front].Fail(front.Fault{
		Kind: front.Custom, Method: m.method, Path: m.path, Times: 1,
		Match: func(q *http.Request) bool { // not the questions of the preflight, which have to be refused
			return m.front != "forge" || m.method != http.MethodPost || !strings.HasSuffix(q.URL.Path, "/releases") || q.ContentLength > 2
		},
		Serve: func(next http.Handler, w http.ResponseWriter, q *http.Request) {
			if m.after {
				body, err := io.ReadAll(q.Body) // nothing of it is lost with the process
				if err != nil {
					t.Error(err)
				}
				q.Body = io.NopCloser(bytes.NewReader(body))
				next.ServeHTTP(httptest.NewRecorder(), q.WithContext(context.WithoutCancel(q.Context())))
			}
			killed.Store(true) // before its end, which is when this is read
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		},
	})
	defer mend()
	begun := time.Now()
	err := cmd.Run()
	if err == nil || time.Since(begun) > patience {
		t.Logf("%s: %v\n%s", m, err, out.String())
	}
	return killed.Load()
}

// testFaults has one request of each kind fail, once, in each of the lab's ways. What is asked again goes on, and what breaks a run off is
// finished by the next.
func (h *homelab) testFaults(t *testing.T) {
	for _, fault := range []front.Fault{
		{Kind: front.Refuse}, {Kind: front.Delay, For: 200 * time.Millisecond}, {Kind: front.Status}, {Kind: front.Cut, Bytes: 20},
		{Kind: front.CutRequest, Bytes: 20}, {Kind: front.Drop}, {Kind: front.Expire},
	} {
		h.push("fault-" + fault.Kind.String())
		version, hits := h.next(), 0
		for _, m := range moments {
			if !m.after {
				fault.Method, fault.Path, fault.Times = m.method, m.path, 1
				fault.Hit = func(*http.Request) { hits++ }
				h.fronts()[m.front].Fail(fault)
			}
		}
		var broken []string
		for got := h.run("docs:release", "patch"); got.status != 0 && len(broken) < len(moments); got = h.run("docs:release", "patch") {
			_, why, ok := strings.Cut(got.stderr, "Error: ")
			if !ok {
				t.Errorf("%s: no error is shown\n%s", fault.Kind, got.stderr)
			}
			broken = append(broken, strings.SplitN(why, "\n", 2)[0])
		}
		for _, f := range h.fronts() {
			f.Mend()
		}
		if hits == 0 {
			t.Errorf("%s: it hit nothing", fault.Kind)
		}
		h.whole(version)
		t.Logf("%s: %d hits, %d runs more\n%s", fault.Kind, hits, len(broken), strings.Join(broken, "\n"))
	}
}

// testLies has a forge that says yes to an upload, and keeps nothing.
func (h *homelab) testLies(t *testing.T) {
	h.push("lies")
	version := h.next()
	mend := h.lab.Forge.Front().Fail(front.Fault{Kind: front.Drop, Method: http.MethodPut, Path: regexp.MustCompile(`\.tar\.gz$`)})
	got := h.run("docs:release", "patch")
	mend()
	if got.status != 1 || !strings.Contains(got.stderr, "the package does not hold docs-"+version) || h.next() != version {
		t.Errorf("status %d, next is %s\n%s", got.status, h.next(), got.stderr)
	}
	h.release("patch")
	h.whole(version)
}

// testOldSite has a site that goes on serving the version before.
func (h *homelab) testOldSite(t *testing.T) {
	h.push("old")
	version := h.next()
	release := h.lab.Site.Hold()
	restore := h.with(map[string]string{"BLUMEOPS_DEPLOY_TIMEOUT": "20s"})
	got := h.run("docs:release", "patch")
	release()
	restore()
	if got.status != 1 || !strings.Contains(got.stderr, version+" is deployed, and 20s after the deployment "+h.lab.Site.URL()+" still serves v0.1.") {
		t.Errorf("status %d\n%s", got.status, got.stderr)
	}
	h.release("patch")
	h.whole(version)
}

// testTwoAtOnce has two clones release at once what is new: there is one release of it.
func (h *homelab) testTwoAtOnce(t *testing.T) {
	h.push("race")
	version := h.next()
	other := filepath.Join(h.work, "other")
	h.git("clone", "--quiet", h.lab.Forge.CloneURL(h.lab.Forge.Owner, "blumeops"), other)
	both, arrived := make(chan struct{}), 0
	mend := h.lab.Forge.Front().Fail(front.Fault{
		Kind: front.Custom, Method: http.MethodPost, Path: regexp.MustCompile(`git-receive-pack$`), Times: 2,
		Hit: func(*http.Request) { // the fault's lock is held
			if arrived++; arrived == 2 {
				close(both)
			}
		},
		Serve: func(next http.Handler, w http.ResponseWriter, q *http.Request) {
			select {
			case <-both:
			case <-time.After(patience):
				t.Error("only one of the two has pushed")
			}
			next.ServeHTTP(w, q)
		},
	})
	defer mend()
	var wait sync.WaitGroup
	said := make([]bytes.Buffer, 2)
	for i, dir := range []string{h.repo, other} {
		cmd := h.command("docs:release", "patch")
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
		lost += strings.Count(text, "lost a race")
	}
	if lost != 1 {
		t.Errorf("%d races were lost\n%s\n%s", lost, said[0].String(), said[1].String())
	}
	if _, err := os.Stat(filepath.Join(h.repo, "docs", "changelog.d", "+race.feature.md")); err == nil {
		h.git("pull", "--quiet", "--ff-only") // the other was the one to release
	}
	h.whole(version)
}
