// Package publish builds the image of a container, or of several, and pushes it: container:publish and ci:tag.
package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Publish builds the image of a container and pushes it to a registry.
//
// A version is published once: from a commit on the default branch, even if the working
// tree has changes, and never over another revision. A channel moves, and is published from any
// state: from the commit if the working tree has no changes, and otherwise from the working
// tree. An image that the registry already holds for this revision and these platforms is not
// built again, so running it again finishes an interrupted publish.
type Publish struct {
	Files     fs.FS // the working tree
	Trees     Trees
	Repo      Repo
	Registry  Registry
	Builder   image.Builder
	Source    string                 // web address of the source, if the repository has none
	Host      string                 // of the registry
	Namespace string                 // before the name, in the registry
	Platforms image.DefaultPlatforms // of containers that state none
	// Login, if set, reads the credentials for a registry and fails if they exist but cannot be
	// read. It is called before the build.
	Login func(ctx context.Context, host string) error
	// Before, if set, lists the commits right before one whose images are the same, the nearest first: the commits below those of promotions. An
	// image of one of them is an image of that commit too, so a repeated run finds its work done even if its promotion has moved the checkout.
	Before func(ctx context.Context, commit string) ([]string, error)
	// Bases are images of this site to build on, instead of those that the sources name.
	Bases map[string]string
	// TempDir is the folder for exported images; "" is the system's.
	TempDir string
	Watch   step.Watch
	// Say, if set, is called with messages for the user.
	Say func(string)

	goal step.Status // of a successful publication; "" is StatusPublished
}

// StatusPublished says that the image was pushed, and read back.
const StatusPublished step.Status = "published"

// Result is the result of Publish.
type Result struct {
	Name      image.Name  `json:"name"`
	Version   string      `json:"version"`
	Status    step.Status `json:"status"`
	Reference string      `json:"reference"` // REGISTRY/REPOSITORY:TAG@DIGEST
	Image     string      `json:"image"`     // REGISTRY/REPOSITORY
	Digest    string      `json:"digest"`    // "" in a dry run
	Revision  string      `json:"revision"`  // the commit, with -dirty if the tree has changes
	Platforms []string    `json:"platforms"`
}

// String is the one line that scripts read.
func (p Result) String() string { return p.Reference }

// Outputs are the outputs of a CI job, by name.
func (p Result) Outputs() map[string]string {
	return map[string]string{"reference": p.Reference, "digest": p.Digest, "image": p.Image}
}

// Summary is a line of Markdown for the page of a CI job.
func (p Result) Summary() string {
	return fmt.Sprintf("- `%s` (%s; %s)", p.Reference, p.Status, strings.Join(p.Platforms, ", "))
}

// Run publishes.
func (p Publish) Run(ctx context.Context, args tasks.PublishArgs) (_ Result, err error) {
	pub, err := p.prepare(args)
	if err != nil {
		return Result{}, err
	}
	defer func() {
		if closeErr := pub.close(); err == nil {
			err = closeErr
		}
	}()
	if err := step.Run(ctx, p.Watch, pub.steps()); err != nil {
		return Result{}, err
	}
	return pub.result(), nil
}

// prepare checks all arguments before the first step.
func (p Publish) prepare(args tasks.PublishArgs) (*publication, error) {
	pub := &publication{Publish: p, force: args.Force, status: cmp.Or(p.goal, StatusPublished)}
	name, err := image.ParseName(args.Name)
	if err != nil {
		return nil, err
	}
	if pub.version, err = image.ParseVersion(args.Version); err != nil {
		return nil, err
	}
	host := p.Host
	if args.Registry != "" {
		host = args.Registry
	}
	if pub.ref, err = image.NewReference(host, p.Namespace, name, pub.version); err != nil {
		return nil, err
	}
	if args.Platforms != "" {
		if pub.asked, err = image.ParsePlatforms(args.Platforms); err != nil {
			return nil, err
		}
	}
	if err := pub.find(name); err != nil {
		return nil, err
	}
	return pub, nil
}

// find looks up the container in the published tree: the commit, or the working tree for a channel.
func (p *publication) find(name image.Name) (err error) {
	var found image.Container
	if p.files, found, err = p.lookup(name, p.force || p.version.IsChannel()); err == nil {
		p.take(found)
	}
	return err
}

// lookup finds a container in the working tree, or in the commit of HEAD. It returns that tree's files.
func (p Publish) lookup(name image.Name, workTree bool) (fs.FS, image.Container, error) {
	files, err := p.source(workTree)
	if err != nil {
		return nil, image.Container{}, err
	}
	found, err := image.Lookup(files, name)
	var unknown *image.UnknownError
	if errors.As(err, &unknown) && !workTree {
		err = p.uncommitted(name, unknown)
	}
	return files, found, err
}

// uncommitted says why a container that is not in the commit cannot be published: its error in the working tree, if it is there.
func (p Publish) uncommitted(name image.Name, unknown *image.UnknownError) error {
	here, err := image.Lookup(p.Files, name)
	switch {
	case err == nil:
		return &UncommittedError{Dir: here.Dir}
	case errors.As(err, &unknown):
		return unknown
	}
	return err
}

// take sets the container to publish.
func (p *publication) take(c image.Container) {
	p.container = c
	if p.platforms = p.asked; p.platforms == nil {
		p.platforms = p.Platforms.Of(c)
	}
}

// source are the files of the working tree, or those of the commit of HEAD.
func (p Publish) source(workTree bool) (fs.FS, error) {
	if workTree {
		return p.Files, nil
	}
	head, err := p.Repo.Head()
	if err != nil {
		return nil, err
	}
	return p.Trees.Recorded(head.Hash)
}

// steps are in the order of execution: checks first, a look before the build, and another after it.
func (p *publication) steps() []step.Step {
	return []step.Step{
		{Name: "check the commit", Run: p.checkCommit},
		{Name: "read the credentials for " + p.ref.Registry, Run: p.login},
		{Name: "check the registry", Run: p.look},
		{Name: "check the content", Run: p.checkContent},
		{Name: "build " + string(p.container.Name) + " for " + image.JoinPlatforms(p.platforms), Run: p.build},
		{Name: "export the image", Run: p.export},
		{Name: "assemble the image", Run: p.assemble},
		{Name: "push the image", Run: p.push},
		{Name: "read it back", Run: p.verify},
	}
}
