package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// labHome is where the lab of the settings keeps its data.
func (a *App) labHome() (lab.Home, error) {
	name, err := image.ParseName(a.LabName)
	if err != nil {
		return lab.Home{}, console.BadInput(fmt.Errorf("BLUMEOPS_LAB: %w", err))
	}
	return lab.Home{
		Dir:      filepath.Join(a.cacheAt, "labs", string(name)),
		Programs: filepath.Join(a.cacheAt, "lab", "programs"), Log: a.console.Note,
	}, nil
}

// LabUp starts the lab.
func (a *App) LabUp(ctx context.Context, parts, registry string, foreground bool) (fmt.Stringer, error) {
	home, err := a.labHome()
	if err != nil {
		return labRecord{}, err
	}
	opts := lab.Options{Checkout: a.root, Owner: a.Owner, Repository: a.Repository}
	if opts.Parts, err = lab.ParseParts(parts); err != nil {
		return labRecord{}, console.BadInput(err)
	}
	if opts.Mode, err = lab.ParseMode(registry); err != nil {
		return labRecord{}, console.BadInput(err)
	}
	if !foreground {
		return a.labStay(ctx, home, opts)
	}
	if err := a.labPrepare(ctx, home, opts); err != nil {
		return labRecord{}, err
	}
	return labRecord{}, lab.Keep(ctx, home, opts, func(up lab.Record) error { return a.console.Result(shown(up).String()) })
}

// labPrepare builds what takes long, where it is seen.
func (a *App) labPrepare(ctx context.Context, home lab.Home, opts lab.Options) error {
	a.progress.title = "lab:up"
	home.Work = a.labWork
	return a.settle(lab.Prepare(ctx, home, opts))
}

// labStay starts a lab that outlives this run: what stays is this program again.
func (a *App) labStay(ctx context.Context, home lab.Home, opts lab.Options) (labRecord, error) {
	up, is, err := lab.Find(home.Dir)
	if err != nil {
		return labRecord{}, err
	}
	if is {
		a.console.Note("the lab is already running")
		return shown(up), up.Serves(opts)
	}
	if err := a.labPrepare(ctx, home, opts); err != nil {
		return labRecord{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return labRecord{}, err
	}
	command := []string{self, "lab:up", "-foreground", "-parts=" + lab.JoinParts(opts.Parts), "-registry=" + string(opts.Mode)}
	begun := time.Now()
	if up, err = lab.Detach(ctx, home.Dir, command, os.Environ(), a.console.Note); err != nil {
		return labRecord{}, err
	}
	a.console.Note(fmt.Sprintf("the lab started in %.0f s. To use it:  eval \"$(go tool mage lab:env)\"", time.Since(begun).Seconds()))
	return shown(up), nil
}

// labWork shows a program that is being built.
func (a *App) labWork(name string) (say func(string), end func(error)) {
	end = a.progress.step(name)
	return func(line string) {
		a.progress.event(console.Event{Step: name, State: console.Log, Stream: 2, Data: []byte(line + "\n")})
	}, end
}

// LabDown ends the lab.
func (a *App) LabDown(ctx context.Context, wipe bool) error {
	home, err := a.labHome()
	if err != nil {
		return err
	}
	was, err := lab.Down(ctx, home.Dir)
	if err != nil {
		return err
	}
	if wipe {
		if err := lab.Wipe(ctx, home.Dir); err != nil {
			return err
		}
	}
	switch {
	case wipe:
		a.console.Note("the lab is stopped, and its data is removed")
	case was:
		a.console.Note("the lab is stopped; its data is kept for the next lab:up (lab:down -wipe removes it)")
	default:
		a.console.Note("no lab was running")
	}
	return nil
}

// LabStatus asks the servers of the lab whether they answer.
func (a *App) LabStatus(ctx context.Context) (fmt.Stringer, error) {
	up, err := a.labRecord()
	if err != nil {
		return labStatus{}, err
	}
	up.Env = nil // passwords are lab:env's business
	checked := labStatus{Record: up, Servers: lab.Check(ctx, up)}
	for _, s := range checked.Servers {
		if s.Trouble != "" {
			err = errors.Join(err, fmt.Errorf("server %s of the lab does not answer: %s; restart the lab with lab:down and lab:up", s.Name, s.Trouble))
		}
	}
	return checked, err
}

// LabEnv is what to set so that programs use the lab.
func (a *App) LabEnv() (fmt.Stringer, error) {
	up, err := a.labRecord()
	return labEnv(up.Env), err
}

// labRecord is the record of the lab, which must be up.
func (a *App) labRecord() (lab.Record, error) {
	home, err := a.labHome()
	if err != nil {
		return lab.Record{}, err
	}
	up, is, err := lab.Find(home.Dir)
	if err == nil && !is {
		err = fmt.Errorf("lab %q is not running: start it with lab:up", a.LabName)
	}
	return up, err
}

// labRecord is a lab that came up.
type labRecord struct {
	lab.Record
	up bool
}

// shown is what is told of a lab that is up: all but the passwords, which are lab:env's business.
func shown(up lab.Record) labRecord {
	up.Env = nil
	return labRecord{up, true}
}

// String is a table for people.
func (l labRecord) String() string {
	if !l.up {
		return ""
	}
	var rows [][2]string
	for _, s := range l.Servers {
		rows = append(rows, [2]string{s.Name, s.URL})
	}
	return table(rows)
}

// labStatus is a lab that is up, and what its servers answered.
type labStatus struct {
	lab.Record
	Servers []lab.Checked `json:"servers"`
}

// String is a table for people.
func (l labStatus) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, s := range l.Servers {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, cmp.Or(s.Trouble, "up"), cmp.Or(s.URL, "-"), s.Log)
	}
	_ = w.Flush() // a strings.Builder takes everything
	return text.String()
}

// labEnv is what to set to use a lab.
type labEnv []lab.Setting

// String is a line for a POSIX shell each.
func (l labEnv) String() string {
	var text strings.Builder
	for _, s := range l {
		fmt.Fprintf(&text, "export %s=%s\n", s.Name, quoted(s.Value))
	}
	return text.String()
}

// quoted is a text as one word of a POSIX shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
