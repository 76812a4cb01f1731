package argo

import (
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// action is the next thing that Deploy does.
type action int

const (
	poll    action = iota // wait, and read the state
	refresh               // have Argo CD read the repository, and read the state
	syncNow
	finish
	giveUp
)

// autoTime is how long an Application with auto-sync has to begin by itself, from when it is known to differ. An earlier sync would be
// needless and harmful: Argo CD does not sync the same revision again, so resources that its own sync would prune would stay.
const autoTime = 10 * time.Second

// troublePolls is the number of polls for which Argo CD may be unable to compare: the forge may be unreachable for a moment, but manifests that do
// not build stay broken.
const troublePolls = 30

// memory holds the states seen and the actions done so far.
type memory struct {
	poll time.Duration

	begun     bool
	first     mark // the latest operation before anything was done
	newest    *application
	refreshes int
	refreshed time.Time
	tried     bool // a sync was requested, with any result
	syncs     int
	asked     time.Time // when the latest sync was requested
	troubled  time.Time // since when it cannot be compared; zero: it can
	waiting   time.Time // since when auto-sync has something to do; zero: it has not
}

// accept reports whether a state is not older than an earlier one: a proxy may cache answers.
func (m *memory) accept(a *application) bool {
	if m.newest != nil && a.olderThan(m.newest) {
		return false
	}
	m.newest = a
	return true
}

// decide returns the action for a verdict about the newest state.
func (m *memory) decide(v verdict, now time.Time) action {
	if !m.begun {
		m.begun, m.first = true, v.latest
	}
	if !v.troubled {
		m.troubled = time.Time{}
	} else if m.troubled.IsZero() {
		m.troubled = now
	}
	auto, prunes := m.newest.auto()
	if v.stage != ready && v.stage != differing && v.stage != failed {
		m.waiting = time.Time{}
	}
	switch {
	case v.stage == deployed:
		return finish
	case v.stage == running:
		return poll
	case v.stage == failed && v.latest != m.first && (m.tried || v.auto):
		return giveUp
	case m.refreshes == 0:
		return refresh
	case v.stage == behind && commitHash.MatchString(m.newest.Spec.Source.TargetRevision):
		return giveUp
	case v.troubled && (v.stage == behind || v.stage == comparing) && m.refreshes > 1 && now.Sub(m.troubled) > troublePolls*m.poll:
		return giveUp
	case v.stage == behind, v.stage == comparing && !v.resolved, v.stage == failed && !v.resolved:
		return m.after(m.refreshed, m.refreshes, now, refresh)
	case v.stage == differing && v.prune && !prunes && (m.syncs > 0 || auto):
		return giveUp
	case v.stage == comparing, v.stage == notHealthy, v.stage == differing && m.syncs > 0:
		return poll
	case auto && m.newest.Status.Sync.Status != synced && !m.overdue(now):
		return poll
	default:
		return m.after(m.asked, m.syncs, now, syncNow)
	}
}

// overdue reports whether the time for auto-sync is over.
func (m *memory) overdue(now time.Time) bool {
	if m.waiting.IsZero() {
		m.waiting = now
	}
	return now.Sub(m.waiting) >= autoTime
}

// after repeats an action only after a pause, which is longer each time.
func (m *memory) after(last time.Time, times int, now time.Time, do action) action {
	const most = 15 // polls
	if times > 0 && now.Sub(last) < httpx.Backoff(m.poll, times-1, most*m.poll) {
		return poll
	}
	return do
}
