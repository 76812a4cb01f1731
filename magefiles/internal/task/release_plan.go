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

// bump says which number of a version is increased.
type bump string

const (
	bumpPatch bump = "patch"
	bumpMinor bump = "minor"
	bumpMajor bump = "major"
)

// firstVersion is the default for the first version of a repository.
const firstVersion = "v0.1.0"

// request is the user's request.
type request struct {
	bump    bump   // "" if a version was named
	version string // that was named
	date    string
	fresh   bool // also without changes
}

// parseBump reads a version or a bump. Inputs of workflows write the latter in many forms: BUMP_PATCH, bump:patch, Patch.
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

func (r Release) parse(args ReleaseArgs) (q request, err error) {
	q.fresh = args.New
	if q.bump, q.version, err = parseBump(args.Version); err != nil {
		return q, err
	}
	q.date = cmp.Or(args.Date, r.now().In(cmp.Or(r.Zone, time.UTC)).Format(time.DateOnly))
	if _, err := time.Parse(time.DateOnly, q.date); err != nil {
		return q, &image.InvalidError{What: "date", Input: args.Date, Reason: "expected YEAR-MONTH-DAY (example: 2026-03-08)"}
	}
	return q, nil
}

// newestOf is the highest version among tags; "" if there is none. Other tags are ignored.
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
			return strings.TrimSuffix(pre, semver.Prerelease(pre)), nil // the version of which it was a preview
		}
		return firstVersion, nil
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
	case bumpMajor:
		numbers = [3]uint64{numbers[0] + 1, 0, 0}
	case bumpMinor:
		numbers = [3]uint64{numbers[0], numbers[1] + 1, 0}
	default:
		numbers[2]++
	}
	return fmt.Sprintf("v%d.%d.%d", numbers[0], numbers[1], numbers[2]), nil
}

// withPre reports whether previews count as versions: only if the request names one.
func (q request) withPre() bool { return semver.Prerelease(q.version) != "" }

// goal is the work of a round.
type goal int

const (
	goalNothing goal = iota // there is nothing to do
	goalFinish              // finish the newest version
	goalMake                // make a version
)

// situation is the state that was found.
type situation struct {
	tags  map[string]string
	lacks []string // missing parts of the newest version's release; none if it is complete, or must not be finished
	news  string   // changes since then; "" for none
	raced bool     // another client was quicker than an earlier attempt
}

// decision is the work to do.
type decision struct {
	goal    goal
	version string
	why     string // for people; "" for nothing to say
	warn    string
}

// decide is the whole policy.
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
		return decision{goal: goalNothing, version: newest, why: newest + " is already released and complete"}, nil
	case newest != "" && semver.Compare(version, newest) < 0:
		return decision{}, &LowerVersionError{Version: version, Newest: newest, Exists: exists}
	case len(s.lacks) > 0:
		warning = finish.why + "; " + version + " replaces it, as requested"
	}
	if newest != "" && s.news == "" && !q.fresh {
		return decision{goal: goalNothing, version: newest, why: "nothing is new since " + newest + ": nothing was released (-new releases " + version + " anyway)"}, nil
	}
	return decision{goal: goalMake, version: version, why: s.news, warn: warning}, nil
}
