// Package containerrelease makes and pushes the tag of a container's version, and follows the run that publishes it: container:release.
package containerrelease

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/versions"
)

// Remote handles the tags of containers in the repository on the forge.
type Remote interface {
	// CheckTag checks that a tag could be pushed and signed, and pushes nothing.
	CheckTag(ctx context.Context, name string) error
	// Look reads the present state, and fetches the commits of the branch.
	Look(context.Context) (vcs.Heads, error)
	// PushTag makes a tag on a commit that the forge has; object is the result of Tagger. *RaceError: a tag of that name exists.
	PushTag(ctx context.Context, name, object string) error
}

// Tagger makes tag objects without a reference, and compares commits.
type Tagger interface {
	// Tag makes a tag of a commit.
	Tag(ctx context.Context, name, commit, message string, when time.Time) (object string, err error)
	// Contains reports whether a commit is the ancestor or comes after it.
	Contains(ctx context.Context, commit, ancestor string) (bool, error)
}

// Release makes and pushes the tag NAME-vX.Y.Z of HEAD, for which the forge's workflow publishes the container. Anything that would make
// the publication fail is refused before there is a tag. A version that was published without a tag, for example by hand, counts like one with a
// tag.
//
// If the same tag exists on the same commit, that is a success; so running it again finishes an interrupted
// release.
type Release struct {
	Publish publish.Publish // of the tag; here it only checks
	Images  image.Registry  // that it is published to
	Remote  Remote
	Tagger  Tagger
	Now     func() time.Time // nil is the clock
	Watch   step.Watch
	Note    func(string) // if set, is called with notes for the user
	Warn    func(string) // if set, is called with warnings for the user
	Follow  *Follow      // if set, Run waits for the result of the tag
	// Message, if set, returns the message of a commit: for some words in it a forge runs nothing.
	Message func(commit string) (string, error)

	goal step.Status // of a successful release; "" is StatusTagged
	plan func(string)
}

// StatusTagged says that the tag was made and pushed.
const StatusTagged step.Status = "tagged"

// Result is the result of Release.
type Result struct {
	Name    image.Name  `json:"name"`
	Version string      `json:"version"`
	Tag     string      `json:"tag"`
	Commit  string      `json:"commit"`
	Status  step.Status `json:"status"` // tagged; unchanged; planned

	Run       string `json:"run,omitempty"`       // page of the run that was followed
	Reference string `json:"reference,omitempty"` // REGISTRY/REPOSITORY:TAG@DIGEST, if it was followed
}

// String is the one line that scripts read: the tag, and after a space the image if the run was followed.
func (r Result) String() string {
	return strings.TrimSuffix(r.Tag+" "+r.Reference, " ")
}

// Outputs are the outputs of a CI job, by name.
func (r Result) Outputs() map[string]string {
	values := map[string]string{"tag": r.Tag, "version": r.Version}
	if r.Run != "" {
		values["run"] = r.Run
	}
	if r.Reference != "" {
		values["reference"] = r.Reference
	}
	return values
}

// Summary is a line of Markdown for the page of a CI job.
func (r Result) Summary() string {
	line := fmt.Sprintf("- `%s` (%s; commit %.12s)", r.Tag, r.Status, r.Commit)
	if r.Run != "" {
		line += fmt.Sprintf(", [run](%s)", r.Run)
	}
	if r.Reference != "" {
		line += fmt.Sprintf(": `%s`", r.Reference)
	}
	return line
}

// Run releases. Version is vX.Y.Z[-PRE], or patch, minor or major for the version after that container's newest one, tagged or
// published. Once there is a tag the result has it, even if following it fails.
func (r Release) Run(ctx context.Context, name, version string) (Result, error) {
	c := &releasing{Release: r}
	if err := c.parse(name, version); err != nil {
		return Result{}, err
	}
	if err := step.Run(ctx, r.Watch, c.steps()); err != nil {
		return Result{}, err
	}
	switch {
	case r.Follow == nil:
		return c.result(), nil
	case r.goal == step.StatusPlanned:
		step.Say(r.plan, fmt.Sprintf("would wait for the run of %s, and read %s back", c.tag, c.imageName()))
		return c.result(), nil
	}
	err := step.Run(ctx, r.Watch, c.followSteps())
	return c.result(), err
}

// releasing is the state of one run of Release.
type releasing struct {
	Release
	container image.Container
	bump      versions.Bump
	asked     string // version; "" if bump is set

	commit image.Commit
	heads  vcs.Heads
	tag    image.Tag
	status step.Status

	newest    int64  // number of the newest run of this tag before the push
	told      bool   // the forge has answered about runs
	run       string // page of the followed run
	reference string // of the image, if it was followed
}

func (c *releasing) parse(name, version string) error {
	n, err := image.ParseName(name)
	if err != nil {
		return err
	}
	if c.bump, c.asked, err = versions.ParseBump(version); err != nil {
		return err
	}
	c.container, err = c.Publish.Container(n)
	return err
}

// steps are in the order of execution: all checks come before the tag.
func (c *releasing) steps() []step.Step {
	steps := []step.Step{
		{Name: "read the tags of the forge", Run: c.look},
		{Name: "choose the version", Run: c.choose},
		{Name: "check the commit", Run: c.check},
		{Name: "check the registry", Run: c.lookAtRegistry},
		{Name: "check that the tag may be pushed", Run: func(ctx context.Context) error { return c.Remote.CheckTag(ctx, c.tag.String()) }},
	}
	if c.Follow != nil {
		steps = append(steps, step.Step{Name: "check that its run can be followed", Run: c.mayFollow})
	}
	return append(steps, step.Step{Name: "push the tag", Run: c.push})
}

func (c *releasing) look(ctx context.Context) (err error) {
	if c.commit, err = c.Publish.Repo.Head(); err != nil {
		return err
	}
	c.heads, err = c.Remote.Look(ctx)
	return err
}

// check makes the checks of a publication, and checks that the forge has the commit: a tag does not bring it.
func (c *releasing) check(ctx context.Context) error {
	if err := c.Publish.CheckCommit(ctx, c.args()); err != nil {
		return publish.WithoutForce(err)
	}
	ok, err := c.Tagger.Contains(ctx, c.heads.Commit, c.commit.Hash)
	if err == nil && !ok {
		err = publish.WithoutForce(&publish.BranchError{Version: c.tag.Version, Commit: c.commit.Hash, Branch: c.heads.Branch})
	}
	if err != nil {
		return err
	}
	return c.skipped()
}

// args are the arguments of the publication.
func (c *releasing) args() tasks.PublishArgs {
	return tasks.PublishArgs{Name: string(c.tag.Name), Version: c.tag.Version.String()}
}

// lookAtRegistry refuses a version that is another image. If the image is of this commit, it was published by hand, and
// the tag is made for it.
func (c *releasing) lookAtRegistry(ctx context.Context) error {
	found, ok, err := c.Publish.CheckRegistry(ctx, c.args(), c.commit)
	if err != nil {
		return publish.WithoutForce(err)
	}
	if ok {
		step.Say(c.Note, fmt.Sprintf("%s is already published, from commit %.12s: the tag will build nothing", c.imageName(), found.Labels[image.LabelRevision]))
		return nil
	}
	if c.bump == "" {
		c.warnOfLower(ctx)
	}
	return nil
}

// warnOfLower warns if the version was named and is lower than an existing one.
func (c *releasing) warnOfLower(ctx context.Context) {
	all, err := c.withPublished(ctx, c.versions())
	if err != nil {
		step.Say(c.Note, "only tags are compared with "+c.tag.String()+": "+err.Error())
		all = c.versions()
	}
	if newest := versions.Newest(all, false); newest != "" && semver.Compare(c.tag.Version.String(), newest) < 0 {
		step.Say(c.Warn, fmt.Sprintf("%s is lower than %s, which is already released", c.tag, newest))
	}
}

func (c *releasing) push(ctx context.Context) error {
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	message := fmt.Sprintf("%s %s\n", c.tag.Name, c.tag.Version)
	object, err := c.Tagger.Tag(ctx, c.tag.String(), c.commit.Hash, message, now())
	if err != nil {
		return err
	}
	err = c.Remote.PushTag(ctx, c.tag.String(), object)
	var race *vcs.RaceError
	if !errors.As(err, &race) {
		return err
	}
	heads, lookErr := c.Remote.Look(ctx)
	if commit, exists := heads.Tags[c.tag.String()]; lookErr == nil && exists {
		return c.taken(commit)
	}
	return err
}

func (c *releasing) result() Result {
	status := c.status
	switch {
	case status != "":
	case c.goal != "":
		status = c.goal
	default:
		status = StatusTagged
	}
	return Result{
		Name: c.tag.Name, Version: c.tag.Version.String(), Tag: c.tag.String(), Commit: c.commit.Hash, Status: status,
		Run: c.run, Reference: c.reference,
	}
}

// Follow says how Release follows the result of its tag.
type Follow struct {
	Runs    Runs
	Page    string            // with all runs, for people
	Timeout time.Duration     // of following; 0 is no limit
	Tell    func(text string) // if set, is called with the last lines of a failed job
}
