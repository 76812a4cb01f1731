package task

import (
	"context"
	"errors"
	"fmt"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Release makes a version of the documentation public: the site is built and uploaded; one commit, with the tag of the version on it, has
// the section of the changelog and a manifest that names what was uploaded; the forge announces it; it is deployed, and seen on the site.
//
// Nobody keeps a journal. Each step looks at the world to find out what is left of it, so a release that was cut off anywhere is
// finished by running it again. The tag, which is pushed together with the branch, is the moment that a version becomes final. What was
// uploaded before is used again if it is from the same pages, date and builder, and stays unused otherwise. Nothing is ever replaced or
// deleted that a tag could come to name: a file's name carries the hash of its content.
type Release struct {
	Docs
	Builder SiteBuilder
	Folder  string         // of the documentation, a slash path
	Zone    *time.Location // whose today is the date of a release; nil is UTC
	// Keep is how many of the newest versions keep their packages; 0 keeps all. What a manifest names stays as well.
	Keep int
	// TempDir is where the site's archive lies meanwhile; "" is the system's.
	TempDir string
}

// ReleaseArgs are what a person gives; "" is the default.
type ReleaseArgs struct {
	Version string // patch, minor, major, or vX.Y.Z[-PRE]; BUMP_PATCH and its like too
	Date    string // as in 2026-03-08; default: today
	New     bool   // make a version although there is nothing new
}

// The states of a release, besides StatusUnchanged and StatusPlanned.
const (
	// StatusReleased: the version is new, and seen where it belongs.
	StatusReleased Status = "released"
	// StatusCompleted: the version was there, and the rest of its release was done.
	StatusCompleted Status = "completed"
)

// Released is the result of Release.
type Released struct {
	Version string `json:"version"`
	Status  Status `json:"status"`
	Commit  string `json:"commit,omitempty"` // that the tag names
	URL     string `json:"url,omitempty"`    // of the site's archive, as the manifest has it
	SHA256  string `json:"sha256,omitempty"` // of the archive
	Page    string `json:"page,omitempty"`   // of the announcement
	Notes   string `json:"notes,omitempty"`  // what was announced
}

// String is the one line that scripts read: the version.
func (r Released) String() string { return r.Version }

// Outputs are the values that a CI job hands on, by name.
func (r Released) Outputs() map[string]string {
	return map[string]string{"version": r.Version, "status": string(r.Status), "commit": r.Commit, "url": r.URL, "sha256": r.SHA256}
}

// Summary is Markdown for the page of a CI job.
func (r Released) Summary() string {
	text := fmt.Sprintf("- docs `%s` (%s)", r.Version, r.Status)
	if r.Page != "" {
		text = fmt.Sprintf("- docs [`%s`](%s) (%s)", r.Version, r.Page, r.Status)
	}
	if r.Status == StatusReleased && r.Notes != "" {
		text += "\n\n" + r.Notes
	}
	return text
}

// maxRaces is how many pushes a release may lose to others, and maxRounds how often it looks at the world anew.
const (
	maxRaces  = 10
	maxRounds = 3 * maxRaces
)

// Run releases: it finishes the newest version if that is not complete, else makes the next one if there is something new.
func (r Release) Run(ctx context.Context, args ReleaseArgs) (_ Released, err error) {
	req, err := r.parse(args)
	if err != nil {
		return Released{}, err
	}
	rel := &releasing{Release: r, request: req}
	defer func() {
		if closeErr := rel.close(); err == nil {
			err = closeErr
		}
	}()
	if err := rel.preflight(ctx); err != nil {
		return Released{}, err
	}
	for range maxRounds {
		done, err := rel.round(ctx)
		var race *vcs.RaceError
		switch {
		case errors.As(err, &race) && rel.races < maxRaces:
			rel.races++
			rel.note(race.Error() + "; again on what is there now")
		case err != nil:
			return Released{}, err
		case done:
			return rel.outcome(), nil
		}
	}
	return Released{}, &vcs.RaceError{Err: errors.New("the releases of others left no time for this one")}
}

// outcome is the result, of which a dry run does not know what a build would be.
func (r *releasing) outcome() Released {
	r.result.Page, r.result.Notes = r.d.page, r.d.notes
	if r.plan != nil && r.decision.goal != goalNothing {
		r.result.Status = StatusPlanned
	}
	if r.plan != nil && r.decision.goal == goalMake {
		r.result.Commit, r.result.URL, r.result.SHA256 = "", "", ""
	}
	return r.result
}

// round looks at the world and does what there is to do. It is not done if a version was finished that somebody else had begun meanwhile.
func (r *releasing) round(ctx context.Context) (done bool, err error) {
	if err := run(ctx, r.Watch, []Step{
		{r.step("look at the remote"), r.look},
		{r.step("look at what was released"), r.assess},
		{r.step("see what is to be done"), r.decide},
	}); err != nil {
		return false, err
	}
	switch r.decision.goal {
	case goalNothing:
		return true, run(ctx, r.Watch, r.unchangedSteps())
	case goalFinish:
		return r.races == 0, run(ctx, r.Watch, r.finishSteps())
	default:
		if err := r.checkAll(ctx, r.makeChecks()); err != nil {
			return false, err
		}
		return true, run(ctx, r.Watch, append(r.makeSteps(), r.finishSteps()...))
	}
}

// step names a step, so that a second attempt is told from the first.
func (r *releasing) step(name string) string {
	if r.races > 0 {
		return fmt.Sprintf("%s (attempt %d)", name, r.races+1)
	}
	return name
}

// makeChecks refuse all that can be refused before anything is built.
func (r *releasing) makeChecks() []Step {
	return []Step{
		{r.step("check the rules about the tag " + r.decision.version), r.checkTag},
		{r.step("check the checkout"), r.checkCheckout},
		{r.step("check the changelog of " + r.decision.version), r.writeChangelog},
		{r.step("check the manifest"), r.checkManifest},
		{r.step("check the builder"), r.checkBuilder},
	}
}

// makeSteps make a version, of which nothing is final before the push.
func (r *releasing) makeSteps() []Step {
	return []Step{
		{r.step("look for an earlier build"), r.reuse},
		{r.step("build the documentation"), r.build},
		{r.step("upload it"), r.upload},
		{r.step("note how it was built"), r.writeReceipt},
		{r.step("name it in the manifest"), r.pin},
		{r.step("commit and tag"), r.commit},
		{r.step("push"), r.push},
	}
}

// finishSteps make of a version that is tagged one that people see.
func (r *releasing) finishSteps() []Step {
	return append(r.d.steps(r.step), Step{r.step("retire old packages"), r.retire})
}

// unchangedSteps are for a run that finds all of a release done, by itself or another, but perhaps the checkout and the very last.
func (r *releasing) unchangedSteps() []Step {
	if r.newest.version == "" || !r.newest.own {
		return nil
	}
	return []Step{{r.step("bring the checkout along"), r.d.adopt}, {r.step("retire old packages"), r.retire}}
}
