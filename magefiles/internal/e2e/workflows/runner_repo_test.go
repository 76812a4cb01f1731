package workflows

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

// jobRepository is what the jobs check out: its targets say that they were called. Those of this repository would want all of its modules.
var jobRepository = map[string]string{
	"own/own.go":         "package own\n\nconst Says = \"job: \"\n",
	".ci/run":            "echo job: .ci/run\n",
	".ci/fuzz":           "#!/usr/bin/env bash\necho job: .ci/fuzz $1\n",
	"containers/a/hello": "hello\n",
	"magefiles/mage.go": `//go:build mage

package main

import (
	"fmt"

	"github.com/magefile/mage/mg"

	"job.test/repo/own"
)

type (
	CI        mg.Namespace
	Container mg.Namespace
	Docs      mg.Namespace
)

func Validate()                                               { fmt.Println(own.Says + "validate") }
func (Container) List()                                       {}
func (CI) Tag(ref string, promote, sync *bool)                { fmt.Println("job: ci:tag", ref) }
func (Container) Publish(a, version string, promote, sync *bool) { fmt.Println("job: container:publish", a, version) }
func (Docs) Release(version string)                           { fmt.Println("job: docs:release", version) }
`,
}

// jobRepo is the jobs' repository on two servers: one requires the job's token, the other is open, as for the build of the image.
type jobRepo struct {
	w                 *e2etest.Workspace
	url, open, commit string
}

// args are the arguments of the image with this repository's caches.
func (r *jobRepo) args(modules string) string {
	return "-args=SOURCE=" + r.open + "/owner/repo.git,CHECKOUT=" + checkout + ",GOPROXY=" + modules
}

// checkout is the folder in which Forgejo's jobs check out owner/repo.
const checkout = "/workspace/owner/repo"

// commitAll commits the changes for the next jobs.
func (r *jobRepo) commitAll() {
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "--message=Change"}} {
		r.w.Git(args...)
	}
	r.commit = r.w.Git("rev-parse", "HEAD")
}

// serveJobs commits the jobs' repository and serves it.
func serveJobs(t testing.TB) *jobRepo {
	t.Helper()
	w := &e2etest.Workspace{T: t, Dir: t.TempDir(), Env: e2etest.Environment(t.TempDir(), "")}
	w.Repo = filepath.Join(w.Dir, "owner", "repo.git")
	mod, sum := moduleFiles(t, mageModule)
	for name, text := range jobRepository {
		w.Write(name, text)
	}
	if err := os.Chmod(filepath.Join(w.Repo, ".ci", "fuzz"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.Write("go.mod", mod+"\ntool "+mageModule+"\n")
	w.Write("go.sum", sum)
	w.Git("init", "--quiet", "--initial-branch=main")
	r := &jobRepo{w: w}
	r.commitAll()
	w.Git("tag", "a-v1.0.0")
	r.serve(t)
	return r
}

// serve serves the repository at owner/repo.
func (r *jobRepo) serve(t testing.TB) {
	t.Helper()
	core, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(core)), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + r.w.Dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=uploadpack.allowAnySHA1InWant",
			"GIT_CONFIG_VALUE_0=true", "GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*"},
	}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if user, password, _ := req.BasicAuth(); user != "token" || password != jobToken {
			rw.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			http.Error(rw, "who are you?", http.StatusUnauthorized)
			return
		}
		req.URL.Path = strings.Replace(req.URL.Path, "/owner/repo/", "/owner/repo.git/", 1)
		backend.ServeHTTP(rw, req)
	}))
	t.Cleanup(s.Close)
	open := httptest.NewServer(backend)
	t.Cleanup(open.Close)
	r.url, r.open = s.URL, open.URL
}

const mageModule = "github.com/magefile/mage"

// moduleFiles are a go.mod that requires modules in the versions that we use, and its go.sum.
func moduleFiles(t testing.TB, modules ...string) (mod, sum string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(e2etest.Root(), "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	mod = "module job.test/repo\n\ngo 1.26\n"
	for _, name := range modules {
		cmd := exec.Command("go", "list", "-m", "-f", "{{.Version}}", name)
		cmd.Dir = e2etest.Root()
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		version := strings.TrimSpace(string(out))
		mod += "\nrequire " + name + " " + version + "\n"
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, name+" "+version) {
				sum += line
			}
		}
	}
	return mod, sum
}
