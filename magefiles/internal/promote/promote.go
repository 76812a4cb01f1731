// Package promote writes a published version of a container to the manifests: container:promote.
package promote

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
)

// Promote writes a published version of a container, with its digest, to the manifests on the forge's branch, in one commit. Manifests that name
// it already are left alone, so another run finishes one that was interrupted.
type Promote struct {
	Origin       gitops.Origin
	Registry     image.Registry
	Applications Applications // nil: there are none to sync, and a request to sync them gives a note
	Host         string       // of the registry
	Namespace    string       // before the name, in the registry
	Manifests    string       // folder of the manifests, a slash path
	Channels     image.Channels

	Watch step.Watch
	Note  func(string) // called with notes for the user; nil: no notes
	Warn  func(string) // called with warnings for the user
	Now   func() time.Time

	plan func(string) // called with the changes in a dry run
}

// Applications are the Argo CD Applications that deploy the manifests.
type Applications interface {
	// Deploying lists the folders of the repository's branch that are deployed, and by which Application. An Application may have
	// several.
	Deploying(context.Context) ([]DeployedFolder, error)
	// Of is the Application of that name.
	Of(name string) gitops.Deployer
}

// DeployedFolder is a folder of the repository that an Application deploys.
type DeployedFolder struct {
	Application string
	Folder      string // slash path from the root
	Recurse     bool   // without a kustomization, the folders below count too
}

// VersionNewest is, in place of a version, the highest vX.Y.Z in the registry. Versions with a suffix, such as those of commits, have no order.
const VersionNewest = "newest"

// StatusPromoted says that the branch names the version.
const StatusPromoted step.Status = "promoted"

// Result is the result of Promote.
type Result struct {
	Name         image.Name  `json:"name"`
	Version      string      `json:"version"`
	Status       step.Status `json:"status"` // promoted; unchanged; planned
	Reference    string      `json:"reference"`
	Digest       string      `json:"digest"`
	Commit       string      `json:"commit,omitempty"` // of the branch, with the version
	Uses         []image.Use `json:"uses"`             // places with the version
	Applications []string    `json:"applications"`     // that were synced
}

// String is the one line that scripts read: REGISTRY/NAMESPACE/NAME:VERSION@DIGEST.
func (p Result) String() string { return p.Reference }

// Outputs are the outputs of a CI job, by name.
func (p Result) Outputs() map[string]string {
	return map[string]string{"reference": p.Reference, "digest": p.Digest, "status": string(p.Status), "commit": p.Commit}
}

// Summary is a line of Markdown for the page of a CI job.
func (p Result) Summary() string {
	return fmt.Sprintf("- `%s` in %s (%s)", p.Reference, cmp.Or(image.JoinUses(p.Uses), "-"), p.Status)
}
