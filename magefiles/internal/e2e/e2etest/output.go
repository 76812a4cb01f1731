package e2etest

import (
	"bytes"
	"os"
	"slices"
	"strings"
)

// HomelabTargets are the targets that print on stdout and need a forge.
var HomelabTargets = []string{"ci:tag", "container:promote", "container:release", "docs:build", "docs:release", "docs:rollback", "doctor", "drift"}

// withoutJSON are targets that have no -format.
var withoutJSON = []string{"container:shell", "docs:serve", "engine:prune", "engine:serve", "engine:up"}

// WantUnwritable wants a run that would print a result to fail, and to say why, as text and as JSON.
func (w *Workspace) WantUnwritable(target string, args ...string) {
	w.T.Helper()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		w.T.Fatal(err)
	}
	defer full.Close()
	read, write, err := os.Pipe()
	if err != nil {
		w.T.Fatal(err)
	}
	defer write.Close()
	if err := read.Close(); err != nil {
		w.T.Fatal(err)
	}
	for _, to := range []struct {
		stdout *os.File
		says   string
		json   bool
	}{{full, "no space left on device", false}, {write, "broken pipe", true}} {
		line := append([]string{target}, args...)
		if to.json && !slices.Contains(withoutJSON, target) {
			line = append(line, "-format=json")
		}
		cmd := w.Command(line...)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = to.stdout, &stderr
		_ = cmd.Run() // its state tells
		if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(stderr.String(), to.says) {
			w.T.Errorf("%s >%s: status %d, want 1 and %q\n%s", strings.Join(line, " "), to.stdout.Name(), status, to.says, stderr.String())
		}
	}
}

// WantFullJobFile wants a run to fail whose result for the steps of a CI job cannot be written, and to print it all the same.
func (w *Workspace) WantFullJobFile(variable string, args ...string) {
	w.T.Helper()
	w.Env[variable] = "/dev/full"
	defer delete(w.Env, variable)
	got := w.Run(args...)
	if got.Status != 1 || got.Stdout == "" || !strings.Contains(got.Stderr, "the file in $"+variable) {
		w.T.Errorf("%s=/dev/full %s: %+v", variable, strings.Join(args, " "), got)
	}
}
