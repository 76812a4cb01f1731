package docsrelease

import (
	"cmp"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/versions"
)

// request is the user's request.
type request struct {
	bump    versions.Bump // "" if a version was named
	version string        // that was named
	date    string
	fresh   bool // also without changes
}

func (r Release) parse(args tasks.ReleaseArgs) (q request, err error) {
	q.fresh = args.New
	if q.bump, q.version, err = versions.ParseBump(args.Version); err != nil {
		return q, err
	}
	q.date = cmp.Or(args.Date, r.now().In(cmp.Or(r.Zone, time.UTC)).Format(time.DateOnly))
	if _, err := time.Parse(time.DateOnly, q.date); err != nil {
		return q, &image.InvalidError{What: "date", Input: args.Date, Reason: "expected YEAR-MONTH-DAY (example: 2026-03-08)"}
	}
	return q, nil
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
	gaps  []string // missing parts of the newest version's release; none if it is complete, or must not be finished
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
	newest := versions.Newest(s.tags, q.withPre())
	finish := decision{goal: goalFinish, version: newest, why: newest + " is not complete yet (" + strings.Join(s.gaps, "; ") + ")"}
	version, warning := q.version, ""
	switch commit, exists := s.tags[q.version]; {
	case q.bump != "" && len(s.gaps) > 0:
		return finish, nil
	case q.bump != "":
		next, err := q.bump.Next(s.tags)
		if err != nil {
			return decision{}, err
		}
		version = next
	case exists && s.raced:
		return decision{}, &VersionTakenError{Version: version, Commit: commit}
	case exists && version == newest && len(s.gaps) > 0:
		return finish, nil
	case exists && version == newest:
		return decision{goal: goalNothing, version: newest, why: newest + " is already released and complete"}, nil
	case newest != "" && semver.Compare(version, newest) < 0:
		return decision{}, &LowerVersionError{Version: version, Newest: newest, Exists: exists}
	case len(s.gaps) > 0:
		warning = finish.why + ", and " + version + " replaces it, as requested"
	}
	if newest != "" && s.news == "" && !q.fresh {
		return decision{goal: goalNothing, version: newest, why: "nothing is new since " + newest + ": nothing was released (-new releases " + version + " anyway)"}, nil
	}
	return decision{goal: goalMake, version: version, why: s.news, warn: warning}, nil
}
