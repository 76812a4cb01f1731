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

// windows are the sync windows of an Application, as …/syncwindows answers.
type windows struct {
	CanSync  *bool    `json:"canSync"` // by hand, now
	Assigned []window `json:"assignedWindows"`
}

// window is a time in which syncing is forbidden (deny), or outside of which it is (allow).
type window struct {
	Kind       string `json:"kind"`
	Schedule   string `json:"schedule"` // when it begins, of cron
	Duration   string `json:"duration"` // of Go
	ManualSync bool   `json:"manualSync"`
	TimeZone   string `json:"timeZone"` // only the project has it
}

// zoned adds the time zones to the windows of an Application, which only the project tells, to whom may get it. ok says that all are known.
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

// span is a window that can be computed with.
type span struct {
	window
	schedule cron.Schedule
	length   time.Duration
	zone     *time.Location
}

// spans leaves out what is none, and what never begins.
func spans(list []window, now time.Time) []span {
	const most = 20
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow) // as Argo CD has it
	var found []span
	for _, w := range list[:min(len(list), most)] {
		if strings.Contains(w.Schedule, "=") { // a time zone, which the parser may panic at, and which Argo CD has elsewhere
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

// end is when the run of the window that holds t ends, the one that began first; zero if none does.
func (s span) end(t time.Time) time.Time {
	if begin := s.next(t.Add(-s.length)); !begin.IsZero() && !begin.After(t) {
		return begin.Add(s.length)
	}
	return time.Time{}
}

// allows says whether windows let an Application be synced by hand at a time: SyncWindows.CanSync of Argo CD.
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

// opening is when windows let an Application be synced by hand, from now on; false if that is not to be seen: it is far, or never.
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

// describe names the windows that forbid it.
func describe(list []window, now time.Time) string {
	var texts []string
	for _, s := range spans(list, now) {
		if active := !s.end(now).IsZero(); active == (s.Kind == "deny") {
			texts = append(texts, fmt.Sprintf("%s `%s` for %s", plain.OneLine(s.Kind), plain.OneLine(s.Schedule), plain.OneLine(s.Duration)))
		}
	}
	return strings.Join(texts[:min(len(texts), 3)], ", ")
}
