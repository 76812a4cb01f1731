package argo

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// windows are the sync windows of an Application: the answer of …/syncwindows.
type windows struct {
	CanSync  *bool    `json:"canSync"` // by hand, now
	Assigned []window `json:"assignedWindows"`
}

// window is a time in which syncing is forbidden (deny), or outside of which it is forbidden (allow).
type window struct {
	Kind       string `json:"kind"`
	Schedule   string `json:"schedule"` // when it begins, in cron's format
	Duration   string `json:"duration"` // in Go's format
	ManualSync bool   `json:"manualSync"`
	TimeZone   string `json:"timeZone"` // only in the project
}

// zoned adds the time zones to the windows of an Application. Only the project has them, and the token may not read it. ok reports whether
// all are known.
func (c *Client) zoned(ctx context.Context, a *application, list []window) (_ []window, ok bool) {
	var project struct {
		Spec struct {
			SyncWindows []window `json:"syncWindows"`
		} `json:"spec"`
	}
	if err := c.once(ctx, get(a.Metadata.Name, "projects/"+url.PathEscape(a.project())), &project); err != nil {
		return list, false
	}
	zones := map[window]string{}
	for _, w := range project.Spec.SyncWindows {
		bare := w
		bare.TimeZone = ""
		if zone, twice := zones[bare]; twice && zone != w.TimeZone {
			return list, false
		}
		zones[bare] = w.TimeZone
	}
	var with []window
	for _, w := range list {
		zone, known := zones[w]
		if !known {
			return list, false
		}
		w.TimeZone = zone
		with = append(with, w)
	}
	return with, true
}

// span is a window with parsed times.
type span struct {
	window
	schedule cron.Schedule
	length   time.Duration
	zone     *time.Location
}

// spans leaves out windows that are invalid or never begin.
func spans(list []window, now time.Time) []span {
	const most = 20
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow) // the same fields as in Argo CD
	var found []span
	for _, w := range list[:min(len(list), most)] {
		if strings.Contains(w.Schedule, "=") { // a time zone, at which the parser may panic; Argo CD has a field of its own for it
			continue
		}
		schedule, err := parser.Parse(w.Schedule)
		length, wrong := time.ParseDuration(w.Duration)
		zone, none := time.LoadLocation(w.TimeZone)
		if err != nil || wrong != nil || length <= 0 {
			continue
		}
		if none != nil {
			zone = time.UTC // as Argo CD does
		}
		if s := (span{w, schedule, length, zone}); !s.next(now.Add(-length)).IsZero() {
			found = append(found, s)
		}
	}
	return found
}

func (s span) next(t time.Time) time.Time { return s.schedule.Next(t.In(s.zone)) }

// end is the end of the run of the window that contains t, the one that began first; zero if none does.
func (s span) end(t time.Time) time.Time {
	if begin := s.next(t.Add(-s.length)); !begin.IsZero() && !begin.After(t) {
		return begin.Add(s.length)
	}
	return time.Time{}
}

// allows reports whether windows allow a manual sync of an Application at a time: SyncWindows.CanSync of Argo CD.
func allows(list []span, t time.Time) bool {
	var denied, allowed, closed bool
	deniesManual, closesManual := false, false
	for _, s := range list {
		active := !s.end(t).IsZero()
		switch {
		case s.Kind == "deny" && active:
			denied, deniesManual = true, deniesManual || !s.ManualSync
		case s.Kind == "allow" && active:
			allowed = true
		case s.Kind == "allow":
			closed, closesManual = true, closesManual || !s.ManualSync
		}
	}
	switch {
	case denied:
		return !deniesManual
	case allowed:
		return true
	default:
		return !closed || !closesManual
	}
}

// opening is the next time at which windows allow a manual sync; false if it is too far away, or never.
func opening(list []window, now time.Time) (time.Time, bool) {
	const steps = 500
	known := spans(list, now)
	if len(known) == 0 || len(known) < len(list) {
		return time.Time{}, false
	}
	t := now
	for range steps {
		if allows(known, t) {
			return t.In(known[0].zone), true
		}
		var change time.Time
		for _, s := range known {
			for _, at := range []time.Time{s.end(t), s.next(t)} {
				if !at.IsZero() && at.After(t) && (change.IsZero() || at.Before(change)) {
					change = at
				}
			}
		}
		if change.IsZero() {
			break
		}
		t = change
	}
	return time.Time{}, false
}

// describe names the windows that forbid the sync.
func describe(list []window, now time.Time) string {
	var texts []string
	for _, s := range spans(list, now) {
		if active := !s.end(now).IsZero(); active == (s.Kind == "deny") {
			texts = append(texts, fmt.Sprintf("%s `%s` for %s", plain.OneLine(s.Kind), plain.OneLine(s.Schedule), plain.OneLine(s.Duration)))
		}
	}
	return strings.Join(texts[:min(len(texts), 3)], ", ")
}
