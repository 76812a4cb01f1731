package docsrelease

import (
	"fmt"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// LowerVersionError says that the requested version would not be the newest.
type LowerVersionError struct {
	Version, Newest string
	Exists          bool
}

func (e *LowerVersionError) Error() string {
	if e.Exists {
		return fmt.Sprintf("%s is already released, and %s after it", e.Version, e.Newest)
	}
	return fmt.Sprintf("%s is lower than %s, which is already released", e.Version, e.Newest)
}

// Hint says what to do.
func (e *LowerVersionError) Hint() string {
	return "use patch, minor, major or a higher version; docs:rollback deploys an older one"
}

// ExitStatus is the status for invalid arguments.
func (e *LowerVersionError) ExitStatus() int { return 2 }

// VersionTakenError says that another client released the version meanwhile.
type VersionTakenError struct{ Version, Commit string }

func (e *VersionTakenError) Error() string {
	return fmt.Sprintf("someone else released %s meanwhile, as commit %.12s", e.Version, e.Commit)
}

// Hint says what to do.
func (e *VersionTakenError) Hint() string {
	return "run the same command again to complete that release, or release the next version"
}

// unpushedError says that the checkout has changes that the release would not have.
type unpushedError struct {
	Branch string
	Paths  []string
}

func (e *unpushedError) Error() string {
	return fmt.Sprintf("changes that are not on branch %s of the forge: %s", e.Branch, plain.Paths(e.Paths))
}

// Hint says what to do.
func (e *unpushedError) Hint() string {
	return "a release contains only the commits at the forge: commit and push the changes, or stash them"
}

// storeError says that the package does not hold the expected file.
type storeError struct {
	Version, File string
	Want          vcs.Sum
	Found         vcs.Sum
	Missing       bool
	Final         bool // a tag names the file
}

func (e *storeError) Error() string {
	what := fmt.Sprintf("the package has %s of %s with %s (expected: %s)", e.File, e.Version, e.Found, e.Want)
	if e.Missing {
		what = fmt.Sprintf("the package does not have %s of %s", e.File, e.Version)
	}
	if !e.Final {
		what += ", although it was just stored"
	}
	return what
}

// Hint says what to do.
func (e *storeError) Hint() string {
	if e.Final {
		return fmt.Sprintf("restore the file from a backup of the forge, or release the next version with `docs:release patch -new`; the tag %s names this one", e.Version)
	}
	return "check the storage of the forge, and proxies in front of it; nothing was tagged or pushed"
}

// siteError says that the website serves another version than the deployed one.
type siteError struct {
	Site   string
	Want   string
	Serves string // "" if it has no version
	Err    error  // if the request failed
	After  time.Duration
}

func (e *siteError) Error() string {
	serves := "serves " + e.Serves
	switch {
	case e.Err != nil:
		serves = fmt.Sprintf("does not answer (%v)", e.Err)
	case e.Serves == "":
		serves = "states no version"
	}
	return fmt.Sprintf("%s is deployed, but %s after the deployment %s still %s", e.Want, e.After, e.Site, serves)
}

func (e *siteError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *siteError) Hint() string {
	return "a cache in front of the website may have the old version: clear it (BLUMEOPS_DOCS_HOOK can do that after each deployment), then run the same command again to finish the release"
}

// pinError says that a version's manifest does not name its own package, so that a rollback is impossible.
type pinError struct{ Version, URL string }

func (e *pinError) Error() string {
	if e.URL == "" {
		return "the manifest at " + e.Version + " names no package"
	}
	return fmt.Sprintf("the manifest at %s names %s, which is not a package of that version", e.Version, e.URL)
}

// Hint says what to do.
func (e *pinError) Hint() string {
	return "use a version that docs:release made; git tag --list shows them"
}

// retiredError says that the package of a version was removed after later releases.
type retiredError struct {
	Version string
	Keep    int
	Kept    []string // versions, the newest first
}

func (e *retiredError) Error() string {
	return fmt.Sprintf("the package of %s was removed: DocsKeep (BLUMEOPS_DOCS_KEEP) keeps those of the newest %d versions", e.Version, e.Keep)
}

// Hint says what to do.
func (e *retiredError) Hint() string {
	return fmt.Sprintf("roll back to one of %s; or revert the pages and release them as the next version. A larger DocsKeep keeps more packages of future releases", strings.Join(e.Kept, ", "))
}

// unknownVersionError says that there is no such version.
type unknownVersionError struct {
	Version string
	Newest  []string
}

func (e *unknownVersionError) Error() string {
	return "tag " + e.Version + " not found at the forge"
}

// Hint says what to do.
func (e *unknownVersionError) Hint() string {
	if len(e.Newest) == 0 {
		return "there is no release yet"
	}
	return "the newest versions are " + strings.Join(e.Newest, ", ")
}

// ExitStatus is the status for invalid arguments.
func (e *unknownVersionError) ExitStatus() int { return 2 }
