// Package docschangelog moves the fragments of a working tree into its changelog: docs:changelog.
package docschangelog

import (
	"cmp"
	"context"
	"os"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Changelog moves the changelog fragments of a working tree into its changelog.
type Changelog struct {
	Root *os.Root         // the working tree
	Zone *time.Location   // the time zone of a release's date; nil is UTC
	Now  func() time.Time // nil is the clock's
	Warn func(string)     // called with warnings for the user; nil: no warnings
}

// The states of a changelog, in addition to StatusUnchanged: the section existed, and no fragment was left.
const (
	// StatusWritten: the section was written, and the fragments were removed.
	StatusWritten step.Status = "written"
	// StatusFinished: an earlier run had written the section, and the fragments were removed now.
	StatusFinished step.Status = "finished"
	// StatusDraft: nothing was written.
	StatusDraft step.Status = "draft"
)

// Result is the result of Changelog.
type Result struct {
	File      string      `json:"file"`
	Version   string      `json:"version"` // in the changelog's form
	Date      string      `json:"date"`
	Status    step.Status `json:"status"`
	Fragments []string    `json:"fragments"` // paths
	Section   string      `json:"section"`   // with its heading
}

// Run writes the changelog and removes the fragments. Another run with the same version and date finishes one that was interrupted.
func (c Changelog) Run(ctx context.Context, args tasks.ChangelogArgs) (Result, error) {
	in, err := c.input(args)
	if err != nil {
		return Result{}, err
	}
	built, err := changelog.Build(regular.FS(c.Root), in)
	if err != nil {
		return Result{}, err
	}
	c.warn(built)
	status := StatusWritten
	switch {
	case built.Exists && len(built.Changes) == 0:
		status = step.StatusUnchanged
	case built.Exists:
		status = StatusFinished
	}
	if err := context.Cause(ctx); err != nil {
		return Result{}, err
	}
	if err := writeTree(c.Root, built); err != nil {
		return Result{}, err
	}
	return noted(built, in, status), nil
}

// Draft makes the section, and writes nothing.
func (c Changelog) Draft(args tasks.ChangelogArgs) (Result, error) {
	in, err := c.input(args)
	if err != nil {
		return Result{}, err
	}
	drafted, err := changelog.Draft(regular.FS(c.Root), in)
	if err != nil {
		return Result{}, err
	}
	c.warn(drafted)
	return noted(drafted, in, StatusDraft), nil
}

func (c Changelog) input(args tasks.ChangelogArgs) (changelog.Input, error) {
	plain := strings.TrimPrefix(args.Version, "v")
	if _, err := image.ParseVersion("v" + plain); err != nil {
		reason := "expected vX.Y.Z, vX.Y.Z-PRE, or the same without v"
		if strings.HasPrefix(args.Version, "-") {
			reason = "looks like a flag; flags come after the positional arguments"
		}
		return changelog.Input{}, &image.InvalidError{What: "version", Input: args.Version, Reason: reason}
	}
	now, zone := time.Now, cmp.Or(c.Zone, time.UTC)
	if c.Now != nil {
		now = c.Now
	}
	return changelog.Input{Version: args.Version, Date: cmp.Or(args.Date, now().In(zone).Format(time.DateOnly))}, nil
}

func (c Changelog) warn(r *changelog.Result) {
	for _, text := range r.Warnings {
		if c.Warn != nil {
			c.Warn(text)
		}
	}
}

func noted(r *changelog.Result, in changelog.Input, status step.Status) Result {
	return Result{
		File: r.File, Version: r.Version, Date: in.Date, Status: status, Fragments: append([]string{}, r.Fragments...), Section: r.Section,
	}
}

// String is one line; of a draft, the section.
func (n Result) String() string {
	if n.Status == StatusDraft {
		return strings.TrimRight(n.Section, "\n")
	}
	return strings.TrimSpace(strings.Join([]string{n.File, n.Version, n.Date}, " "))
}
