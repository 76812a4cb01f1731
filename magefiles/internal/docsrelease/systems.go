package docsrelease

import (
	"context"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/manifest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
)

// Systems are the systems that a release and a rollback use.
type Systems struct {
	Origin    gitops.Origin
	Tags      TagRules // nil: there are no rules about tags to check
	Packages  Packages
	Announcer Announcer
	Deployer  gitops.Deployer // nil: deployed by somebody else
	Website   Website         // nil: not checked
	Name      string          // of the package; its files' names begin with it
	Pins      Pins
	// Hook, if set, is run after each deployment, for example to empty a cache. It may be run again for the same one.
	Hook func(context.Context) error
	// Patience is how long the website may serve another version after the deployment; 0 is 5 minutes. Poll is the pause between two
	// requests to it; 0 is 2 seconds.
	Patience, Poll time.Duration

	Watch step.Watch
	Note  func(string) // called with notes for the user; nil: no notes
	Warn  func(string) // called with warnings for the user

	Now   func() time.Time                           // nil is the clock's
	Sleep func(context.Context, time.Duration) error // nil is the clock's

	plan func(string) // called with the work in a dry run; nil: the work is done
}

func (d Systems) note(sentence string) {
	if d.Note != nil {
		d.Note(sentence)
	}
}

func (d Systems) warn(sentence string) {
	if d.Warn != nil {
		d.Warn(sentence)
	}
}

func (d Systems) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now()
}

func (d Systems) sleep(ctx context.Context, pause time.Duration) error {
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

// Pins say where the manifests name the archive of the deployed website.
type Pins struct {
	File     string         // slash path of the manifest
	URL, Sum manifest.Place // of the archive's address, and of its SHA-256
}
