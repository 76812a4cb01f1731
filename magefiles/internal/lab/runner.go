package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/runner"
)

// RunnerOptions are the forge and the environment of a runner.
type RunnerOptions struct {
	Forge *Forge            // started with Actions
	Name  string            // among its runners; "" is lab
	Label string            // for its jobs; "" is docker
	Env   map[string]string // of the jobs, complete: PATH and the variables that workflows expect; HOME, if not set, is a folder that they share
	Every time.Duration     // interval of the requests for a job; 0 is half a second
}

// Runner runs the jobs of a forge's workflows, one at a time, with act on this machine. It is our own program, because no forge's runner is
// available as a module. It speaks the forge's protocol.
//
// It is not a sandbox: a job has all rights of this user. There are no containers either, so a job with a container is skipped, and a named
// action fails. A job's outputs reach no other job.
type Runner struct {
	options   RunnerOptions
	home      Home
	dir       string
	temporary bool
	logFile   *os.File
	log       *log.Logger
	stop      context.CancelFunc
	stopped   chan struct{}
}

// StartRunner returns when the forge knows the runner. The caller closes it, before the forge.
func StartRunner(ctx context.Context, h Home, o RunnerOptions) (_ *Runner, err error) {
	o.Name, o.Label, o.Every = cmp.Or(o.Name, "lab"), cmp.Or(o.Label, "docker"), cmp.Or(o.Every, time.Second/2)
	r := &Runner{options: o, home: h}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start runner: %w", err), r.Close())
		}
	}()
	if _, err := h.build(ctx, actProgram); err != nil {
		return nil, err
	}
	if r.dir, r.temporary, err = h.folder("runner"); err != nil {
		return nil, err
	}
	if r.logFile, err = os.OpenFile(r.Log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	r.log = log.New(r.logFile, "", log.LstdFlags)
	if r.options.Env, err = r.jobsEnv(); err != nil {
		return nil, err
	}
	known, err := r.loadState()
	if err != nil {
		return nil, err
	}
	connected, err := runner.Connect(ctx, runner.Options{
		// Not through the fault proxy: faults for clients must not affect the lab's own parts.
		URL: o.Forge.behind.String(), HTTP: &http.Client{Transport: o.Forge.client.Transport}, Name: o.Name, Labels: []string{o.Label},
		Identity: known, Save: r.saveState, Admit: o.Forge.runnerToken,
		Job: r.job, Log: func(line string) { r.log.Print(line) }, Every: o.Every,
	})
	if err != nil {
		return nil, err
	}
	serving, stop := context.WithCancel(context.Background())
	r.stop, r.stopped = stop, make(chan struct{})
	go func() {
		defer close(r.stopped)
		connected.Serve(serving)
	}()
	return r, nil
}

// jobsEnv is the environment of the jobs, with a home.
func (r *Runner) jobsEnv() (map[string]string, error) {
	env := maps.Clone(r.options.Env)
	if env == nil {
		env = map[string]string{}
	}
	if env["HOME"] != "" {
		return env, nil
	}
	env["HOME"] = filepath.Join(r.dir, "home")
	return env, os.MkdirAll(env["HOME"], 0o700)
}

// runnerStateFile is the file of the runner's identity at the forge.
const runnerStateFile = "runner.json"

func (r *Runner) loadState() (known runner.Identity, err error) {
	text, err := os.ReadFile(filepath.Join(r.dir, runnerStateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		err = fmt.Errorf("read the state of the runner in %s: %w", r.dir, err)
	}
	return known, err
}

func (r *Runner) saveState(known runner.Identity) error {
	return writeJSONAtomic(filepath.Join(r.dir, runnerStateFile), known)
}

// Name is "runner".
func (r *Runner) Name() string { return "runner" }

// URL is "": the runner only sends requests.
func (r *Runner) URL() string { return "" }

// Log has a line for each job, and errors of the forge. The output of jobs is on the forge.
func (r *Runner) Log() string { return filepath.Join(r.dir, "runner.log") }

// Close ends the runner. A running job is killed with all its processes, and has failed.
func (r *Runner) Close() error {
	var errs []error
	if r.stop != nil {
		r.stop()
		<-r.stopped
	}
	if r.logFile != nil {
		errs = append(errs, r.logFile.Close())
	}
	if r.temporary {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}
