//go:build mage

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
)

// runner is one run of a target: the settings, and what they make of the adapters. It is
// the only place that reads the environment and asks whether this is CI.
type runner struct {
	settings
	target   string // as in container:build
	console  *console.Console
	root     string   // of the checkout, absolute; mage runs targets there
	files    *os.Root // the same, as what nothing leads out of
	stateAt  string   // folder of the engine, outside of the checkout
	cacheAt  string   // folder of logs and of compiled programs, in the user's cache
	secrets  *secret.Resolver
	mounted  map[string]secret.Reference // by id, for the builds of Dockerfiles
	progress progress
	session  *engine.Session
	kept     []func()   // what is released after the session
	sessions sync.Mutex // held while one is made
	format   console.Format

	authorities func() (string, error) // see readAuthorities; read once
	http        func() *http.Client    // trusts them; one for all
}

// run runs a target: it ends with a signal, cleans up, and gives mage an error that
// says everything and carries the exit status.
// The format is that of its result; more are formats that this target has besides text and
// json.
func run(ctx context.Context, format string, target func(context.Context, *runner) error, more ...console.Format) error {
	ctx, stop := console.NotifyContext(ctx)
	defer stop()
	r := &runner{settings: site.override(os.Getenv), target: caller()}
	r.console = console.New(console.Options{Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv, Verbose: mg.Verbose()})
	_, err := withhold()
	if err == nil {
		err = r.open(format, more)
	}
	if err == nil {
		err = target(ctx, r)
	}
	err = r.settle(err)
	if r.files != nil {
		_ = r.files.Close() // it was only read
	}
	return r.console.Exit(ctx, err)
}

// resolver reads secrets; env looks up the variables that hold some.
func (r *runner) resolver(env func(string) string) *secret.Resolver {
	return secret.NewResolver(secret.Options{
		CI: inCI(), Root: r.root, Env: env, Learn: func(value string) { r.console.Redactor().Learn(value) }, Account: r.OnePasswordAccount,
	})
}

// caller is the target that calls run, under the name that people call it by: every target has one, so that every log has a title.
func caller() string {
	at := make([]uintptr, 1)
	runtime.Callers(3, at)
	frame, _ := runtime.CallersFrames(at).Next()
	return targetName(frame.Function)
}

// targetName makes container:build of main.Container.Build.
func targetName(function string) string {
	function = function[strings.LastIndexByte(function, '/')+1:]
	_, name, _ := strings.Cut(function, ".")
	return strings.ToLower(strings.ReplaceAll(name, ".", ":")) // mage does not tell capital letters apart
}

func (r *runner) open(format string, more []console.Format) (err error) {
	if r.format, err = console.ParseFormat(format, more...); err != nil {
		return err
	}
	if err := r.checkAddresses(); err != nil {
		return err
	}
	if r.root, err = os.Getwd(); err != nil {
		return err
	}
	if r.files, err = os.OpenRoot(r.root); err != nil {
		return err
	}
	if r.stateAt, err = engine.DefaultStateDir(os.LookupEnv); err != nil {
		return err
	}
	r.cacheAt = filepath.Dir(r.stateAt)
	r.stateAt = cmp.Or(r.EngineState, r.stateAt)
	r.progress = progress{console: r.console, logs: filepath.Join(r.cacheAt, "log"), title: r.target}
	r.authorities = sync.OnceValues(r.readAuthorities)
	r.http = sync.OnceValue(r.newHTTP)
	r.secrets = r.resolver(getenv)
	return nil
}

// tree is the checkout as a file system: regular files and folders, and nothing outside of it.
func (r *runner) tree() fs.FS { return regular.FS(r.files) }

// closeTime bounds the end of a session: after a signal everything is over in 5 s.
const closeTime = 4 * time.Second

// settle ends the session, and then what is shown of the work: the engine tells the last
// of it only as the session ends. It may be called again.
func (r *runner) settle(err error) error {
	if closeErr := r.close(); err == nil {
		err = closeErr
	}
	for _, release := range r.kept {
		release()
	}
	r.kept = nil
	r.progress.finish(err)
	return err
}

func (r *runner) close() error {
	session := r.session
	if r.session = nil; session == nil {
		return nil
	}
	closed := make(chan error, 1)
	go func() { closed <- session.Close() }()
	select {
	case err := <-closed:
		return err
	case <-time.After(closeTime):
		return fmt.Errorf("the engine's session did not close within %s", closeTime)
	}
}

// result prints what a target found out. Where there is both a result and an error, the
// result is shown first.
func (r *runner) result(result fmt.Stringer, err error) error {
	text := result.String()
	switch {
	case text == "":
		return err
	case r.format == console.JSON:
		return errors.Join(err, r.console.JSON(result))
	}
	return errors.Join(r.settle(err), r.console.Result(text))
}

// value is what a flag was given, or nothing.
func value[T any](flag *T) T {
	var none T
	if flag == nil {
		return none
	}
	return *flag
}
