package workflows

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
)

// followed is a repository at a forge that runs our workflow for tags of containers, with a registry.
type followed struct {
	*e2etest.Workspace
	forge    *lab.Forge
	registry *e2etest.Registry
	token    string
}

// limit is of a run that nobody will finish: the test fails then.
const limit = "-timeout=3m"

// TestFollow has container:release wait for what a runner makes of its tag.
func TestFollow(t *testing.T) {
	s := newFollowedShop(t)
	s.testNoRunner(t)
	job := e2etest.Environ{}
	for name, value := range s.Env {
		if name != "BLUMEOPS_FORGE_TOKEN" {
			job[name] = value
		}
	}
	runner, err := lab.StartRunner(t.Context(), lab.Home{}, lab.RunnerOptions{Forge: s.forge, Env: job})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = runner.Close() }) // it has run
	for _, part := range []struct {
		name string
		test func(*testing.T)
	}{
		{"go on waiting", s.testWaitsOn}, {"failure", s.testFailure}, {"success", s.testSuccess}, {"no API", s.testNoAPI}, {"refusals", s.testRefusals},
	} {
		t.Run(part.name, func(t *testing.T) {
			s.T = t
			part.test(t)
		})
	}
}

func newFollowedShop(t *testing.T) *followed {
	t.Helper()
	labtest.Need(t, lab.PartForge, lab.PartRunner)
	s := &followed{Workspace: e2etest.NewWorkspace(t)}
	s.Repo = filepath.Join(s.Dir, "followed")
	workflow, err := os.ReadFile(filepath.Join(e2etest.Root(), ".forgejo/workflows/build-container.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	// With the mage that is compiled already. It says -promote and -sync, here too where no manifest names an image and there is no Argo CD.
	s.Write(".forgejo/workflows/build-container.yaml", strings.ReplaceAll(string(workflow), "go tool mage", "mage"))
	s.Write("go.mod", "module forge.example/followed\n\ngo 1.26\n")
	s.Write("containers/greeter/main.go", "// Command greeter greets.\npackage main\n\nfunc main() { println(\"hello\") }\n")
	s.Git("init", "--quiet", "--initial-branch=main", ".")
	s.registry = s.NewRegistry(lab.RegistryOptions{})
	if s.forge, err = lab.StartForge(t.Context(), lab.Home{}, lab.ForgeOptions{Actions: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.forge.Close() }) // it has served
	s.Git("add", "--all")
	s.Git("commit", "--quiet", "--message=Begin")
	const name = "followed"
	if _, err := s.forge.Push(t.Context(), s.forge.Owner, name, s.Repo, "HEAD"); err != nil {
		t.Fatal(err)
	}
	if s.token, err = s.forge.Token(t.Context(), "mage", "write:repository"); err != nil {
		t.Fatal(err)
	}
	if err := s.forge.EnableActions(t.Context(), s.forge.Owner, name); err != nil {
		t.Fatal(err)
	}
	if err := s.forge.SetSecret(t.Context(), s.forge.Owner, name, "FORGE_TOKEN", s.token); err != nil {
		t.Fatal(err)
	}
	s.Env["BLUMEOPS_FORGE_URL"], s.Env["BLUMEOPS_OWNER"], s.Env["BLUMEOPS_REPOSITORY"] = s.forge.URL(), s.forge.Owner, name
	s.Env["BLUMEOPS_FORGE_TOKEN"], s.Env["ARGOCD_SERVER"] = s.token, "none"
	s.Git("remote", "add", "origin", s.forge.CloneURL(s.forge.Owner, name))
	s.Git("fetch", "--quiet", "origin")
	s.Git("branch", "--quiet", "--set-upstream-to=origin/main", "main")
	return s
}

// commit commits all that lies there, and pushes it.
func (s *followed) commit(message string) {
	s.T.Helper()
	s.Git("add", "--all")
	s.Git("commit", "--quiet", "--allow-empty", "--message="+message)
	if _, err := s.forge.Push(s.T.Context(), s.forge.Owner, s.Env["BLUMEOPS_REPOSITORY"], s.Repo, "HEAD"); err != nil {
		s.T.Fatal(err)
	}
	s.Git("fetch", "--quiet", "origin")
}

// page is where people see a run.
func (s *followed) page(run string) string {
	return fmt.Sprintf("%s/%s/%s/actions/runs/%s", s.forge.URL(), s.forge.Owner, s.Env["BLUMEOPS_REPOSITORY"], run)
}

// holds wants the registry to hold what a line names.
func (s *followed) holds(tag, reference string) {
	s.T.Helper()
	p := s.registry.MustImage(s.T, "blumeops/greeter:"+tag)
	if want := s.registry.Addr + "/blumeops/greeter:" + tag + "@" + p.Digest.String(); reference != want {
		s.T.Errorf("got %q, want %s", reference, want)
	}
}

// testNoRunner is Ctrl-C too: the tag stays.
func (s *followed) testNoRunner(t *testing.T) {
	r := s.Start("container:release", "greeter", "v0.1.0", "-wait")
	r.Says("no runner has taken it yet (labels docker): " + s.page(""))
	r.Signal(syscall.SIGINT)
	got := r.Wait()
	if got.Status != 130 || got.Stdout != "greeter-v0.1.0\n" || !strings.Contains(got.Stderr, "tag greeter-v0.1.0 stays at the forge, and its run continues: "+s.page("")) {
		t.Fatalf("%+v", got)
	}
	if tags := s.Git("ls-remote", "--tags", "origin"); !strings.Contains(tags, "refs/tags/greeter-v0.1.0") {
		t.Errorf("the forge has %q", tags)
	}
}

// testWaitsOn takes up the waiting for the same tag.
func (s *followed) testWaitsOn(t *testing.T) {
	output := filepath.Join(s.Dir, "output")
	s.Env["GITHUB_OUTPUT"] = output
	defer delete(s.Env, "GITHUB_OUTPUT")
	for range 2 { // again is a success
		var got struct{ Tag, Version, Status, Run, Reference string }
		said := s.Mage("container:release", "greeter", "v0.1.0", "-wait", limit, "-format=json")
		if err := json.Unmarshal([]byte(said), &got); err != nil || got.Tag != "greeter-v0.1.0" || got.Version != "v0.1.0" || got.Status != "unchanged" {
			t.Fatalf("%+v, %v\n%s", got, err, said)
		}
		s.holds("v0.1.0", got.Reference)
		if text, err := os.ReadFile(output); err != nil || !strings.Contains(string(text), got.Reference) {
			t.Errorf("the job hands on %s, %v", text, err)
		}
	}
}

func (s *followed) testFailure(t *testing.T) {
	s.Write("containers/greeter/main.go", "package main\n\nfunc main() { canary_of_the_compiler() }\n")
	s.commit("Break it")
	got := s.Run("container:release", "greeter", "patch", "-wait", limit)
	t.Log(got.Stderr)
	if got.Status != 1 || got.Stdout != "greeter-v0.1.1\n" {
		t.Errorf("%+v", got)
	}
	for _, text := range []string{
		"of build-container.yaml for greeter-v0.1.1 failed in job tag at Publish ", s.page(""), "canary_of_the_compiler", "hint: the tag stays",
	} {
		if !strings.Contains(got.Stderr, text) {
			t.Errorf("%q is not in\n%s", text, got.Stderr)
		}
	}
	if strings.Contains(got.Stderr, s.token) {
		t.Error("the token is shown")
	}
}

func (s *followed) testSuccess(t *testing.T) {
	s.Write("containers/greeter/main.go", "package main\n\nfunc main() { println(\"hello again\") }\n")
	s.commit("Correct it")
	got := s.Run("container:release", "greeter", "patch", "-wait", limit)
	tag, reference, _ := strings.Cut(strings.TrimSuffix(got.Stdout, "\n"), " ")
	t.Log(got.Stderr)
	if got.Status != 0 || tag != "greeter-v0.1.2" {
		t.Fatalf("%+v", got)
	}
	s.holds("v0.1.2", reference)
	// The job is only shown if it runs while the target looks.
	for _, text := range []string{" of build-container.yaml: " + s.page(""), "done    wait for the run of greeter-v0.1.2"} {
		if !strings.Contains(got.Stderr, text) {
			t.Errorf("%q is not in\n%s", text, got.Stderr)
		}
	}
}

// testNoAPI has a forge that is too old to tell of runs. The runner asks past the front.
func (s *followed) testNoAPI(t *testing.T) {
	defer s.forge.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Status, Status: http.StatusNotFound, Path: regexp.MustCompile(`/actions/`)})()
	s.commit("Go on")
	got := s.Run("container:release", "greeter", "minor", "-wait", limit)
	tag, reference, _ := strings.Cut(strings.TrimSuffix(got.Stdout, "\n"), " ")
	if got.Status != 0 || tag != "greeter-v0.2.0" || !strings.Contains(got.Stderr, "this forge does not report runs: the registry is watched instead") {
		t.Fatalf("%+v", got)
	}
	s.holds("v0.2.0", reference)
}

// testRefusals makes no tag.
func (s *followed) testRefusals(t *testing.T) {
	tags := s.Git("ls-remote", "--tags", "origin")
	release := func(status int, want string, args ...string) {
		t.Helper()
		got := s.Run(append([]string{"container:release", "greeter", "major"}, args...)...)
		if got.Status != status || !strings.Contains(got.Stderr, want) || got.Stdout != "" {
			t.Errorf("%v: %+v, want status %d and %q", args, got, status, want)
		}
	}
	release(2, "-timeout requires -wait", "-timeout=1m")
	release(2, "is not a positive duration", "-wait", "-timeout=-1m")
	s.commit("Promote greeter [skip ci]")
	release(1, "contains [skip ci]: the forge runs no workflow", "-wait")
	s.commit("Go on")
	api := "/api/v1/repos/" + s.forge.Owner + "/" + s.Env["BLUMEOPS_REPOSITORY"]
	if err := s.forge.API(t.Context(), http.MethodPatch, api, s.token, map[string]bool{"has_actions": false}, nil); err != nil {
		t.Fatal(err)
	}
	release(1, "has Actions disabled for the repository", "-wait")
	if now := s.Git("ls-remote", "--tags", "origin"); now != tags {
		t.Errorf("the forge has %q, had %q", now, tags)
	}
}
