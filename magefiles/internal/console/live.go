package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
)

const (
	maxColumns = 100 // lines do not fill a wide terminal: name and time would be too far apart
	maxSteps   = 8   // steps that are shown at a time
	maxDetail  = 20  // columns; a shorter detail is shown in full, if it fits at all
)

// frame makes the lines of a live view: a heading, then the steps that are running, the longest-running first.
//
//	⠹ build nettest  3 steps, 2 cached                      12.3s
//	  compile linux/amd64                                    3.2s
//	  push sha256:4f53…  12.0 of 40.1 MB                     1.1s
func frame(title string, steps []*step, begun, now time.Time, width, height int, l look) []line {
	width = min(width, maxColumns) - 1 // the last column stays free: writing there wraps on some terminals
	if width < 1 || height < 2 {
		return nil
	}
	lines := []line{row(spinner(now.Sub(begun), l)+" ", title, counts(steps), now.Sub(begun), width, l)}
	running := runningOf(steps)
	room := min(maxSteps, height-2)
	for i, s := range running {
		if i == room-1 && len(running) > room {
			lines = append(lines, row("  ", fmt.Sprintf("and %d more", len(running)-i), "", -1, width, l))
			break
		}
		if i >= room {
			break
		}
		lines = append(lines, row("  ", s.name, s.detail(), now.Sub(s.begun), width, l))
	}
	return lines
}

// row lays out one line: name, detail in a fainter colour, and the time at the right. A narrow terminal loses the detail first.
func row(lead, name, detail string, elapsed time.Duration, width int, l look) line {
	clock := ""
	if elapsed >= 0 {
		clock = "  " + duration(elapsed)
	}
	room := width - len([]rune(lead)) - len(clock)
	if room < 8 { // too narrow for a clock
		return line{fit(lead+name, width, l), width}
	}
	nameWidth := min(runewidth.StringWidth(name), room)
	if wanted := len(detail) + 2; detail != "" && wanted <= maxDetail && room >= 2*maxDetail {
		nameWidth = min(nameWidth, room-wanted) // "12.0 of 40.1 MB" says more than the end of a long name
	}
	text := lead + fit(name, nameWidth, l)
	if room -= nameWidth; room > 10 && detail != "" {
		text += l.dim("  " + fit(detail, room-2, l))
	} else {
		text += strings.Repeat(" ", room)
	}
	return line{text + l.dim(clock), width}
}

func spinner(elapsed time.Duration, l look) string {
	frames := []rune(`|/-\`)
	if l.unicode {
		frames = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	}
	at := int(elapsed/redrawEvery) % len(frames)
	return string(frames[max(0, at)])
}

// counts is the number of steps and of steps that are done, as text.
func counts(steps []*step) string {
	done, cached := 0, 0
	for _, s := range steps {
		switch s.state {
		case Done:
			done++
		case Cached:
			cached++
		}
	}
	switch {
	case done+cached == 0:
		return ""
	case cached == 0:
		return plural(done, "step")
	}
	return fmt.Sprintf("%s, %d cached", plural(done+cached, "step"), cached)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func runningOf(steps []*step) []*step {
	var running []*step
	for _, s := range steps {
		if s.state == Started {
			running = append(running, s)
		}
	}
	return running
}

// duration is d for people: tenths of seconds below a minute, then minutes and seconds.
func duration(d time.Duration) string {
	if d = max(0, d); d < time.Minute-50*time.Millisecond {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	d = d.Round(time.Second)
	if d < time.Hour {
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// megabytes returns text such as "12.0 of 40.1 MB".
func megabytes(current, total int64) string {
	if total <= 0 {
		return fmt.Sprintf("%.1f MB", float64(current)/1e6)
	}
	return fmt.Sprintf("%.1f of %.1f MB", float64(current)/1e6, float64(total)/1e6)
}
