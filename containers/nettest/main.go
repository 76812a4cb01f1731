// Nettest says whether this machine reaches the hosts that a build or a job needs, and if not, which hop fails:
// the name, the connection, TLS, HTTP or the registry's API.
//
// Run it on the machine with the problem: in a container on the runner, in a pod of the cluster. It is one static program with its own CA
// roots. It requires no shell, no libc and no certificate store.
//
//	nettest registry.example https://forge.example/api/v1/version registry://127.0.0.1:5000
//
// The exit status is 0 when every target answered, 1 when one did not, 2 when the arguments were wrong.
//
// The build reads the version of this program from the next line.
//
//blumeops:version 1.0.0
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	_ "golang.org/x/crypto/x509roots/fallback" // an image made from scratch has no certificate store
)

// version is the program's version; the directive in the package comment states it too, and a test compares them.
const version = "1.0.0"

// The exit statuses, which scripts rely on.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the whole program: it parses args, probes all targets in parallel and writes the report to stdout. It writes errors in the
// arguments to stderr. It returns the exit status.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	settings, err := parseSettings(args, getenv, stdout)
	switch {
	case errors.Is(err, errDone):
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "nettest: %v\nRun 'nettest -h' for the kinds of target and the flags.\n", err)
		return exitUsage
	}
	results := settings.prober.ProbeAll(ctx, settings.targets)
	if err := settings.report(stdout, results); err != nil {
		fmt.Fprintf(stderr, "nettest: writing the report: %v\n", err)
		return exitFailed
	}
	if !allOK(results) {
		return exitFailed
	}
	return exitOK
}
