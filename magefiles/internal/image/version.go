package image

import (
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// Version is the tag under which an image is published: a semantic version, which
// is published once and never moves, or a channel, which moves.
type Version struct{ tag string }

// channels are the tags that may move.
var channels = []string{"dev", "test"}

// maxTag is the longest tag of the OCI distribution specification.
const maxTag = 128

// ParseVersion accepts vX.Y.Z, vX.Y.Z-PRE and the channels dev and test.
// The error is an *InvalidError.
func ParseVersion(s string) (Version, error) {
	if slices.Contains(channels, s) || isVersion(s) {
		return Version{s}, nil
	}
	return Version{}, &InvalidError{What: "version", Input: s, Reason: versionReason(s)}
}

// isVersion reports whether s is a full semantic version that a tag can hold: build metadata is
// refused, as tags have no `+`.
func isVersion(s string) bool {
	return semver.IsValid(s) && semver.Canonical(s) == s && len(s) <= maxTag
}

func versionReason(s string) string {
	const want = "expected vX.Y.Z, vX.Y.Z-PRE, or a channel (dev, test)"
	switch {
	case s == "":
		return "is empty; " + want
	case strings.HasPrefix(s, "-"):
		return "looks like a flag; flags come after the positional arguments"
	case len(s) > maxTag:
		return "is longer than 128 characters, the maximum of a tag"
	case s == "latest":
		return "is not a channel, because it does not name a version; " + want
	case semver.Build(s) != "":
		return "has build metadata, which a tag cannot contain; did you mean " + semver.Canonical(s) + "?"
	case semver.IsValid(s):
		return want + "; did you mean " + semver.Canonical(s) + "?"
	case semver.IsValid("v" + s):
		return want + "; did you mean " + semver.Canonical("v"+s) + "?"
	}
	if near := nearest(s, channels); near != "" {
		return want + "; did you mean " + near + "?"
	}
	return want
}

// String returns the tag.
func (v Version) String() string { return v.tag }

// IsChannel reports whether the version may move.
func (v Version) IsChannel() bool { return slices.Contains(channels, v.tag) }
