package argo

import (
	"testing"
	"time"
)

func TestOpening(t *testing.T) {
	now := time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC) // a Sunday
	const layout = "2006-01-02 15:04 MST"
	for name, try := range map[string]struct {
		list []window
		want string // "": no opening was found
	}{
		"a night":              {[]window{{Kind: "deny", Schedule: "0 22 * * *", Duration: "8h"}}, "2026-11-23 06:00 UTC"},
		"a night elsewhere":    {[]window{{Kind: "deny", Schedule: "0 22 * * *", Duration: "8h", TimeZone: "Europe/Berlin"}}, "2026-11-23 06:00 CET"},
		"no such zone":         {[]window{{Kind: "deny", Schedule: "0 22 * * *", Duration: "8h", TimeZone: "Moon"}}, "2026-11-23 06:00 UTC"},
		"two, one after other": {[]window{{Kind: "deny", Schedule: "0 22 * * *", Duration: "8h"}, {Kind: "deny", Schedule: "0 5 * * 1", Duration: "3h"}}, "2026-11-23 08:00 UTC"},
		"an allowed morning":   {[]window{{Kind: "allow", Schedule: "0 9 * * 1-5", Duration: "1h"}}, "2026-11-23 09:00 UTC"},
		"denied in it":         {[]window{{Kind: "allow", Schedule: "0 9 * * 1-5", Duration: "1h"}, {Kind: "deny", Schedule: "0 0 * * 1", Duration: "24h"}}, "2026-11-24 09:00 UTC"},
		"always":               {[]window{{Kind: "deny", Schedule: "* * * * *", Duration: "24h"}}, ""},
		"by hand":              {[]window{{Kind: "deny", Schedule: "* * * * *", Duration: "24h", ManualSync: true}}, "2026-11-22 23:30 UTC"},
		"by hand outside":      {[]window{{Kind: "allow", Schedule: "0 9 * * 1", Duration: "1h", ManualSync: true}}, "2026-11-22 23:30 UTC"},
		"by hand, not all":     {[]window{{Kind: "deny", Schedule: "0 22 * * *", Duration: "8h", ManualSync: true}, {Kind: "deny", Schedule: "0 23 * * *", Duration: "1h"}}, "2026-11-23 00:00 UTC"},
		"never":                {[]window{{Kind: "allow", Schedule: "0 0 31 2 *", Duration: "1h"}}, ""},
		"not a schedule":       {[]window{{Kind: "deny", Schedule: "TZ=x", Duration: "1h"}}, ""},
		"not a duration":       {[]window{{Kind: "deny", Schedule: "* * * * *", Duration: "-1h"}}, ""},
		"none":                 {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			opens, ok := opening(try.list, now)
			if got := opens.Format(layout); ok != (try.want != "") || ok && got != try.want {
				t.Errorf("got %s, %t; want %s", got, ok, try.want)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	now := time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)
	got := describe([]window{
		{Kind: "deny", Schedule: "0 22 * * *", Duration: "8h"}, {Kind: "deny", Schedule: "0 3 * * *", Duration: "1h"},
		{Kind: "allow", Schedule: "0 3 * * *", Duration: "2h"}, {Kind: "allow", Schedule: "0 23 * * *", Duration: "2h"},
	}, now)
	if want := "deny `0 22 * * *` for 8h, allow `0 3 * * *` for 2h"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzOpening(f *testing.F) {
	f.Add("deny", "0 22 * * *", "8h", "Europe/Berlin")
	f.Add("allow", "TZ=UTC 0 0 29 2 *", "1000000h", "")
	f.Add("deny", "@every 1s", "1ns", "Local")
	now := time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, kind, schedule, duration, zone string) {
		list := []window{{Kind: kind, Schedule: schedule, Duration: duration, TimeZone: zone}, {Kind: "deny", Schedule: "0 22 * * *", Duration: "8h"}}
		if opens, ok := opening(list, now); ok && (opens.Before(now) || !allows(spans(list, opens), opens)) {
			t.Errorf("%+v: does not open at %s", list, opens)
		}
		describe(list, now)
	})
}
