package image

import (
	"strings"
)

// Tag is a git tag that releases a container: NAME-vX.Y.Z, as in devpi-v1.1.0.
type Tag struct {
	Name    Name
	Version Version // never a channel
}

// tagRefs is the prefix of tags in git and in a forge's events.
const tagRefs = "refs/tags/"

// TagName removes the `refs/tags/` that an event of a forge puts before a tag's name.
func TagName(ref string) string { return strings.TrimPrefix(ref, tagRefs) }

// NewTag is the tag of a container's version. A channel has none: the error is an *InvalidError.
func NewTag(name Name, version Version) (Tag, error) {
	tag := Tag{name, version}
	switch {
	case version.IsChannel():
		return Tag{}, &InvalidError{What: "tag", Input: tag.String(), Reason: "has a channel, which has no release tag; publish it with `container:publish`"}
	case strings.HasSuffix(version.tag, ".lock"): // git refuses such names (git-check-ref-format)
		return Tag{}, &InvalidError{What: "tag", Input: tag.String(), Reason: "ends with .lock, which git does not allow"}
	}
	return tag, nil
}

// ParseTag reads NAME-vX.Y.Z or NAME-vX.Y.Z-PRE, with or without `refs/tags/` before it. The name may itself
// hold dashes and digits: it ends at the last `-v` that a whole version follows. The error is an
// *InvalidError.
func ParseTag(ref string) (Tag, error) {
	text := TagName(ref)
	for end := len(text); end >= 0; {
		if end = strings.LastIndex(text[:end], "-v"); end < 0 {
			break
		}
		name, nameErr := ParseName(text[:end])
		version, versionErr := ParseVersion(text[end+1:])
		if nameErr == nil && versionErr == nil {
			return NewTag(name, version)
		}
	}
	return Tag{}, &InvalidError{What: "tag", Input: ref, Reason: tagReason(text)}
}

func tagReason(text string) string {
	const want = "expected NAME-vX.Y.Z or NAME-vX.Y.Z-PRE, such as devpi-v1.1.0"
	at := strings.LastIndex(text, "-v")
	switch {
	case text == "":
		return "is empty; " + want
	case strings.HasPrefix(text, "refs/"):
		return "is not a tag; " + want
	case isVersion(text), strings.HasPrefix(text, "-v"):
		return "has no container name; " + want
	case at < 0:
		return want + "; a channel is published without a tag"
	}
	if _, err := ParseVersion(text[at+1:]); err != nil && nameForm.MatchString(text[:at]) {
		return versionReason(text[at+1:], "expected NAME-vX.Y.Z or NAME-vX.Y.Z-PRE", nil)
	}
	return want
}

// String is the tag's name, without `refs/tags/`.
func (t Tag) String() string { return string(t.Name) + "-" + t.Version.tag }
