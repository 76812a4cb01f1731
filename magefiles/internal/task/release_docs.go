package task

import (
	"context"
	"time"
)

// Docs are the parts of the world that a release and a rollback go through.
type Docs struct {
	Origin    Origin
	Tags      TagRules // nil: there are no rules about tags to ask for
	Packages  Packages
	Announcer Announcer
	Deployer  Deployer // nil: somebody else deploys
	Website   Website  // nil: there is none to ask
	Name      string   // of the package, which the names of its files begin with
	Pins      Pins
	// Hook, if set, is run after each deployment, as to empty a cache. It may be run again for the same one.
	Hook func(context.Context) error
	// Patience is how long the site may go on serving another version after the deployment; 0 is 5 minutes. Poll is the pause between
	// two looks at it; 0 is 2 seconds.
	Patience, Poll time.Duration

	Watch Watch
	Note  func(string) // gets what is good to know; nil: it is not said
	Warn  func(string) // gets what somebody should do something about

	Now   func() time.Time                           // nil is the clock's
	Sleep func(context.Context, time.Duration) error // nil is the clock's

	plan func(string) // of a dry run: told what would be done; nil: it is done
}

func (d Docs) note(sentence string) {
	if d.Note != nil {
		d.Note(sentence)
	}
}

func (d Docs) warn(sentence string) {
	if d.Warn != nil {
		d.Warn(sentence)
	}
}

func (d Docs) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now()
}

func (d Docs) sleep(ctx context.Context, pause time.Duration) error {
	if d.Sleep != nil {
		return d.Sleep(ctx, pause)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pause):
		return nil
	}
}
