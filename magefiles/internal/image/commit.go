package image

import (
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

// shortCommit is the number of digits of a commit in a version.
const shortCommit = 7

var (
	commitForm   = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	commitSuffix = regexp.MustCompile(`-([0-9a-f]{7,64})$`)
)

// CommitVersion is the version under which a commit of a container is published: v<version of
// the packaged application>-<7 digits of the commit>. The application's version is completed to
// three numbers, and its build metadata, which a tag cannot hold, is left out. If the 7 digits
// are a number that begins with 0, which a semantic version may not hold, more digits are used.
// The error is an *InvalidError.
func CommitVersion(application, commit string) (Version, error) {
	invalid := func(reason string) (Version, error) {
		return Version{}, &InvalidError{What: "version of the application", Input: application, Reason: reason}
	}
	if application == "" {
		return invalid("is missing; write ARG CONTAINER_APP_VERSION=X.Y.Z in the Dockerfile, or //blumeops:version X.Y.Z in the Go program")
	}
	base := semver.Canonical("v" + strings.TrimPrefix(application, "v"))
	if base == "" {
		return invalid("expected a semantic version, such as 1.2.3")
	}
	if !IsCommit(commit) {
		return Version{}, &InvalidError{What: "commit", Input: commit, Reason: "expected its full hash"}
	}
	for n := shortCommit; n <= len(commit); n++ {
		if v := base + "-" + commit[:n]; isVersion(v) {
			return Version{tag: v}, nil
		}
	}
	return invalid("is too long for a tag with a commit")
}

// Commit is the commit that the version ends with, abbreviated, as CommitVersion makes
// it. ok is false if it ends with none.
func (v Version) Commit() (abbreviated string, ok bool) {
	m := commitSuffix.FindStringSubmatch(v.tag)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// IsCommit reports whether s is the full hash of a commit, in the form of labels.
func IsCommit(s string) bool { return commitForm.MatchString(s) }
