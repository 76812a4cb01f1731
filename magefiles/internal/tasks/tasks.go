// Package tasks is the boundary between the targets and their implementation, package app.
//
// Mage loads package targets, with everything that it imports, twice before each command. So package targets must import few packages: it knows
// only this interface. Package site links the implementation into the program.
package tasks

import (
	"context"
	"errors"
	"fmt"
)

// App is one run of a target. *app.App implements it; each method is described there. The results are texts for people, and values for JSON.
// An argument that is "" or false has its default.
type App interface {
	// Result prints the result of a target. If there is also an error, the result is printed first.
	Result(result fmt.Stringer, err error) error

	List() (fmt.Stringer, error)
	// MountSecrets makes secrets available to the Dockerfiles of this run: ID=REFERENCE, separated by commas.
	MountSecrets(list string) error
	// AllowEmulation is -emulate: a platform whose builders fail may be built under emulation.
	AllowEmulation(on bool)
	// Inspect is -interactive: a shell opens in each step that fails.
	Inspect(on bool) error
	// Keep is -keep: the state of each step that fails is left in a folder, dir:DIR; "" for none.
	Keep(where string) error
	Build(ctx context.Context, engine string, args BuildArgs) (fmt.Stringer, error)
	Shell(ctx context.Context, engine string, args ShellArgs) error
	Publish(ctx context.Context, engine string, args PublishArgs, dryRun bool, then Promoting) (fmt.Stringer, error)
	PublishTag(ctx context.Context, engine, ref string, dryRun bool, then Promoting) (fmt.Stringer, error)
	ShowChanged(ctx context.Context, since, registry string) error
	Promote(ctx context.Context, args PromoteArgs, dryRun bool) (fmt.Stringer, error)
	ReleaseContainer(ctx context.Context, name, version string, wait Waiting, dryRun bool) (fmt.Stringer, error)

	Changelog(ctx context.Context, args ChangelogArgs, draft bool) (fmt.Stringer, error)
	BuildDocs(ctx context.Context, engine string, args DocsArgs) (fmt.Stringer, error)
	ServeDocs(ctx context.Context, archive string, port int) error
	ReleaseDocs(ctx context.Context, engine string, args ReleaseArgs, dryRun bool) (fmt.Stringer, error)
	RollBackDocs(ctx context.Context, version string, dryRun bool) (fmt.Stringer, error)

	ListPackages(source string) (fmt.Stringer, error)
	PublishPackage(ctx context.Context, engine string, args PackagePublishArgs, dryRun bool) (fmt.Stringer, error)
	BuildPackage(ctx context.Context, engine string, args PackageArgs) (fmt.Stringer, error)

	CI(ctx context.Context, args CIArgs) error
	Validate(ctx context.Context, args ValidateArgs) error
	Doctor(ctx context.Context, only string) error
	Drift(ctx context.Context, only string) error
	Adopt(ctx context.Context, repo string, write bool) (fmt.Stringer, error)
	CheckSecrets(ctx context.Context) (fmt.Stringer, error)

	EngineStatus(ctx context.Context) (fmt.Stringer, error)
	EngineUp(ctx context.Context) error
	EngineDown(ctx context.Context) error
	EnginePrune(ctx context.Context, all bool) error
	EngineServe(ctx context.Context) error

	LabUp(ctx context.Context, parts, registry string, foreground bool) (fmt.Stringer, error)
	LabDown(ctx context.Context, wipe bool) error
	LabStatus(ctx context.Context) (fmt.Stringer, error)
	LabEnv() (fmt.Stringer, error)
}

// Options say which target runs, and how.
type Options struct {
	Target  string // its name, as in container:build
	Format  string // of its result: text or json, or a format of findings; "" is text
	Reports bool   // the result are findings, which have more formats
	Pages   bool   // the result can also be a page in Markdown
	Verbose bool
}

// Runner runs a target, and returns an error that carries the exit status.
type Runner func(context.Context, Options, func(context.Context, App) error) error

var runner Runner = func(context.Context, Options, func(context.Context, App) error) error {
	return errors.New("no settings: the magefile must state them with var _ = site.Use(site.Settings{...})")
}

// Register sets the implementation. Package site calls it.
func Register(r Runner) { runner = r }

// Run runs a target.
func Run(ctx context.Context, options Options, target func(context.Context, App) error) error {
	return runner(ctx, options, target)
}
