package console

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestStill covers a log of plain lines: a long step is reported again, and only if nothing else was printed.
func TestStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _, stderr := quietly(Options{})
		v, err := c.View("release", "")
		if err != nil {
			t.Fatal(err)
		}
		v.Event(Event{Step: "wait", Name: "wait for the run", State: Started})
		time.Sleep(3 * time.Second)
		v.Event(Event{Step: "job", Name: "job tag", State: Started})
		time.Sleep(70 * time.Second)
		v.Event(Event{Step: "job", State: Done})
		time.Sleep(29 * time.Second)
		v.Event(Event{Step: "read", Name: "read the image back", State: Started})
		time.Sleep(29 * time.Second)
		v.Finish(nil)
		time.Sleep(time.Hour)
		want := []string{
			"start   wait for the run", "start   job tag", "still   job tag (32.0s)", "still   job tag (1m02s)", "done    job tag (1m10s)",
			"start   read the image back", "done    release (2m11s",
		}
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		if len(lines) != len(want) {
			t.Fatalf("said\n%s\nwant\n%s", stderr, strings.Join(want, "\n"))
		}
		for i, line := range lines {
			if !strings.Contains(line, want[i]) {
				t.Errorf("line %d is %q, want %q", i, line, want[i])
			}
		}
	})
}
