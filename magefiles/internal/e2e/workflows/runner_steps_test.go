package workflows

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"go.yaml.in/yaml/v3"
)

// workflowFile is what of a workflow its steps are.
type workflowFile struct {
	Jobs map[string]struct {
		Steps []struct {
			Name, Uses, Run string
			Env             map[string]string
		}
	}
}

func readWorkflows(t testing.TB) map[string]workflowFile {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(e2etest.Root(), ".forgejo", "workflows", "*"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	all := map[string]workflowFile{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var w workflowFile
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[filepath.Base(name)] = w
	}
	return all
}

// jobs are what each job is to end in.
var jobs = map[string]string{
	"build-container.yaml tag":     "job: ci:tag refs/tags/a-v1.0.0",
	"build-container.yaml changed": "job: container:publish changed auto",
	"release-docs.yaml release":    "job: docs:release BUMP_PATCH",
	"validate.yaml validate":       "job: validate",
	"ci.yaml ci":                   "job: .ci/run",
	"fuzz.yaml fuzz":               "job: .ci/fuzz 60s",
}

const jobToken = "canary-job-6b1d"

// given is what expressions of the workflows become.
var given = map[string]string{"${{ github.token }}": jobToken, "${{ inputs.version_type }}": "BUMP_PATCH"}

// testSteps runs every step of every workflow, one after the other as a job does, against a forge that shows the repository to the job's
// token alone. All modules are in the image.
func (j *jobImage) testSteps(t *testing.T, r *jobRepo) {
	ran := 0
	for name, workflow := range readWorkflows(t) {
		for job := range workflow.Jobs {
			ran++
			dir := "/home/runner/" + strings.TrimSuffix(name, ".yaml") + "-" + job
			said, err := j.runJob(t, dir, name, job, r, "off")
			if err != nil {
				t.Fatalf("%s: job %s: %v\n%s", name, job, err, said)
			}
			if want, ok := jobs[name+" "+job]; !ok || !strings.HasSuffix(strings.TrimSpace(said), want) {
				t.Errorf("%s: job %s ends in %q, want %q", name, job, said, want)
			}
			if head, err := os.ReadFile(filepath.Join(j.root, dir, ".git", "HEAD")); err != nil || strings.TrimSpace(string(head)) != r.commit {
				t.Errorf("%s: job %s is at %q, %v", name, job, head, err)
			}
		}
	}
	if ran != len(jobs) {
		t.Errorf("%d jobs were run, want %d", ran, len(jobs))
	}
}

// runJob runs the steps of a job in a new folder, until one fails. Before each step it calls all of each.
func (c container) runJob(t testing.TB, dir, file, job string, r *jobRepo, modules string, each ...func()) (said string, err error) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(c.root, dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(c.root, dir), 1000, 1000); err != nil {
		t.Fatal(err)
	}
	for _, step := range readWorkflows(t)[file].Jobs[job].Steps {
		env := c.env()
		env["GITHUB_SERVER_URL"], env["GITHUB_REPOSITORY"], env["GITHUB_SHA"], env["GITHUB_REF"] = r.url, "owner/repo", r.commit, "refs/tags/a-v1.0.0"
		env["GOPROXY"] = modules
		for key, value := range step.Env {
			env[key] = value
			if known, ok := given[value]; ok {
				env[key] = known
			}
		}
		if step.Uses != "" || step.Run == "" {
			t.Errorf("%s: step %q is no script", file, step.Name)
		}
		for _, call := range each {
			call()
		}
		out, err := c.run(t, dir, step.Run, env)
		said += out
		if err != nil {
			return said, fmt.Errorf("step %q: %w", step.Name, err)
		}
	}
	return said, nil
}
