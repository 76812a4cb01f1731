package app

import (
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
)

// lane is the progress of one of several publications.
type lane struct {
	progress *progress
	name     string

	mu      sync.Mutex
	current string // the task's step
}

// step is the task's, whose name has the container's before it already.
func (l *lane) step(name string) func(error) {
	l.mu.Lock()
	l.current = name
	l.mu.Unlock()
	return l.progress.step(name)
}

// part is a pipeline's step.
func (l *lane) part(name string) func(error) { return l.progress.step(l.name + ": " + name) }

// pushed tells how far a push is.
func (l *lane) pushed(at registry.Progress) {
	l.progress.event(console.Event{Step: l.now(), State: console.Progress, Current: at.Done, Total: at.Total})
}

// failed is what a command said that failed in this lane, whichever other has begun a step since.
func (l *lane) failed(stdout, stderr string) { l.progress.failedIn(l.now(), stdout, stderr) }

func (l *lane) now() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}
