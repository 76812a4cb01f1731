// Command session is the embedded engine as a program that speaks the protocol of `dagger session`: an SDK starts it if
// _EXPERIMENTAL_DAGGER_CLI_BIN names it. It runs in any folder.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "session:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 || args[0] != "session" {
		return fmt.Errorf("expected the command session, as in: session session --workdir DIR")
	}
	fs := flag.NewFlagSet("session", flag.ContinueOnError)
	workdir := fs.String("workdir", ".", "where relative host paths start")
	for _, ignored := range []string{"label", "version", "workspace"} {
		fs.Func(ignored, "accepted for compatibility with SDKs", func(string) error { return nil })
	}
	for _, ignored := range []string{"load-workspace-modules", "v", "vv", "vvv"} {
		fs.Bool(ignored, false, "accepted for compatibility with SDKs")
	}
	if err := fs.Parse(args[1:]); err != nil {
		return err
	}
	opts, err := options(*workdir)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return engine.Serve(ctx, opts, os.Stdin, os.Stdout)
}

func options(workdir string) (engine.Options, error) {
	workdir, err := filepath.Abs(workdir)
	if err != nil {
		return engine.Options{}, err
	}
	state := os.Getenv("BLUMEOPS_ENGINE_STATE")
	if state == "" {
		if state, err = engine.DefaultStateDir(os.LookupEnv); err != nil {
			return engine.Options{}, err
		}
	}
	insecure, err := strconv.ParseBool(cmp.Or(os.Getenv("BLUMEOPS_ENGINE_INSECURE"), "false"))
	if err != nil {
		return engine.Options{}, fmt.Errorf("BLUMEOPS_ENGINE_INSECURE: %w", err)
	}
	return engine.Options{
		Workdir: workdir, StateDir: state, Insecure: insecure, LookupEnv: os.LookupEnv,
		Log: func(line string) { fmt.Fprintln(os.Stderr, line) },
	}, nil
}
