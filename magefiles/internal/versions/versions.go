// Package versions finds the versions of releases among tags, and the next one.
package versions

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Bump says which number of a version is increased.
type Bump string

const (
	Patch Bump = "patch"
	Minor Bump = "minor"
	Major Bump = "major"
)

// First is the default for the first version of a repository.
const First = "v0.1.0"

// ParseBump reads a version or a bump. Inputs of workflows write the latter in many forms: BUMP_PATCH, bump:patch, Patch.
func ParseBump(text string) (Bump, string, error) {
	word := strings.ToLower(text)
	if rest, ok := strings.CutPrefix(word, "bump"); ok {
		word = strings.TrimLeft(rest, "_-: ")
	}
	if b := Bump(word); b == Patch || b == Minor || b == Major {
		return b, "", nil
	}
	if version, err := image.ParseVersion(text); err == nil {
		return "", version.String(), nil
	}
	reason := "expected patch, minor, major, or vX.Y.Z"
	switch {
	case strings.HasPrefix(text, "-"):
		reason = "looks like a flag; flags come after the positional arguments"
	case semver.IsValid("v" + text):
		reason += "; did you mean " + semver.Canonical("v"+text) + "?"
	case semver.IsValid(text):
		reason += "; did you mean " + semver.Canonical(text) + "?"
	}
	return "", "", &image.InvalidError{What: "version", Input: text, Reason: reason}
}

// Newest is the highest version among tags; "" if there is none. Other tags are ignored.
func Newest(tags map[string]string, withPre bool) string {
	newest := ""
	for tag := range tags {
		if IsRelease(tag) && (withPre || semver.Prerelease(tag) == "") && (newest == "" || semver.Compare(tag, newest) > 0) {
			newest = tag
		}
	}
	return newest
}

func IsRelease(tag string) bool {
	_, err := image.ParseVersion(tag)
	return err == nil
}

// All are the versions among tags, the newest first.
func All(tags map[string]string) []string {
	var versions []string
	for tag := range tags {
		if IsRelease(tag) {
			versions = append(versions, tag)
		}
	}
	slices.SortFunc(versions, func(a, b string) int { return semver.Compare(b, a) })
	return versions
}

// Next is the version after the newest.
func (b Bump) Next(tags map[string]string) (string, error) {
	newest := Newest(tags, false)
	if newest == "" {
		if pre := Newest(tags, true); pre != "" {
			return strings.TrimSuffix(pre, semver.Prerelease(pre)), nil // the version of which it was a preview
		}
		return First, nil
	}
	numbers := [3]uint64{}
	for i, text := range strings.Split(strings.TrimPrefix(newest, "v"), ".") {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return "", &image.InvalidError{What: "tag", Input: newest, Reason: "its number is too large to increase; give the next version"}
		}
		numbers[i] = n
	}
	switch b {
	case Major:
		numbers = [3]uint64{numbers[0] + 1, 0, 0}
	case Minor:
		numbers = [3]uint64{numbers[0], numbers[1] + 1, 0}
	default:
		numbers[2]++
	}
	return fmt.Sprintf("v%d.%d.%d", numbers[0], numbers[1], numbers[2]), nil
}
