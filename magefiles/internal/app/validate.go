package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/baseline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/checks"
)

// Validate runs the checks that need the files alone.
func (a *App) Validate(ctx context.Context, args tasks.ValidateArgs) error {
	if err := a.checkBaseline(args); err != nil { // before a file is changed
		return console.BadInput(err)
	}
	if args.Fix {
		if err := a.fixFindings(ctx, args); err != nil {
			return err
		}
	}
	if args.Baseline == writeBaseline {
		return a.acceptFindings(ctx, args)
	}
	found, err := a.examineFiles(ctx, args)
	if err != nil {
		return err
	}
	return a.found(found, checks.All())
}

func (a *App) checkBaseline(args tasks.ValidateArgs) error {
	if args.Baseline == writeBaseline {
		if args.Since != "" {
			return errors.New("-baseline=write requires all files: remove -since")
		}
		return nil
	}
	_, _, err := a.baseline(args.Baseline)
	return err
}

// The values of -baseline that are not a file.
const (
	writeBaseline = "write"
	noBaseline    = "none"
)

// examineFiles runs the checks, and compares the findings with the baseline.
func (a *App) examineFiles(ctx context.Context, args tasks.ValidateArgs) (*validate.Report, error) {
	name, old, err := a.baseline(args.Baseline)
	if err != nil {
		return nil, console.BadInput(err)
	}
	run := examination{all: checks.All(), only: args.Only, since: args.Since}
	if old != nil {
		run.limit = baseline.Limit
	}
	if err := a.examine(ctx, &run); err != nil {
		return nil, err
	}
	if old != nil {
		old.Apply(name, run.report, run.scope())
	}
	run.report.Findings = validate.Together(run.report.Findings)
	return run.report, nil
}

// acceptFindings writes the findings into the default baseline.
func (a *App) acceptFindings(ctx context.Context, args tasks.ValidateArgs) error {
	_, old, err := a.baseline("")
	if err != nil && args.Only != "" {
		return console.BadInput(err) // the entries of the other checks must stay
	}
	run := examination{all: checks.All(), only: args.Only, limit: baseline.Limit}
	if err := a.examine(ctx, &run); err != nil {
		return err
	}
	if len(run.report.Failures) > 0 {
		return errors.Join(a.found(run.report, run.all), console.BadInput(errors.New("-baseline=write wrote nothing, because a check could not run")))
	}
	made := baseline.Of(run.report, old, run.scope())
	count := 0
	for _, e := range made.Findings {
		count += e.Count
	}
	if err := a.writeBaseline(made); err != nil {
		return err
	}
	made.Apply(baseline.Name, run.report, run.scope())
	run.report.Findings = validate.Together(run.report.Findings)
	a.console.Note(fmt.Sprintf("%s: %d findings are accepted; commit the file", baseline.Name, count))
	return a.found(run.report, run.all)
}

// writeBaseline writes the default file. It is not touched if it is already right.
func (a *App) writeBaseline(made *baseline.Baseline) error {
	text := made.Bytes()
	if info, err := a.files.Lstat(baseline.Name); err == nil && !info.Mode().IsRegular() {
		return console.BadInput(fmt.Errorf("%s is not a regular file: replace it with one, or remove it", baseline.Name))
	}
	if there, err := a.files.ReadFile(baseline.Name); err == nil && string(there) == string(text) {
		return nil
	}
	if err := regular.Replace(a.files, baseline.Name, text); err != nil {
		return fmt.Errorf("write the baseline: %w", err)
	}
	return nil
}

// baseline reads the baseline that -baseline means; nil if there is none.
func (a *App) baseline(flag string) (name string, _ *baseline.Baseline, err error) {
	switch flag {
	case noBaseline:
		return "", nil, nil
	case "":
		text, err := readLimited(a.tree(), baseline.Name)
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil, nil
		}
		if err != nil {
			return "", nil, &baseline.Error{File: baseline.Name, Reason: reason(err)}
		}
		b, err := baseline.Parse(baseline.Name, text)
		return baseline.Name, b, err
	}
	dir, base := filepath.Split(flag)
	folder, err := os.OpenRoot(path.Clean(filepath.ToSlash(dir)))
	if err != nil {
		return "", nil, &baseline.Error{File: flag, Reason: reason(err)}
	}
	defer func() { _ = folder.Close() }() // it is only read
	text, err := readLimited(regular.FS(folder), base)
	if err != nil {
		return "", nil, &baseline.Error{File: flag, Reason: reason(err)}
	}
	b, err := baseline.Parse(flag, text)
	return flag, b, err
}

func readLimited(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if info.Size() > baseline.MaxSize {
		return nil, fmt.Errorf("it has more than %d MiB", baseline.MaxSize>>20)
	}
	return fs.ReadFile(fsys, name)
}

// reason is an error without the operation and the path.
func reason(err error) string {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return strings.TrimSpace(err.Error())
}

// scope is the part of the repository that an examination read.
func (e *examination) scope() baseline.Scope {
	s := baseline.Scope{Narrow: map[string]bool{}, Changed: e.changed, Exists: e.tree.Has, Text: e.tree.Text}
	for _, c := range e.all {
		if e.only == "" {
			s.Known = append(s.Known, c.Name)
		}
		s.Narrow[c.Name] = c.Narrow && e.changed != nil
	}
	for _, name := range e.report.Checks {
		if !slices.ContainsFunc(e.report.Failures, func(f validate.Failure) bool { return f.Check == name }) {
			s.Checks = append(s.Checks, name)
		}
	}
	return s
}
