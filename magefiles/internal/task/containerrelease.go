package task

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// TagRemote is the repository on the forge, as far as tags of containers are concerned.
type TagRemote interface {
	// CheckTag asks whether a tag could be pushed and signed, and pushes nothing.
	CheckTag(ctx context.Context, name string) error
	// Look asks what is there now, and fetches the commits of the branch.
	Look(context.Context) (vcs.Heads, error)
	// PushTag makes a tag of a commit that the forge has; object is what Tagger made of it. *RaceError: there is one of that name.
	PushTag(ctx context.Context, name, object string) error
}

// Tagger makes tags, to which nothing refers yet, and knows what comes after what.
type Tagger interface {
	// Tag makes a tag of a commit.
	Tag(ctx context.Context, name, commit, message string, when time.Time) (object string, err error)
	// Contains reports whether a commit is another one or comes after it.
	Contains(ctx context.Context, commit, ancestor string) (bool, error)
}

// ContainerRelease makes and pushes the tag NAME-vX.Y.Z of HEAD, at which the forge's workflow publishes the
// container. What would make the publication fail is refused before there is a tag. A version that was published without a tag, as by hand, counts
// as one that has a tag.
//
// The same tag on the same commit is there already, and a success; so a release that was cut off is finished by
// running it again.
type ContainerRelease struct {
	Publish Publish     // what the tag will do; here it only looks
	Images  TagRegistry // that is published to
	Remote  TagRemote
	Tagger  Tagger
	Now     func() time.Time // nil is the clock
	Watch   Watch
	Note    func(string) // if set, gets what somebody may want to know
	Warn    func(string) // if set, gets what somebody should read
	Follow  *Follow      // if set, what comes of the tag is waited for
	// Message, if set, is what a commit says: there are words for which a forge runs nothing.
	Message func(commit string) (string, error)

	goal Status // of a release that goes through; "" is StatusTagged
	plan func(string)
}

// StatusTagged says that the tag was made and pushed.
const StatusTagged Status = "tagged"

// ContainerReleased is the result of ContainerRelease.
type ContainerReleased struct {
	Name    image.Name `json:"name"`
	Version string     `json:"version"`
	Tag     string     `json:"tag"`
	Commit  string     `json:"commit"`
	Status  Status     `json:"status"` // tagged; unchanged; planned

	Run       string `json:"run,omitempty"`       // page of the run that was waited for
	Reference string `json:"reference,omitempty"` // REGISTRY/REPOSITORY:TAG@DIGEST, once it was waited for
}

// String is the one line that scripts read: the tag, and the image behind a space if it was waited for.
func (r ContainerReleased) String() string {
	return strings.TrimSuffix(r.Tag+" "+r.Reference, " ")
}

// Outputs are the values that a CI job hands on, by name.
func (r ContainerReleased) Outputs() map[string]string {
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
func (r ContainerReleased) Summary() string {
	line := fmt.Sprintf("- `%s` (%s; commit %.12s)", r.Tag, r.Status, r.Commit)
	if r.Run != "" {
		line += fmt.Sprintf(", [run](%s)", r.Run)
	}
	if r.Reference != "" {
		line += fmt.Sprintf(": `%s`", r.Reference)
	}
	return line
}

// Run releases. Version is vX.Y.Z[-PRE], or patch, minor or major for the one after the newest of that container, tagged or published.
// Once there is a tag the result says so, whatever became of the waiting.
func (r ContainerRelease) Run(ctx context.Context, name, version string) (ContainerReleased, error) {
	c := &containerRelease{ContainerRelease: r}
	if err := c.parse(name, version); err != nil {
		return ContainerReleased{}, err
	}
	if err := run(ctx, r.Watch, c.steps()); err != nil {
		return ContainerReleased{}, err
	}
	switch {
	case r.Follow == nil:
		return c.result(), nil
	case r.goal == StatusPlanned:
		say(r.plan, fmt.Sprintf("would wait for the run of %s, and read %s back", c.tag, c.imageName()))
		return c.result(), nil
	}
	err := run(ctx, r.Watch, c.followSteps())
	return c.result(), err
}

// containerRelease is one run of ContainerRelease: what is known so far.
type containerRelease struct {
	ContainerRelease
	container image.Container
	bump      bump
	asked     string // version; "" if bump is set

	commit image.Commit
	heads  vcs.Heads
	tag    image.Tag
	status Status

	newest    int64  // number of the newest run of this tag before the push
	told      bool   // the forge has told of runs
	run       string // page of the one that was waited for
	reference string // of the image, once it was waited for
}

func (c *containerRelease) parse(name, version string) error {
	n, err := image.ParseName(name)
	if err != nil {
		return err
	}
	if c.bump, c.asked, err = parseBump(version); err != nil {
		return err
	}
	_, c.container, err = c.Publish.lookup(n, false)
	return err
}

// steps are the order of things: what can be refused is refused before there is a tag.
func (c *containerRelease) steps() []Step {
	steps := []Step{
		{"look at the tags of the forge", c.look},
		{"choose the version", c.choose},
		{"check the commit", c.check},
		{"look at the registry", c.lookAtRegistry},
		{"ask whether a tag may be pushed", func(ctx context.Context) error { return c.Remote.CheckTag(ctx, c.tag.String()) }},
	}
	if c.Follow != nil {
		steps = append(steps, Step{"ask whether its run can be followed", c.mayFollow})
	}
	return append(steps, Step{"push the tag", c.push})
}

func (c *containerRelease) look(ctx context.Context) (err error) {
	if c.commit, err = c.Publish.Repo.Head(); err != nil {
		return err
	}
	c.heads, err = c.Remote.Look(ctx)
	return err
}

// choose ends the release if it is there already.
func (c *containerRelease) choose(ctx context.Context) error {
	versions, text := c.versions(), c.asked
	if c.bump != "" {
		var err error
		if text, err = c.next(ctx, versions); err != nil {
			return err
		}
	}
	version, err := image.ParseVersion(text)
	if err != nil {
		return err
	}
	if c.tag, err = image.NewTag(c.container.Name, version); err != nil {
		return err
	}
	if commit, exists := versions[text]; exists {
		return c.taken(commit)
	}
	return nil
}

// next is the version that comes next, or that this commit has already.
func (c *containerRelease) next(ctx context.Context, tagged map[string]string) (string, error) {
	if newest := newestOf(tagged, false); newest != "" && tagged[newest] == c.commit.Hash {
		return newest, nil // the commit is released: there is nothing to count on for
	}
	all, err := c.withPublished(ctx, tagged)
	if err != nil {
		return "", err
	}
	newest := newestOf(all, false)
	if _, has := tagged[newest]; newest == "" || has {
		return c.bump.next(all)
	}
	at, err := c.imageOf(newest)
	if err != nil {
		return "", err
	}
	found, ok, err := c.Images.Look(ctx, at)
	if err != nil {
		return "", err
	}
	if ours, err := c.Publish.isOf(ctx, found, c.commit.Hash); err != nil || ok && ours {
		return newest, err
	}
	say(c.Note, at.String()+" was published without a tag: the next version is counted from it")
	return c.bump.next(all)
}

// withPublished adds the versions that the registry holds. Those of commits, as auto makes them, are no releases.
func (c *containerRelease) withPublished(ctx context.Context, tagged map[string]string) (map[string]string, error) {
	any, err := c.imageOf(firstVersion)
	if err != nil {
		return nil, err
	}
	tags, err := c.Images.Tags(ctx, any)
	if err != nil {
		return nil, fmt.Errorf("versions of %s: %w", any.Name(), err)
	}
	all := map[string]string{}
	for _, tag := range tags {
		if v, err := image.ParseVersion(tag); err == nil && !v.IsChannel() {
			if _, ofCommit := v.Commit(); !ofCommit {
				all[tag] = ""
			}
		}
	}
	maps.Copy(all, tagged)
	return all, nil
}

// imageOf is the reference of a version of the container.
func (c *containerRelease) imageOf(version string) (image.Reference, error) {
	pub, err := c.Publish.prepare(PublishArgs{Name: string(c.container.Name), Version: version})
	if err != nil {
		return image.Reference{}, err
	}
	return pub.ref, nil
}

// versions are those of this container that have a tag, with their commits.
func (c *containerRelease) versions() map[string]string {
	return containerVersions(c.container.Name, c.heads.Tags)
}

// containerVersions are those of a container that have a tag, with their commits.
func containerVersions(container image.Name, tags map[string]string) map[string]string {
	versions := map[string]string{}
	for name, commit := range tags {
		if tag, err := image.ParseTag("refs/tags/" + name); err == nil && tag.Name == container {
			versions[tag.Version.String()] = commit
		}
	}
	return versions
}

// NextTags are those that the next releases make, of the docs and of each container, given the tags that there are.
func NextTags(tags map[string]string, containers []image.Name) (names []string) {
	if version, err := bumpPatch.next(tags); err == nil {
		names = append(names, version)
	}
	for _, name := range containers {
		version, err := bumpPatch.next(containerVersions(name, tags))
		if err == nil {
			names = append(names, string(name)+"-"+version)
		}
	}
	return names
}

// taken judges a tag that is at the forge.
func (c *containerRelease) taken(commit string) error {
	if commit != c.commit.Hash {
		return &TagTakenError{Tag: c.tag, Commit: commit, Head: c.commit.Hash}
	}
	c.status = StatusUnchanged
	say(c.Note, fmt.Sprintf("%s is at the forge already, on this commit: nothing was pushed", c.tag))
	return errDone
}

// check asks what a publication would, and that the forge has the commit: a tag brings none along.
func (c *containerRelease) check(ctx context.Context) error {
	pub, err := c.publication()
	if err != nil {
		return err
	}
	if err := pub.checkCommit(ctx); err != nil {
		return withoutForce(err)
	}
	ok, err := c.Tagger.Contains(ctx, c.heads.Commit, c.commit.Hash)
	if err == nil && !ok {
		err = withoutForce(&BranchError{Version: c.tag.Version, Commit: c.commit.Hash, Branch: c.heads.Branch})
	}
	if err != nil {
		return err
	}
	return c.skipped()
}

func (c *containerRelease) publication() (*publication, error) {
	return c.Publish.prepare(PublishArgs{Name: string(c.tag.Name), Version: c.tag.Version.String()})
}

// lookAtRegistry refuses a version that is another image. One of this commit was published by hand: the tag goes with it.
func (c *containerRelease) lookAtRegistry(ctx context.Context) error {
	pub, err := c.publication()
	if err != nil {
		return err
	}
	pub.commit = c.commit
	if err := pub.login(ctx); err != nil {
		return err
	}
	if err = pub.look(ctx); errors.Is(err, errDone) {
		say(c.Note, fmt.Sprintf("%s is published already, from commit %.12s: the tag will build nothing", pub.ref, pub.found.Labels[labelRevision]))
		return nil
	}
	if err != nil {
		return withoutForce(err)
	}
	if c.bump == "" {
		c.warnOfLower(ctx)
	}
	return nil
}

// warnOfLower tells of a version, asked for by name, that comes before one that is out.
func (c *containerRelease) warnOfLower(ctx context.Context) {
	all, err := c.withPublished(ctx, c.versions())
	if err != nil {
		say(c.Note, "only tags are compared with "+c.tag.String()+": "+err.Error())
		all = c.versions()
	}
	if newest := newestOf(all, false); newest != "" && semver.Compare(c.tag.Version.String(), newest) < 0 {
		say(c.Warn, fmt.Sprintf("%s comes before %s, which is released already", c.tag, newest))
	}
}

func (c *containerRelease) push(ctx context.Context) error {
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

func (c *containerRelease) result() ContainerReleased {
	status := c.status
	switch {
	case status != "":
	case c.goal != "":
		status = c.goal
	default:
		status = StatusTagged
	}
	return ContainerReleased{
		Name: c.tag.Name, Version: c.tag.Version.String(), Tag: c.tag.String(), Commit: c.commit.Hash, Status: status,
		Run: c.run, Reference: c.reference,
	}
}
