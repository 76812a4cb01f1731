package gitops

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// PlanOrigin is a repository for a dry run: it prints what would be written, and reads as if that were done.
func PlanOrigin(origin Origin, plan func(string)) Origin {
	return &planOrigin{Origin: origin, plan: plan}
}

// PlanDeployer is a Deployer for a dry run: it prints what would be deployed.
func PlanDeployer(d Deployer, plan func(string)) Deployer { return planDeployer{d, plan} }

// plannedCommit is the hash of the commit that a dry run does not make.
const plannedCommit = "planned"

// planOrigin is the repository with the one commit that would be made.
type planOrigin struct {
	Origin
	plan    func(string)
	base    string
	changes []vcs.Change
}

func (o *planOrigin) Commit(_ context.Context, base string, changes []vcs.Change, message string, _ time.Time) (string, error) {
	o.base, o.changes = base, changes
	o.plan(fmt.Sprintf("would commit on %.12s: %s", base, strings.TrimSpace(message)))
	tree, err := o.Origin.Files(base)
	if err != nil {
		return "", err
	}
	for _, c := range changes {
		old, err := fs.ReadFile(tree, c.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if c.Delete {
			o.plan("would delete " + c.Path)
			continue
		}
		o.plan(strings.TrimSuffix(string(diff.Diff("a/"+c.Path, old, "b/"+c.Path, c.Content)), "\n"))
	}
	return plannedCommit, nil
}

func (o *planOrigin) Tag(_ context.Context, name, _, _ string, _ time.Time) (string, error) {
	o.plan("would tag that commit " + name)
	return plannedCommit, nil
}

func (o *planOrigin) Push(_ context.Context, p vcs.Push) error {
	what := p.Branch
	if p.Tag != "" {
		what += " and " + p.Tag
	}
	o.plan("would push " + what + " in one step")
	return nil
}

func (o *planOrigin) FastForward(_ context.Context, branch, base, _ string) (string, error) {
	if base != "" {
		o.plan("would update the checkout, if it is on " + branch + " without own commits and without changes")
	}
	return "", nil
}

func (o *planOrigin) Files(commit string) (fs.FS, error) {
	if commit != plannedCommit {
		return o.Origin.Files(commit)
	}
	tree, err := o.Origin.Files(o.base)
	return changedFiles{tree, o.changes}, err
}

// changedFiles is a tree with changes, for files that are read as a whole.
type changedFiles struct {
	fs.FS
	changes []vcs.Change
}

func (f changedFiles) ReadFile(name string) ([]byte, error) {
	for _, c := range f.changes {
		switch {
		case c.Path == name && c.Delete:
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		case c.Path == name:
			return c.Content, nil
		}
	}
	return fs.ReadFile(f.FS, name)
}

type planDeployer struct {
	Deployer
	plan func(string)
}

func (d planDeployer) Deploy(_ context.Context, commit string, _ Contains) error {
	d.plan(fmt.Sprintf("would let Argo CD deploy commit %.12s or a later one, and wait until it is healthy", commit))
	return nil
}
