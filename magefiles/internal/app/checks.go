package app

import (
	"context"
	"errors"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/baseline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/report"
)

// check runs checks, or those of them that only names, and prints what they find.
func (a *App) check(ctx context.Context, all []validate.Check, only string) error {
	run := examination{all: all, only: only}
	if err := a.examine(ctx, &run); err != nil {
		return err
	}
	return a.found(run.report, all)
}

// examination is a run of checks.
type examination struct {
	all         []validate.Check
	only, since string // which of them, and since which revision; "" for all
	limit       int    // of findings for each rule and file; 0 is the default

	// The result.
	tree    *validate.Tree
	changed []string // nil without since
	report  *validate.Report
}

// examine runs checks.
func (a *App) examine(ctx context.Context, run *examination) error {
	r, err := a.prepare(ctx, run)
	if err != nil {
		return console.BadInput(err)
	}
	run.tree = validate.NewTree(a.tree(), r.files).Stated(r.options.Stated)
	run.report, err = validate.Run(ctx, run.tree, r.checks, r.options)
	return err
}

// ready are the checks, the files and the options of an examination.
type ready struct {
	checks  []validate.Check
	files   []string
	options validate.Options
}

func (a *App) prepare(ctx context.Context, run *examination) (r ready, err error) {
	if r.checks, err = validate.Choose(run.all, run.only); err != nil {
		return r, err
	}
	git, err := a.git()
	if err != nil {
		return r, err
	}
	files, err := git.Files(ctx)
	if err != nil {
		return r, err
	}
	// The baseline is not a text for people: no check reads it.
	r.files = slices.DeleteFunc(files, func(name string) bool { return name == baseline.Name })
	thrift(len(files))
	r.options = validate.Options{Site: a.facts(git), Limit: run.limit}
	if r.options.Stated, err = a.stated(ctx, git, r.files); err != nil {
		return r, err
	}
	if r.options.Site.Absent, err = a.absent(git); err != nil {
		return r, err
	}
	if run.since == "" {
		return r, nil
	}
	if run.changed, err = git.Since(ctx, run.since); run.changed == nil { // no file changed; nil would mean all files
		run.changed = []string{}
	}
	r.options.Changed = run.changed
	return r, err
}

// stated is what the attributes of git state about files. git is asked only if a .gitattributes names them.
func (a *App) stated(ctx context.Context, git *repo.Repo, files []string) (map[string]bool, error) {
	tree := validate.NewTree(a.tree(), files)
	for _, name := range tree.All(".gitattributes") {
		if text, _ := tree.Text(name); strings.Contains(text, "linguist-") {
			return git.Linguist(ctx, files)
		}
	}
	return nil, nil
}

// thrift trades processor time for memory, of which what is parsed needs some 30 KiB a file.
// Without it as much again would be garbage at times. What GOGC and GOMEMLIMIT say goes
// before.
func thrift(files int) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(max(130<<20, int64(files)*75<<10))
}

// found prints a report. An error says that there is something to do, and how much.
func (a *App) found(found *validate.Report, all []validate.Check) error {
	var text strings.Builder
	writer := report.Writer{Checks: all, Verbose: a.verbose}
	if settings.IsSet(a.DocsURL) {
		writer.Page = strings.TrimSuffix(a.DocsURL, "/") + "/reference/checks"
	}
	if err := writer.Write(&text, string(a.format), found); err != nil {
		return err
	}
	err := a.settle(nil) // the view of the work goes before its result
	switch {
	case text.Len() == 0:
	case a.format == "github":
		err = errors.Join(err, a.console.Commands(text.String()))
	default:
		err = errors.Join(err, a.console.Result(text.String()))
	}
	summary := report.Summary(found)
	for _, advice := range report.Advice(found) {
		a.console.Note(advice)
	}
	switch {
	case len(found.Failures) > 0:
		return errors.Join(console.BadInput(errors.New(summary)), err)
	case len(found.Failing()) > 0:
		return errors.Join(errors.New(summary), err)
	}
	a.console.Note(summary)
	return err
}

// facts are what checks have to know of this site.
func (a *App) facts(git *repo.Repo) validate.Site {
	return validate.Site{
		Docs: a.Docs, Keys: a.RequiredKeys(), Manifests: a.Manifests, Images: a.Registry + "/" + a.Namespace, ForgeURLs: a.addresses(git),
		Dates: a.commitDates(git), Branches: git.Branches, Tags: git.TagNames, OnDefaultBranch: onDefaultBranch(git),
		ParseSecret: func(reference string, _ bool) error {
			_, err := secret.ParseReference(reference)
			return err
		},
	}
}

// absent are the submodules that are not checked out, of those that checks look at.
func (a *App) absent(git *repo.Repo) (map[string]string, error) {
	found, err := git.AbsentSubmodules(image.Root, path.Clean(a.Docs), path.Clean(a.Manifests))
	absent := map[string]string{}
	for _, one := range found {
		absent[one.Path] = one.Error() + ": " + one.Hint()
	}
	return absent, err
}

// onDefaultBranch looks commits up in the history of the default branch, which is read
// when the first is asked for.
func onDefaultBranch(git *repo.Repo) func(context.Context, string) (on, known bool, err error) {
	var (
		once    sync.Once
		history *repo.Ancestry
		failed  error
	)
	return func(ctx context.Context, commit string) (on, known bool, err error) {
		once.Do(func() { history, failed = git.DefaultHistory(ctx) })
		switch {
		case errors.Is(failed, repo.ErrNoDefaultBranch):
			return false, false, nil
		case failed != nil:
			return false, false, failed
		}
		on = history.Holds(commit)
		return on, on || !history.Cut, nil
	}
}
