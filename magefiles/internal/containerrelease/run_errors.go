package containerrelease

import (
	"fmt"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// skippedRunError says that a forge makes no run for a commit's tags.
type skippedRunError struct {
	Commit string
	Word   string // of its message, as in [skip ci]
}

func (e *skippedRunError) Error() string {
	return fmt.Sprintf("the message of commit %.12s contains %s: the forge runs no workflow for the commit and its tags", e.Commit, e.Word)
}

// Hint says what to do.
func (e *skippedRunError) Hint() string {
	return "push a commit without it (git commit --allow-empty), and release that commit"
}

// noRunError says that the forge made no run of a tag.
type noRunError struct {
	Tag       image.Tag
	Workflows []string // paths of the expected workflows; none: any
	Others    []string // workflows that did run
	After     time.Duration
	Page      string // of the forge's runs
}

func (e *noRunError) Error() string {
	of := ""
	if len(e.Workflows) > 0 {
		of = " of " + strings.Join(e.Workflows, " or ")
	}
	others := ""
	if len(e.Others) > 0 {
		others = ", but of " + strings.Join(e.Others, ", ")
	}
	return fmt.Sprintf("the forge made no run%s for %s within %s%s", of, e.Tag, e.After, others)
}

// Hint says what to do.
func (e *noRunError) Hint() string {
	return "check that Actions are on in the repository's settings, that the workflow is enabled, that its `on: push: tags:` matches this tag, and that the commit message has no [skip ci]: " +
		e.Page + "; the tag stays: delete it and run the same command again, or use container:publish"
}

// runFailedError says that the run of a tag failed, or was cancelled.
type runFailedError struct {
	Tag  image.Tag
	Run  vcs.Run
	Job  vcs.Job // the failed job; empty if the forge does not say
	Page string  // page for people
}

func (e *runFailedError) Error() string {
	what, where := "failed", ""
	if e.Run.State == vcs.RunCancelled {
		what = "was cancelled"
	}
	if e.Job.Name != "" {
		where = " in job " + e.Job.Name
	}
	if e.Job.Step != "" {
		where += " at " + e.Job.Step
	}
	return fmt.Sprintf("run %d of %s for %s %s%s: %s", e.Run.Number, e.Run.Workflow, e.Tag, what, where, e.Page)
}

// Hint says what to do.
func (e *runFailedError) Hint() string {
	return "the tag stays: if the commit is not the cause, repeat the run on that page, and then run this command again; otherwise release the next version"
}

// slowRunError says that the run of a tag was not over in time.
type slowRunError struct {
	Tag   image.Tag
	Image string    // REGISTRY/REPOSITORY:TAG
	Run   vcs.Run   // empty: unknown
	Idle  bool      // no runner has taken it
	Jobs  []vcs.Job // that publish
	After time.Duration
	Page  string // page for people
}

func (e *slowRunError) Error() string {
	switch {
	case e.Run.Number == 0:
		return fmt.Sprintf("the registry does not have %s after %s: %s", e.Image, e.After, e.Page)
	case e.Idle:
		return fmt.Sprintf("no runner took the run of %s within %s%s: %s", e.Tag, e.After, labelsOf(e.Jobs), e.Page)
	}
	return fmt.Sprintf("the run of %s did not end within %s: %s", e.Tag, e.After, e.Page)
}

// Hint says what to do.
func (e *slowRunError) Hint() string {
	if e.Idle {
		return "check that a runner with these labels is online; the run still waits: run the same command again to wait for it"
	}
	return "the run continues: run the same command again to wait for it, or use a longer -timeout"
}

// unpublishedError says that a run succeeded, and the registry does not have its image.
type unpublishedError struct {
	Tag   image.Tag
	Image string // REGISTRY/REPOSITORY:TAG
	Run   string // its page; "" if there is none
}

func (e *unpublishedError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("the run of %s ended, but the registry does not have %s: %s", e.Tag, e.Image, e.Run), ": ")
}

// Hint says what to do.
func (e *unpublishedError) Hint() string {
	return "check that no `if:` skips its jobs, and that it publishes to the same registry"
}
