// Package docsrelease releases a version of the documentation, and deploys an older one again: docs:release and docs:rollback.
package docsrelease

import (
	"fmt"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
)

// Release publishes a version of the documentation: the website is built and uploaded; one commit, tagged with the version, has the
// section of the changelog and a manifest that names the uploaded archive; the version is announced on the forge and deployed, and the
// website is checked.
//
// There is no journal. Each step reads the present state to find its remaining work, so running it again finishes an interrupted
// release. A version becomes final when its tag is pushed, together with the branch. An earlier upload is used again if it is from the
// same pages, date and builder, and stays unused otherwise. A file that a tag could come to name is never replaced or deleted: its name
// carries the hash of its content.
type Release struct {
	Systems
	Builder Builder
	Folder  string         // of the documentation, a slash path
	Zone    *time.Location // the time zone of a release's date; nil is UTC
	// Keep is the number of newest versions that keep their packages; 0 keeps all. The package in the manifest stays as
	// well.
	Keep int
	// TempDir is the folder for the website's archive; "" is the system's.
	TempDir string
}

// The states of a release, in addition to StatusUnchanged and StatusPlanned.
const (
	// StatusReleased: the version is new, and the website serves it.
	StatusReleased step.Status = "released"
	// StatusCompleted: the version existed, and the rest of its release was done.
	StatusCompleted step.Status = "completed"
)

// Released is the result of Release.
type Released struct {
	Version string      `json:"version"`
	Status  step.Status `json:"status"`
	Commit  string      `json:"commit,omitempty"` // of the tag
	URL     string      `json:"url,omitempty"`    // of the website's archive, as in the manifest
	SHA256  string      `json:"sha256,omitempty"` // of the archive
	Page    string      `json:"page,omitempty"`   // of the announcement
	Notes   string      `json:"notes,omitempty"`  // text of the announcement
}

// String is the one line that scripts read: the version.
func (r Released) String() string { return r.Version }

// Outputs are the outputs of a CI job, by name.
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
