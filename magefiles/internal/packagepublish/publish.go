// Package packagepublish builds a Python package from a commit and uploads it to an index: package:publish.
package packagepublish

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Index is the index to publish to.
type Index interface {
	// Files lists the files of a project, by its normalized name; none if there is no such project.
	Files(ctx context.Context, project string) ([]python.Stored, error)
	// Upload sends a file. python.ErrStored if the index has a file of that name, with any content.
	Upload(context.Context, python.Dist) error
	// URL is its address, without credentials.
	URL() string
}

// Repo is the git repository that packages are built from.
type Repo interface {
	Head() (image.Commit, error)
	// Changed lists the paths that differ from HEAD, untracked ones too.
	Changed(ctx context.Context, under ...string) ([]string, error)
	// OnDefaultBranch reports whether the default branch holds the commit, and names that branch.
	OnDefaultBranch(ctx context.Context, hash string) (ok bool, branch string, err error)
	// Recorded are the files that a commit records.
	Recorded(commit string) (fs.FS, error)
}

// TagLooker asks the forge for its tags.
type TagLooker interface {
	// Heads reads the present tags. It fetches nothing.
	Heads(context.Context) (vcs.Heads, error)
}

// Publish builds the wheel and the sdist of a Python package and uploads them.
//
// A version is published once, from a clean tree whose commit is on the default branch, and from the files of that commit. A file that the index
// has with the same content is left; one with another content is refused. So running it again finishes an interrupted publish, even after the
// upload of one of the two files.
type Publish struct {
	Places python.Places
	Repo   Repo
	// CheckOut returns the files of a folder of a commit, by their paths from the root of the repository. Nothing leads out of them.
	CheckOut func(ctx context.Context, commit, dir string) (fs.FS, error)
	Builder  python.Builder
	Index    Index
	// MayUpload, if set, fails if the account may not upload to the index. It uploads nothing.
	MayUpload func(context.Context) error
	// Tag, if set, is the tag that the forge must have on HEAD: a tag that was moved or deleted meanwhile publishes nothing.
	Tag    string
	Remote TagLooker // is asked if Tag is set
	Watch  step.Watch
	Note   func(string) // if set, is called with notes for the user

	plan func(string) // of a dry run; nil: it is none
}

// DryRun returns the same use case, which builds and uploads nothing and prints what would be done. All checks before the build run.
func (p Publish) DryRun(plan func(string)) Publish {
	p.plan, p.Watch = plan, nil
	return p
}

// StatusPublished says that files were uploaded, and read back.
const StatusPublished step.Status = "published"

// Result is the result of Publish.
type Result struct {
	Name     python.Name `json:"name"`
	Version  string      `json:"version"` // vX.Y.Z[-PRE]
	Package  string      `json:"package"` // NAME==VERSION, as pip reads it
	Status   step.Status `json:"status"`
	Index    string      `json:"index"`
	Revision string      `json:"revision"` // the commit
	Files    []File      `json:"files"`    // none in a dry run
}

// File is a published file.
type File struct {
	Name   string      `json:"name"`
	Kind   python.Kind `json:"kind"`
	SHA256 string      `json:"sha256"`
	Status step.Status `json:"status"` // published or unchanged
}

// String is the one line that scripts read.
func (r Result) String() string { return r.Package }

// Outputs are the outputs of a CI job, by name.
func (r Result) Outputs() map[string]string {
	names := make([]string, len(r.Files))
	for i, f := range r.Files {
		names[i] = f.Name
	}
	return map[string]string{"package": r.Package, "version": r.Version, "files": strings.Join(names, " ")}
}

// Summary is a line of Markdown for the page of a CI job.
func (r Result) Summary() string {
	return fmt.Sprintf("- `%s` (%s; commit %.12s)", r.Package, r.Status, r.Revision)
}
