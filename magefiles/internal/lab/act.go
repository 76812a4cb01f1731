package lab

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

// Act is in its own module, because Gitea's module replaces it with a fork. The lab's runner runs it for each job.
var actProgram = toolbuild.Program{
	Name: "act", Title: "act", Dir: "act", Package: "github.com/nektos/act", Module: "github.com/nektos/act", Seconds: 45,
	Stamp: map[string]string{"main.version": "{number}"},
	// If a step fails, act does not wait for the rest of its terminal output: the last lines, which have the reason, would be missing at times.
	Patch: []toolbuild.Patch{{
		Module: "github.com/nektos/act", File: "pkg/container/host_environment.go",
		Old: "\terr = cmd.Run()\n\tif err != nil {\n\t\treturn err\n\t}\n", New: "\terr = cmd.Run()\n",
	}},
}

// WorkflowRun is a workflow with the event that starts it, as a forge gives both to a runner. act ignores filters of branches, tags and paths,
// and concurrency groups: the forge applies them.
type WorkflowRun struct {
	Checkout string // folder of a git repository at the commit of the event, whose .forgejo/workflows has the workflow
	Workflow string // its file there, such as "build-container.yaml"
	Event    string // "push", "pull_request", "workflow_dispatch"
	Payload  any    // of the event, for JSON; with its ref, after and deleted for a push
	Server   string // address of the forge, without a slash at its end
	Name     string // of the repository, OWNER/NAME
	Actor    string // user that caused the event; "" is "lab"

	// Ref and Commit are the forge's values for the event; if "", act reads them from the payload, or from the checkout.
	Ref, Commit string

	Label     string            // of the runner for the jobs; "" is "docker"
	Env       map[string]string // of the jobs, complete: nothing is inherited
	Secrets   map[string]string // of the repository; act replaces them with ***, except values of several lines
	Variables map[string]string // of the repository
}

// Act runs a workflow on this machine as act does without containers, and returns its output. It fails if a job fails, or if the workflow names
// an action or an image, which require Docker. When ctx ends, all processes that it started end.
func (h Home) Act(ctx context.Context, r WorkflowRun) (string, error) {
	var output bytes.Buffer
	file := filepath.Join(r.Checkout, ".forgejo", "workflows", r.Workflow)
	err := h.act(ctx, r, file, &output)
	return output.String(), err
}

// act is Act with any workflow file, and with more arguments for act.
func (h Home) act(ctx context.Context, r WorkflowRun, file string, output io.Writer, more ...string) (err error) {
	path, err := h.build(ctx, actProgram)
	if err != nil {
		return err
	}
	folder, err := scratch.Make("", "blumeops-act-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Remove()) }()
	dir := folder.Path
	args, err := r.files(dir, file)
	if err != nil {
		return fmt.Errorf("run %s: %w", r.Workflow, err)
	}
	taken, err := r.serveSecrets(filepath.Join(dir, "secrets.yaml"))
	if err == nil {
		defer taken()
		err = runTree(ctx, program{
			Name: "act", Path: path, Args: append(args, more...), Dir: dir,
			// An empty folder for act's own options of its user. The jobs have their own HOME, from the file.
			Env: []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_CACHE_HOME=" + dir, "PATH=" + r.Env["PATH"], "DOCKER_HOST=unix://" + filepath.Join(dir, "none.sock")},
		}, output)
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", r.Workflow, err)
	}
	return nil
}

// serveSecrets gives the secrets once to the first reader of the file. They are never on the disk, where a process that is killed would leave them. taken
// ends the wait, also without a reader.
func (r WorkflowRun) serveSecrets(file string) (taken func(), err error) {
	text, err := yaml.Marshal(r.Secrets)
	if err != nil {
		return nil, err
	}
	return writeOnce(file, text)
}

// files writes act's input, except the secrets, into a folder, and returns act's arguments.
func (r WorkflowRun) files(dir, workflow string) ([]string, error) {
	event, err := json.Marshal(r.Payload)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "event.json"), event, 0o600)
	}
	if err != nil {
		return nil, err
	}
	// YAML, because the format of .env files does not define values of two lines.
	for name, values := range map[string]map[string]string{"env.yaml": r.environment(), "vars.yaml": r.Variables} {
		text, err := yaml.Marshal(values)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	checkout, err := filepath.Abs(r.Checkout)
	if err == nil {
		workflow, err = filepath.Abs(workflow)
	}
	return []string{
		r.Event, "--directory=" + checkout, "--workflows=" + workflow,
		"--platform=" + cmp.Or(r.Label, "docker") + "=-self-hosted", "--no-cache-server", "--action-offline-mode", "--pull=false",
		"--eventpath=" + filepath.Join(dir, "event.json"), "--env-file=" + filepath.Join(dir, "env.yaml"),
		"--secret-file=" + filepath.Join(dir, "secrets.yaml"), "--var-file=" + filepath.Join(dir, "vars.yaml"), "--input-file=" + filepath.Join(dir, "none"),
		"--action-cache-path=" + filepath.Join(dir, "jobs"), "--defaultbranch=main", "--actor=" + cmp.Or(r.Actor, "lab"),
	}, err
}

// environment is the environment of the jobs, with the variables that act reads for the event. act calls the commit SHA_REF there.
func (r WorkflowRun) environment() map[string]string {
	env := map[string]string{"GITHUB_SERVER_URL": r.Server, "GITHUB_REPOSITORY": r.Name, "GITHUB_REF": r.Ref, "SHA_REF": r.Commit}
	for name, value := range env {
		if value == "" {
			delete(env, name)
		}
	}
	for name, value := range r.Env {
		env[name] = value
	}
	return env
}

// runTree runs a program to its end, with its output to a writer. When ctx ends, the program and all its descendants are killed: it may have
// started processes in their own groups and sessions, as act does with each step.
func runTree(ctx context.Context, p program, output io.Writer) error {
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = p.Env, p.Dir, output, output
	cmd.WaitDelay = stopTime // a daemon that a step left behind may hold the output
	if err := start(cmd); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		killTree(cmd.Process.Pid)
		<-ended
		err = context.Cause(ctx)
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", p.Name, err)
	}
	return err
}
