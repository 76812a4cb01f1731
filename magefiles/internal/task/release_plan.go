package task

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// bump is which number of a version goes up.
type bump string

const (
	bumpPatch bump = "patch"
	bumpMinor bump = "minor"
	bumpMajor bump = "major"
)

// firstVersion is that of a repository that has none, if nobody asks for another.
const firstVersion = "v0.1.0"

// request is what was asked for.
type request struct {
	bump    bump   // "" if a version was named
	version string // that was named
	date    string
	fresh   bool // also if there is nothing new
}

// parseBump reads a version or which number goes up. Inputs of workflows have the latter in many forms: BUMP_PATCH, bump:patch, Patch.
func parseBump(text string) (bump, string, error) {
	word := strings.ToLower(text)
	if rest, ok := strings.CutPrefix(word, "bump"); ok {
		word = strings.TrimLeft(rest, "_-: ")
	}
	if b := bump(word); b == bumpPatch || b == bumpMinor || b == bumpMajor {
		return b, "", nil
	}
	if version, err := image.ParseVersion(text); err == nil && !version.IsChannel() {
		return "", version.String(), nil
	}
	reason := "want patch, minor, major, or vX.Y.Z"
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

func (r Release) parse(args ReleaseArgs) (q request, err error) {
	q.fresh = args.New
	if q.bump, q.version, err = parseBump(args.Version); err != nil {
		return q, err
	}
	q.date = cmp.Or(args.Date, r.now().In(cmp.Or(r.Zone, time.UTC)).Format(time.DateOnly))
	if _, err := time.Parse(time.DateOnly, q.date); err != nil {
		return q, &image.InvalidError{What: "date", Input: args.Date, Reason: "want YEAR-MONTH-DAY, as in 2026-03-08"}
	}
	return q, nil
}

// newestOf is the highest of the versions among tags; "" if there is none. Tags that are no versions are others' business.
func newestOf(tags map[string]string, withPre bool) string {
	newest := ""
	for tag := range tags {
		if isRelease(tag) && (withPre || semver.Prerelease(tag) == "") && (newest == "" || semver.Compare(tag, newest) > 0) {
			newest = tag
		}
	}
	return newest
}

func isRelease(tag string) bool {
	v, err := image.ParseVersion(tag)
	return err == nil && !v.IsChannel()
}

// versionsOf are the versions among tags, the newest first.
func versionsOf(tags map[string]string) []string {
	var versions []string
	for tag := range tags {
		if isRelease(tag) {
			versions = append(versions, tag)
		}
	}
	slices.SortFunc(versions, func(a, b string) int { return semver.Compare(b, a) })
	return versions
}

// next is the version after the newest.
func (b bump) next(tags map[string]string) (string, error) {
	newest := newestOf(tags, false)
	if newest == "" {
		if pre := newestOf(tags, true); pre != "" {
			return strings.TrimSuffix(pre, semver.Prerelease(pre)), nil // what it was a preview of
		}
		return firstVersion, nil
	}
	numbers := [3]uint64{}
	for i, text := range strings.Split(strings.TrimPrefix(newest, "v"), ".") {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return "", &image.InvalidError{What: "tag", Input: newest, Reason: "has a number that is too large to count on; name the next version"}
		}
		numbers[i] = n
	}
	switch b {
	case bumpMajor:
		numbers = [3]uint64{numbers[0] + 1, 0, 0}
	case bumpMinor:
		numbers = [3]uint64{numbers[0], numbers[1] + 1, 0}
	default:
		numbers[2]++
	}
	return fmt.Sprintf("v%d.%d.%d", numbers[0], numbers[1], numbers[2]), nil
}

// withPre says whether previews count as versions: only for who asks for one.
func (q request) withPre() bool { return semver.Prerelease(q.version) != "" }

// goal is what a round comes to.
type goal int

const (
	goalNothing goal = iota // all is done
	goalFinish              // the newest version is to be finished
	goalMake                // a version is to be made
)

// situation is what was found in the world.
type situation struct {
	tags  map[string]string
	lacks []string // what the newest version's release lacks; none if it is complete, or not ours to finish
	news  string   // what there is to release since then; "" for nothing
	raced bool     // another was quicker than an earlier attempt
}

// decision is what is to be done.
type decision struct {
	goal    goal
	version string
	why     string // for people; "" for nothing to say
	warn    string
}

// decide is all of the policy.
func decide(q request, s situation) (decision, error) {
	newest := newestOf(s.tags, q.withPre())
	finish := decision{goal: goalFinish, version: newest, why: newest + " is not complete yet (" + strings.Join(s.lacks, "; ") + ")"}
	version, warning := q.version, ""
	switch commit, exists := s.tags[q.version]; {
	case q.bump != "" && len(s.lacks) > 0:
		return finish, nil
	case q.bump != "":
		next, err := q.bump.next(s.tags)
		if err != nil {
			return decision{}, err
		}
		version = next
	case exists && s.raced:
		return decision{}, &VersionTakenError{Version: version, Commit: commit}
	case exists && version == newest && len(s.lacks) > 0:
		return finish, nil
	case exists && version == newest:
		return decision{goal: goalNothing, version: newest, why: newest + " is released already, and complete"}, nil
	case newest != "" && semver.Compare(version, newest) < 0:
		return decision{}, &LowerVersionError{Version: version, Newest: newest, Exists: exists}
	case len(s.lacks) > 0:
		warning = finish.why + ", and " + version + " takes its place, as it was asked for by name"
	}
	if newest != "" && s.news == "" && !q.fresh {
		return decision{goal: goalNothing, version: newest, why: "nothing is new since " + newest + ": nothing was released (-new makes " + version + " all the same)"}, nil
	}
	return decision{goal: goalMake, version: version, why: s.news, warn: warning}, nil
}
