package estate

import (
	"context"
	"fmt"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// DoctorPorts are what doctor asks. What is nil the site does not use, and its check is left out.
type DoctorPorts struct {
	Engine   Engine
	Registry Registry
	Forge    Forge
	Clone    Clone
	ArgoCD   Deployment
	Website  Website
	Secrets  Secrets
	Disk     Disk
	Tools    Tools

	Authorities Authorities

	Patience time.Duration // with each check; 0 is 30 s
}

// Engine is what builds.
type Engine interface {
	// Look tells what would be taken, and what it lacks. It builds and starts nothing.
	Look(context.Context) (Outlook, error)
}

// Outlook is what a build would meet.
type Outlook struct {
	Name  string // of the engine that would be taken
	Why   string // it would be, in a few words
	Start error  // why it would not start
	Run   error  // why it would start, but run no command

	Foreign []Foreign // platforms that it would run no command for, and that something needs
}

// Foreign is a platform of which a machine runs no programs.
type Foreign struct {
	Platform   string
	Containers []string // that are published for it and have RUN
}

// Registry is where images are published.
type Registry interface {
	fmt.Stringer // its host
	// Read looks whether it answers and lets this account read.
	Read(context.Context) error
	// Push asks whether this account may push, and stores nothing.
	Push(context.Context) error
}

// Forge keeps the repository, the packages and the releases.
type Forge interface {
	fmt.Stringer // its host
	// Ask asks for all that releases need. The first answer is about the token itself; without a valid one there are no others.
	Ask(context.Context) []Answer
}

// Answer is what became of one question.
type Answer struct {
	What string // was asked, as in «push to main of eblume/blumeops»
	Err  error  // why it cannot be done; nil: it can
}

// Clone is the clone that this runs in, and its remote.
type Clone interface {
	fmt.Stringer // address of the remote, without credentials
	// State is what can be told without the remote.
	State(context.Context) (CloneState, error)
	// MayPush asks whether a branch and a tag could be pushed, and pushes nothing.
	MayPush(context.Context) error
}

// CloneState is what matters of a clone for a release.
type CloneState struct {
	Head     string   // the commit that is checked out
	Default  string   // name of the default branch
	Released bool     // Head is on it, as far as this clone knows
	Changed  []string // paths that differ from Head
	Shallow  bool     // the history is cut off
}

// Deployment is the Application of the docs.
type Deployment interface {
	fmt.Stringer // as in «application docs of argocd.example»
	// Look asks whether it could be seen and synced now, and does not sync it.
	Look(context.Context) (Deployed, error)
}

// Deployed is what Argo CD says of an Application.
type Deployed struct {
	Health  string // in Argo CD's words
	Trouble string // why it cannot be compared; "" if it can
}

// Website is the site of the docs.
type Website interface {
	fmt.Stringer // its address
	// Version is that which it serves; "" if it does not say.
	Version(context.Context) (string, error)
}

// Secrets are those that the settings refer to.
type Secrets interface {
	// Check tries to read each of them.
	Check(context.Context) ([]Secret, error)
}

// Secret is one of them, without its value.
type Secret struct {
	Name   string
	Reason string // why it cannot be read; "" if it can
	Hint   string // what to do then
}

// Disk is where targets keep what they make.
type Disk interface {
	// Folders are those, with what is free there.
	Folders() ([]Folder, error)
}

// Folder is a place on a disk.
type Folder struct {
	Path  string
	Holds string // in a word or two
	Free  uint64 // bytes that this user may still write
	Needs uint64 // bytes
}

// What a release writes at most, roughly doubled, so that it does not fail halfway.
const (
	// NeedsEngine is for the folder of the engine: an image of Node unpacked and the modules of a site generator are 1 GB, a Python
	// or Go image with its build stage as much.
	NeedsEngine = 4 << 30
	// NeedsCache is for the user's cache folder, and for temporary files: programs that are built once and the compiler's own cache, 300 MB;
	// a site's archive; an exported image.
	NeedsCache = 1 << 30
)

// Tools are the commands that targets run.
type Tools interface {
	Look() []Tool
}

// Tool is a command.
type Tool struct {
	Name string
	For  string // what it is needed for, as in «container:build of a Go container»
	Err  error  // why it cannot be run
}

// Authorities are the certificate authorities that are trusted in addition to the system's.
type Authorities interface {
	Look() ([]Authority, error)
}

// Authority is a file or a folder of them.
type Authority struct {
	Name         string // the setting or the variable that names it
	Path         string
	Certificates int
	Err          error // why none can be read from it
}

// Doctor are the checks of the target doctor.
func Doctor(p DoctorPorts) []validate.Check {
	var list []validate.Check
	add := func(used bool, c validate.Check) {
		if used {
			c.Run = bounded(p.Patience, c.Run)
			list = append(list, c)
		}
	}
	add(p.Tools != nil, tools(p.Tools))
	add(p.Disk != nil, disk(p.Disk))
	add(p.Authorities != nil, authorities(p.Authorities))
	add(p.Secrets != nil, secrets(p.Secrets))
	add(p.Engine != nil, engine(p.Engine))
	add(p.Registry != nil, registry(p.Registry))
	add(p.Forge != nil, forge(p.Forge))
	add(p.Clone != nil, push(p.Clone))
	add(p.ArgoCD != nil, argocd(p.ArgoCD))
	add(p.Website != nil, website(p.Website, p.ArgoCD))
	return list
}
