package e2etest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Findings is what doctor and drift say with -format=json.
type Findings struct {
	Findings []struct {
		Path, About, Message, Check, Rule, Do string
		Line                                  int
	}
	Failures []struct{ Check, Error string }
}

func (l Findings) String() string {
	var lines []string
	for _, f := range l.Findings {
		lines = append(lines, fmt.Sprintf("%s%s:%d: %s [%s/%s] → %s", f.Path, f.About, f.Line, f.Message, f.Check, f.Rule, f.Do))
	}
	for _, f := range l.Failures {
		lines = append(lines, "! "+f.Check+": "+f.Error)
	}
	return strings.Join(lines, "\n")
}

// Findings runs doctor or drift, which has to end with a status.
func (h *Homelab) Findings(status int, args ...string) (l Findings) {
	h.T.Helper()
	began := time.Now()
	got := h.Run(append(args, "-format=json")...)
	if err := json.Unmarshal([]byte(got.Stdout), &l); err != nil || got.Status != status {
		h.T.Fatalf("%v: status %d, want %d; %v\n%s\n%s", args, got.Status, status, err, l, got.Stderr)
	}
	h.T.Logf("%v: %.1f s\n%s", args, time.Since(began).Seconds(), l)
	return l
}

// WantRules wants the rules of the findings to be these, and texts in their messages.
func (h *Homelab) WantRules(l Findings, want []string, texts ...string) {
	h.T.Helper()
	var got []string
	for _, f := range l.Findings {
		got = append(got, f.Check+"/"+f.Rule)
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		h.T.Errorf("rules %v, want %v\n%s", got, want, l)
	}
	for _, text := range texts {
		if !strings.Contains(l.String(), text) {
			h.T.Errorf("%q is not in\n%s", text, l)
		}
	}
}
