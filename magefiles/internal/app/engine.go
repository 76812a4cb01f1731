package app

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/docker/go-units"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// engineOptions are those of every use of the engine; choice is the flag -engine.
func (a *App) engineOptions(choice string) (engine.Options, error) {
	if choice == "" {
		choice = a.Engine
	}
	parsed, err := engine.ParseChoice(choice)
	if err != nil {
		return engine.Options{}, console.BadInput(err)
	}
	if parsed != engine.Auto { // else it is known with the session
		if err := a.suits(parsed); err != nil {
			return engine.Options{}, err
		}
	}
	cache, err := a.CacheBytes()
	if err != nil {
		return engine.Options{}, console.BadInput(err)
	}
	insecure, err := a.Insecure()
	if err != nil {
		return engine.Options{}, console.BadInput(err)
	}
	registries := map[string]daemon.Registry{}
	for _, host := range settings.List(a.PlainRegistries) {
		registries[host] = daemon.Registry{PlainHTTP: true}
	}
	authorities, err := a.trusted.bundle()
	if err != nil {
		return engine.Options{}, err
	}
	remote, err := a.cache()
	if err != nil {
		return engine.Options{}, err
	}
	screen := a.screen
	if a.command != "" {
		screen = a.pipes
	}
	return engine.Options{
		Screen: screen, Inspect: a.inspect, Keep: a.keep, Shell: a.staticShell,
		Choice: parsed, Workdir: a.root, StateDir: a.stateAt, CacheBytes: cache, Insecure: insecure, Registries: registries, CAFile: authorities,
		LookupEnv: os.LookupEnv, Events: a.progress.engineEvent, Log: a.console.Note, DaggerLog: &a.progress, Cache: remote,
	}, nil
}

// EngineStatus describes the embedded engine.
func (a *App) EngineStatus(ctx context.Context) (fmt.Stringer, error) {
	opts, err := a.engineOptions("")
	if err != nil {
		return status{}, err
	}
	found, err := engine.Status(ctx, opts)
	return status{found}, err
}

// EngineUp starts the embedded engine, and prints its address.
func (a *App) EngineUp(ctx context.Context) error {
	opts, err := a.engineOptions("")
	if err != nil {
		return err
	}
	up, err := engine.Up(ctx, opts)
	if err != nil {
		return err
	}
	return a.console.Result(up.Address)
}

// EngineDown stops the embedded engine.
func (a *App) EngineDown(ctx context.Context) error {
	opts, err := a.engineOptions("")
	if err != nil {
		return err
	}
	return engine.Down(ctx, opts)
}

// EnginePrune frees the cache of the embedded engine, and prints how much.
func (a *App) EnginePrune(ctx context.Context, all bool) error {
	opts, err := a.engineOptions("")
	if err != nil {
		return err
	}
	freed, err := engine.Prune(ctx, opts, all)
	if err != nil {
		return err
	}
	return a.console.Result("freed " + units.HumanSize(float64(freed)))
}

// EngineServe opens a session of the embedded engine for a Dagger SDK.
func (a *App) EngineServe(ctx context.Context) error {
	opts, err := a.engineOptions("")
	if err != nil {
		return err
	}
	a.console.UseTTY()
	return engine.Serve(ctx, opts, os.Stdin, os.Stdout)
}

// status is what is known of the embedded engine.
type status struct{ *daemon.Status }

// String is a table for people.
func (s status) String() string {
	if s.Status == nil {
		return ""
	}
	rows := [][2]string{{"running", "no"}}
	if s.Running {
		rows = [][2]string{
			{"running", "yes"}, {"address", s.Address}, {"buildkit", s.Version}, {"since", since(s.Since)}, {"runtime", s.Runtime},
			{"snapshots", s.Snapshots},
		}
	}
	rows = append(rows, [][2]string{
		{"cache", units.HumanSize(float64(s.CacheUsed)) + " of " + units.HumanSize(float64(s.CacheLimit))}, {"folder", s.Root}, {"log", s.Log},
	}...)
	return table(rows)
}

func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}
