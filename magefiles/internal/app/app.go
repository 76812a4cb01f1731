// Package app connects the use cases to the adapters: git, the forge, the registry, Argo CD, the engine, secrets and the console. Each adapter is
// opened when a use case first needs it. A file holds one use case, or one adapter. The logic is in the packages of the use cases.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/report"
)

var _ tasks.App = (*App)(nil)

// App is one run of a target: the settings, and the adapters that they lead to.
type App struct {
	settings.Settings
	verbose  bool
	console  *console.Console
	progress progress
	format   console.Format

	root    string   // of the checkout, absolute; mage runs targets there
	files   *os.Root // the same; nothing leads out of it
	stateAt string   // folder of the engine, outside of the checkout
	cacheAt string   // folder of logs and of compiled programs, in the user's cache

	getenv  func(string) string // looks a variable up, those included that hold secrets
	trusted *authorities
	secrets *secret.Resolver
	repo    lazy[*repo.Repo]
	client  lazy[*forge.Client]
	mounted map[string]secret.Reference // by id, for the builds of Dockerfiles
	session session

	sessions sessions      // with builders
	trees    trees         // of commits
	silence  time.Duration // how long a builder may take to answer while it builds

	target  context.Context  // ends when the target must end
	inspect bool             // a shell opens in each step that fails
	keep    *engine.Keep     // a folder for the state of a step that fails; nil for none
	shell   bool             // a shell opens in the image
	command string           // of container:shell; "" for a shell
	shells  sync.WaitGroup   // the shells that are open
	left    []int            // their exit codes; only one is open at a time
	streams *console.Streams // of the command of container:shell
}

// Runner runs targets with the settings of a site. A run ends with a signal, cleans up, and returns an error that says everything and carries the
// exit status.
func Runner(site settings.Settings) tasks.Runner {
	return func(ctx context.Context, options tasks.Options, target func(context.Context, tasks.App) error) error {
		ctx, stop := console.NotifyContext(ctx)
		defer stop()
		a := &App{
			Settings: site.Override(os.Getenv), verbose: options.Verbose,
			console: console.New(console.Options{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv, Verbose: options.Verbose}),
			target:  ctx,
		}
		return a.console.Exit(ctx, a.run(ctx, options, target))
	}
}

func (a *App) run(ctx context.Context, options tasks.Options, target func(context.Context, tasks.App) error) (err error) {
	a.getenv, err = withhold(a.Settings)
	if err == nil {
		err = a.open(options)
	}
	if err == nil {
		err = target(ctx, a)
	}
	a.shells.Wait() // another build may have failed while the user is in a shell
	err = a.settle(err)
	if a.files != nil {
		_ = a.files.Close() // it was only read
	}
	return err
}

func (a *App) open(options tasks.Options) (err error) {
	var more []console.Format
	if options.Reports {
		more = reportFormats()
	}
	if options.Pages {
		more = append(more, markdown)
	}
	if a.format, err = console.ParseFormat(options.Format, more...); err != nil {
		return err
	}
	if err := console.BadInput(a.CheckAddresses(os.Getenv, a.hide)); err != nil {
		return err
	}
	if a.root, err = os.Getwd(); err != nil {
		return err
	}
	if a.files, err = os.OpenRoot(a.root); err != nil {
		return err
	}
	if a.stateAt, err = engine.DefaultStateDir(os.LookupEnv); err != nil {
		return err
	}
	a.cacheAt = filepath.Dir(a.stateAt)
	a.stateAt = cmp.Or(a.EngineState, a.stateAt)
	a.progress = progress{console: a.console, logs: filepath.Join(a.cacheAt, "log"), title: options.Target}
	a.trusted = newAuthorities(a.CAFile, a.cacheAt, a.console.Warn)
	a.secrets = a.resolver(a.getenv)
	a.session.suits, a.silence = a.suits, silence
	return nil
}

// resolver reads secrets; env looks up the variables that hold some.
func (a *App) resolver(env func(string) string) *secret.Resolver {
	op, _ := exec.LookPath("op") // of the path of the user; without it there is one way less
	return secret.NewResolver(secret.Options{
		CI: inCI(), Root: a.root, Env: env, Learn: a.hide, Account: a.OnePasswordAccount, Op: op, Environ: os.Environ, HTTP: a.http,
	})
}

// hide keeps a secret out of all output.
func (a *App) hide(value string) { a.console.Redactor().Learn(value) }

// tree is the checkout as a file system: regular files and folders, and nothing outside of it.
func (a *App) tree() fs.FS { return regular.FS(a.files) }

// settle ends the session, and then the view of the work: the engine reports the last of it only as the session ends. It may be called again.
func (a *App) settle(err error) error {
	if writes, _ := a.writesCache(); writes && err == nil { // a setting that cannot be read was reported before the session
		a.session.saveCache(a.target)
		a.sessions.saveCache(a.target, a.silence)
	}
	a.sessions.close()
	if closeErr := a.session.close(); err == nil {
		err = closeErr
	}
	a.progress.finish(err)
	return err
}

// Result prints the result of a target. Where there is both a result and an error, the result is shown first.
func (a *App) Result(result fmt.Stringer, err error) error {
	if result == nil {
		return err
	}
	text := result.String()
	switch {
	case text == "":
		return err
	case a.format == console.JSON:
		return errors.Join(err, a.console.JSON(result))
	}
	return errors.Join(a.settle(err), a.console.Result(text))
}

// lazy is opened when it is first needed, once.
type lazy[T any] struct {
	once  sync.Once
	value T
	err   error
}

func (l *lazy[T]) get(open func() (T, error)) (T, error) {
	l.once.Do(func() { l.value, l.err = open() })
	return l.value, l.err
}

// http is the client of the forge, of Argo CD, of git and of the docs' site.
func (a *App) http() *http.Client { return a.trusted.client() }

// reportFormats are those that findings have in addition to text and json.
func reportFormats() []console.Format {
	var more []console.Format
	for _, name := range report.Formats {
		if format := console.Format(name); format != console.Text && format != console.JSON {
			more = append(more, format)
		}
	}
	return more
}
