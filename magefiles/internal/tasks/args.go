package tasks

import "time"

// BuildArgs are a person's arguments; "" is the default.
type BuildArgs struct {
	Name      string
	Platforms string // "linux/amd64,linux/arm64"; default: this machine's
	Target    string // stage of a Dockerfile; default: the last
	Args      string // build arguments of a Dockerfile, "K=V,K2=V2"
	Output    string // FILE.tar, oci:DIR, DIR, dir:DIR; default: the image stays in the engine
}

// ShellArgs are a person's arguments; "" is the default.
type ShellArgs struct {
	Name     string
	Platform string // "linux/arm64"; default: this machine's
	Target   string // stage of a Dockerfile; default: the last
	Args     string // build arguments of a Dockerfile, "K=V,K2=V2"
	Command  string // of a shell; default: a shell on the terminal
}

// PublishArgs are a person's arguments; "" is the default.
type PublishArgs struct {
	Name      string
	Version   string // vX.Y.Z[-PRE], or a channel
	Platforms string // "linux/amd64,linux/arm64"; default: the container's, else the site's
	Registry  string // host; default: the site's
	// Force publishes a version although the tree has changes, the commit is not on the
	// default branch, or its tag holds another revision; that tag is then moved.
	Force bool
}

// Promoting are -promote and -sync: what follows a publication.
type Promoting struct {
	On   bool
	Sync bool
}

// PromoteArgs are a person's arguments; "" is the default.
type PromoteArgs struct {
	Name    string
	Version string // vX.Y.Z[-PRE], a channel, or VersionNewest
	Digest  string // that the registry must hold under the version; default: any
	Sync    bool   // sync the Applications, and wait
}

// Waiting are -wait and -timeout.
type Waiting struct {
	On      bool
	Timeout *time.Duration
}

// ChangelogArgs are a user's arguments.
type ChangelogArgs struct {
	Version string // vX.Y.Z[-PRE], or the same without the v
	Date    string // as in 2026-03-08; "" is today
}

// DocsArgs are a person's arguments; "" is the default.
type DocsArgs struct {
	Version string // vX.Y.Z, dev or test; default: dev
	Source  string // of Quartz, DIR or URL#REF; default: the setting
	Output  string // the archive's file; default: docs-VERSION.tar.gz
	// Time is the time in the archive: a release's date, a commit's time.
	Time time.Time
	// Date is the version's date in the changelog, as in 2026-03-08, for a version that is being released: an error if the
	// changelog cannot take it. "" is the date of Time.
	Date string
}

// ReleaseArgs are a person's arguments; "" is the default.
type ReleaseArgs struct {
	Version string // patch, minor, major, or vX.Y.Z[-PRE]; also BUMP_PATCH and similar forms
	Date    string // as in 2026-03-08; default: today
	New     bool   // make a version even without changes
}

// ValidateArgs are the flags of validate.
type ValidateArgs struct {
	Only, Since string
	Fix         bool   // correct the findings that need no decision
	Baseline    string // write, none, or a file; "": the default file, if it exists
}

// PackageArgs are a person's arguments.
type PackageArgs struct {
	Name   string // of a Python package, or . for the only one
	Source string // folder of the project; default: the folders of the site
	Output string // folder of wheel and sdist
}

// PackagePublishArgs are a person's arguments; "" is the default.
type PackagePublishArgs struct {
	Name    string // of a Python package, or . for the only one
	Version string // vX.Y.Z[-PRE], patch, minor or major
	Source  string // folder of the project; default: the folders of the site
	Index   string // address; default: the site's
}

// CIArgs are the flags of ci.
type CIArgs struct{ Only, Since, Engine string }
