package image

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// Version is the tag under which an image is published: a semantic version, which
// is published once and never moves, or a channel, which moves.
type Version struct {
	tag     string
	channel bool
}

// maxTag is the longest tag of the OCI distribution specification.
const maxTag = 128

// tagForm is the form of a tag in the OCI distribution specification.
var tagForm = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// ParseVersion accepts vX.Y.Z and vX.Y.Z-PRE. The error is an *InvalidError.
func ParseVersion(s string) (Version, error) {
	if isVersion(s) {
		return Version{tag: s}, nil
	}
	return Version{}, &InvalidError{What: "version", Input: s, Reason: versionReason(s, "expected vX.Y.Z or vX.Y.Z-PRE", nil)}
}

// Channels are the tags that may move at a site.
type Channels []string

// words are the texts that targets accept in place of a version.
var words = []string{"auto", "newest"}

// ParseChannels checks the names of channels. Each must be a tag, and neither a version nor a word that targets accept in its place. The error
// is an *InvalidError.
func ParseChannels(names []string) (Channels, error) {
	for i, name := range names {
		reason := ""
		switch {
		case !tagForm.MatchString(name):
			reason = "is not a tag: expected up to 128 letters, digits and ._-, not first . or -"
		case isVersion(name):
			reason = "is a version, and versions never move; expected a name such as dev or edge"
		case slices.Contains(words, name):
			reason = "has another meaning as a version of a target; choose another name"
		case slices.Contains(names[:i], name):
			reason = "is there twice"
		default:
			continue
		}
		return nil, &InvalidError{What: "channel", Input: name, Reason: reason}
	}
	return names, nil
}

// Parse accepts what ParseVersion accepts, and the channels. The error is an *InvalidError.
func (c Channels) Parse(s string) (Version, error) {
	if slices.Contains(c, s) {
		return Version{tag: s, channel: true}, nil
	}
	if isVersion(s) {
		return Version{tag: s}, nil
	}
	want := "expected vX.Y.Z or vX.Y.Z-PRE"
	if len(c) > 0 {
		want = fmt.Sprintf("expected vX.Y.Z, vX.Y.Z-PRE, or a channel (%s)", strings.Join(c, ", "))
	}
	return Version{}, &InvalidError{What: "version", Input: s, Reason: versionReason(s, want, c)}
}

// Advice is part of a hint: publish to a channel. It ends with a comma, and is empty if there are no channels.
func (c Channels) Advice() string {
	if len(c) == 0 {
		return ""
	}
	return fmt.Sprintf("publish to a channel (%s), ", strings.Join(c, ", "))
}

// isVersion reports whether s is a full semantic version that a tag can hold: build metadata is
// refused, as tags have no `+`.
func isVersion(s string) bool {
	return semver.IsValid(s) && semver.Canonical(s) == s && len(s) <= maxTag
}

func versionReason(s, want string, channels Channels) string {
	switch {
	case s == "":
		return "is empty; " + want
	case strings.HasPrefix(s, "-"):
		return "looks like a flag; flags come after the positional arguments"
	case len(s) > maxTag:
		return "is longer than 128 characters, the maximum of a tag"
	case s == "latest":
		return "does not name a version, and is not a channel of this site; " + want
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
func (v Version) IsChannel() bool { return v.channel }
