package doctor

import (
	"context"
	"fmt"
	"time"
)

// Ports are the systems that doctor checks. A nil one is not used by the site, and its check is left out.
type Ports struct {
	Engine   Engine
	Builders Builders
	Registry Registry
	Cache    Cache
	Forge    Forge
	Clone    Clone
	ArgoCD   Deployment
	Website  Website
	Secrets  Secrets
	Disk     Disk
	Tools    Tools

	Authorities Authorities

	Patience time.Duration // of each check; 0 is 30 s
}

// Engine builds images.
type Engine interface {
	// Look returns the engine that a build would use, and what is missing. It builds and starts nothing.
	Look(context.Context) (Outlook, error)
}

// Outlook describes the engine of a build, and what is missing for it.
type Outlook struct {
	Name  string // of the engine that a build would use
	Why   string // why this engine, in a few words
	Start error  // why it would not start
	Run   error  // why it would start, but not run commands

	Foreign []Foreign // required platforms for which it cannot run commands
}

// Foreign is a platform whose programs the machine cannot run.
type Foreign struct {
	Platform   string
	Containers []string // that are published for it and use RUN
}

// Builders are the engines of the setting Builders.
type Builders interface {
	// Look connects to each of them. It builds and starts nothing.
	Look(context.Context) ([]Builder, error)
}

// Builder is an engine that is declared for a platform.
type Builder struct {
	Platform, Address string
	Err               error  // why it cannot build for the platform
	Other             string // that it has another version of BuildKit; "" if it has not
}

// Registry is the registry of published images.
type Registry interface {
	fmt.Stringer // its host
	// Read checks that it answers and that this account may read.
	Read(context.Context) error
	// Push checks that this account may push. It stores nothing.
	Push(context.Context) error
}

// Cache is the repository with the cache of builds.
type Cache interface {
	Registry // Push checks nothing if this machine does not write the cache
	// Old are the entries of containers that do not exist any more.
	Old(context.Context) ([]string, error)
}

// Forge is the server of the repository, the packages and the releases.
type Forge interface {
	fmt.Stringer // its host
	// Ask checks everything that releases require: a result is why that is not possible, nil if it is. The first one is about the token itself;
	// without a valid one there are no others.
	Ask(context.Context) []error
}

// Clone is the current clone, and its remote.
type Clone interface {
	fmt.Stringer // address of the remote, without credentials
	// State is the state of the clone, without asking the remote.
	State(context.Context) (CloneState, error)
	// MayPush checks that a branch and a tag could be pushed. It pushes nothing.
	MayPush(context.Context) error
}

// CloneState is the part of a clone's state that a release depends on.
type CloneState struct {
	Head     string   // the checked-out commit
	Default  string   // name of the default branch
	Released bool     // Head is on the default branch, as far as this clone knows
	Changed  []string // paths that differ from Head
	Shallow  bool     // the history is incomplete
}

// Deployment is the Application of the docs.
type Deployment interface {
	fmt.Stringer // as in "application docs of argocd.example"
	// Look checks that it can be read and synced now, and does not sync it. It returns the health in Argo CD's term, and why the Application cannot
	// be compared; "" if it can.
	Look(context.Context) (health, trouble string, err error)
}

// Website is the published documentation.
type Website interface {
	fmt.Stringer // its address
	// Version is the published version; "" if the website does not state one.
	Version(context.Context) (string, error)
}

// Secrets are the secrets that the settings refer to.
type Secrets interface {
	// Check tries to read each of them.
	Check(context.Context) ([]Secret, error)
}

// Secret is a reference to a secret, without the value.
type Secret struct {
	Name   string
	Reason string // why it cannot be read; "" if it can
	Hint   string // what to do
}

// Disk is the disks on which targets store files.
type Disk interface {
	// Folders returns the folders, with their free space.
	Folders() ([]Folder, error)
}

// Folder is a folder on a disk.
type Folder struct {
	Path  string
	Holds string // its content, in a word or two
	Free  uint64 // bytes that this user may still write
	Needs uint64 // bytes
}

// The space that a release requires: its maximum roughly doubled, so that the release does not fail halfway.
const (
	// NeedsEngine is for the folder of the engine: an unpacked image of Node and the modules of a site generator take 1 GB; a Python or Go
	// image with its build stage takes the same.
	NeedsEngine = 4 << 30
	// NeedsCache is for the user's cache folder and for temporary files: compiled programs and the compiler's own cache, 300 MB; a
	// website's archive; an exported image.
	NeedsCache = 1 << 30
)

// Tools are the commands that targets run.
type Tools interface {
	Look() []Tool
}

// Tool is a command.
type Tool struct {
	Name string
	For  string // the use of the command, as in "container:build of a Go container"
	Err  error  // why it cannot be run
}

// Authorities are the certificate authorities that are trusted in addition to the system's.
type Authorities interface {
	Look() ([]Authority, error)
}

// Authority is a file with certificate authorities, or a folder of such files.
type Authority struct {
	Name         string // the setting or variable that names it
	Path         string
	Certificates int
	Err          error // why no certificate can be read from it
}
