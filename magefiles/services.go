//go:build mage

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
)

// engineOptions are those of every use of the engine; choice is the flag -engine.
func (r *runner) engineOptions(choice string) (engine.Options, error) {
	if choice == "" {
		choice = r.Engine
	}
	parsed, err := engine.ParseChoice(choice)
	if err != nil {
		return engine.Options{}, console.BadInput(err)
	}
	cache, err := r.cacheBytes()
	if err != nil {
		return engine.Options{}, console.BadInput(err)
	}
	registries := map[string]daemon.Registry{}
	for _, host := range items(r.PlainRegistries) {
		registries[host] = daemon.Registry{PlainHTTP: true}
	}
	authorities, err := r.authorities()
	if err != nil {
		return engine.Options{}, err
	}
	return engine.Options{
		Choice: parsed, Workdir: r.root, SourceDir: cmp.Or(r.EngineSources, r.root), StateDir: r.stateAt, CacheBytes: cache, Registries: registries, CAFile: authorities,
		LookupEnv: os.LookupEnv, Events: r.progress.engineEvent, Log: r.console.Note, DaggerLog: &r.progress,
	}, nil
}

func (r *runner) engineStatus(ctx context.Context) (status, error) {
	opts, err := r.engineOptions("")
	if err != nil {
		return status{}, err
	}
	found, err := engine.Status(ctx, opts)
	return status{found}, err
}

func (r *runner) engineUp(ctx context.Context) error {
	opts, err := r.engineOptions("")
	if err != nil {
		return err
	}
	up, err := engine.Up(ctx, opts)
	if err != nil {
		return err
	}
	return r.console.Result(up.Address)
}

func (r *runner) engineDown(ctx context.Context) error {
	opts, err := r.engineOptions("")
	if err != nil {
		return err
	}
	return engine.Down(ctx, opts)
}

func (r *runner) enginePrune(ctx context.Context, all bool) error {
	opts, err := r.engineOptions("")
	if err != nil {
		return err
	}
	freed, err := engine.Prune(ctx, opts, all)
	if err != nil {
		return err
	}
	return r.console.Result("freed " + units.HumanSize(float64(freed)))
}

func (r *runner) engineServe(ctx context.Context) error {
	opts, err := r.engineOptions("")
	if err != nil {
		return err
	}
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

// table aligns rows of a name and a value; what has no value is left out.
func table(rows [][2]string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
		}
	}
	_ = w.Flush() // a strings.Builder takes everything
	return strings.TrimSuffix(text.String(), "\n")
}

// checkSecrets reads all secrets of the settings, but for those of what the site does not use.
func (r *runner) checkSecrets(ctx context.Context) (checked, error) {
	var refs []secret.Reference
	if r.hasAccount() {
		ref, err := r.password()
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	for _, s := range []struct{ reference, variable string }{
		{r.ForgeToken, forgeTokenVariable}, {r.ArgoCDToken, argoVariable()}, {r.SSHKey, sshKeyVariable}, {r.SigningKey, signingKeyVariable},
	} {
		if !r.hasSecret(s.reference, s.variable) || s.variable == argoVariable() && !isSet(r.ArgoCDURL) {
			continue
		}
		ref, err := referred(s.reference, s.variable)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	statuses, err := r.secrets.Check(ctx, refs...)
	if err != nil {
		return nil, err
	}
	for _, s := range statuses {
		if s.State != secret.OK {
			err = errSecrets
		}
	}
	return statuses, err
}

var errSecrets = errors.New("some secrets cannot be read")

// checked is what became of the secrets.
type checked []secret.Status

// String is a table for people. It holds names, never values.
func (c checked) String() string {
	rows := make([][2]string, len(c))
	for i, s := range c {
		rows[i] = [2]string{s.Name, string(s.State)}
		if s.State != secret.OK {
			rows[i][1] += ": " + s.Reason + "; " + s.Hint
		}
	}
	return table(rows)
}
