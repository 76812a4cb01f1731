// Package publish builds the image of a container, or of several, and pushes it: container:publish and ci:tag.
package publish

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
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
	Channels  image.Channels         // tags that may move
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
