package vcs

import (
	"errors"
	"fmt"
)

// Errors of a forge that decide how a use case goes on.
var (
	// ErrNoRuns: the forge has no API for runs.
	ErrNoRuns = errors.New("the forge does not report runs")
	// ErrFileExists: the package has a file of that name.
	ErrFileExists = errors.New("the file already exists")
	// ErrNoFile: the package has no such file.
	ErrNoFile = errors.New("file not found")
)

// RunState is the state of a run, or of a job of it.
type RunState string

// The states. Skipped, Success, Failure and Cancelled are final.
const (
	RunWaiting   RunState = "waiting" // for a runner
	RunBlocked   RunState = "blocked" // by another run or job, or waits for approval
	RunRunning   RunState = "running"
	RunSuccess   RunState = "success"
	RunFailure   RunState = "failure"
	RunCancelled RunState = "cancelled"
	RunSkipped   RunState = "skipped"
	RunUnknown   RunState = "unknown" // a state that is not one of the above
)

// Run is one run of a workflow for one event.
type Run struct {
	ID       int64 // for the API; 0 for a forge that only lists the jobs that runners took
	Number   int64 // within the repository, as its web page shows it
	Workflow string
	State    RunState
	URL      string // for people; "" if the forge gives none
	Approval bool   // it waits for approval
}

// Job is a job of a run.
type Job struct {
	ID     int64 // for the API; 0 if the API has no log of it
	Name   string
	State  RunState
	Labels []string // that the runner must have; none if the forge does not say
	Runner string   // the runner that took it; "" if the forge does not say
	Step   string   // the current or the last step; "" if the forge does not say
	URL    string   // for people; "" if the forge gives none
}

// Release is a release on the forge. It belongs to a tag, which has one release at most.
type Release struct {
	ID         int64  // given by the forge
	Tag        string // must exist already
	Title      string // "" is the tag
	Notes      string // Markdown; "" leaves those of an existing release
	Draft      bool   // only people who may write see it
	Prerelease bool
	URL        string // for people; given by the forge
}

// Sum is the hash and the size of a file.
type Sum struct {
	SHA256 string // in hexadecimal, lower case
	Size   int64  // in bytes
}

func (s Sum) String() string { return fmt.Sprintf("%d bytes, sha256 %s", s.Size, s.SHA256) }
