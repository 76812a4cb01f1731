package toolbuild

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestProgressIsReportedWithoutOutput(t *testing.T) {
	was := reportInterval
	reportInterval = time.Millisecond
	defer func() { reportInterval = was }()
	for name, c := range map[string]struct {
		total int
		said  string
		want  string
	}{
		"download": {0, "go: downloading a v1.0.0\ngo: downloading b v1.0.0\n", "building Hello v1: 2 modules downloaded, "},
		"build":    {5, "a/b\nc/d\nsome words\n", "building Hello v1: 2 of at most 5 packages, "},
	} {
		told := make(chan struct{}, 1)
		p := progress{label: "Hello v1", total: c.total, builder: Builder{Log: func(line string) {
			if strings.HasPrefix(line, c.want) { // with any duration
				select {
				case told <- struct{}{}:
				default:
				}
			}
		}}}
		stderr, end := io.Pipe()
		go func() {
			io.WriteString(end, c.said)
			<-told // nothing more is reported until then
			end.Close()
		}()
		if p.follow(stderr); name == "build" && strings.Join(p.said, "") != "some words" {
			t.Errorf("kept %q", p.said)
		}
	}
}

func TestErrorHoldsTheLastLines(t *testing.T) {
	var p progress
	for i := range 100 {
		p.parseLine(fmt.Sprintf("line %d", i))
	}
	if len(p.said) != lastLines || p.said[lastLines-1] != "line 99" {
		t.Errorf("got %q", p.said)
	}
}

func TestTimesForPeople(t *testing.T) {
	for seconds, want := range map[int]string{0: "0 s", 90: "90 s", 120: "2 min", 149: "2 min", 150: "3 min"} {
		if got := about(seconds); got != want {
			t.Errorf("%d: %q, want %q", seconds, got, want)
		}
	}
}
