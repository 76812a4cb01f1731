// Package conformance compares an engine with recordings of Dagger v0.21.8.
//
// The recordings and the programs that replay them are in testdata. This package builds the programs, runs them with a session program in place
// of the Dagger CLI, and compares the result with differences.txt and corpus-differences.txt. These files list the differences that are allowed,
// each with its reason.
package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// Groups are the scenario groups that count.
var Groups = []string{"container-basics", "files", "mounts", "secrets", "dockerbuild", "publish", "git-http", "services", "ids"}

// Results are the results of a run of the harness, by scenario ("group/name").
type Results struct {
	All        []string              // every scenario that was run
	Differing  map[string]Difference // those whose result or error is not the recorded one
	NotCounted []string              // those that differ from run to run on Dagger itself
	Failed     []string              // lines of the harness about comparisons that failed
}

// Difference holds the recording and the engine's result, as JSON with the fields R (result) and E (error).
type Difference struct{ Want, Got string }

// Check compares the results with the listed differences and returns the mistakes, one line each.
func (r Results) Check(listed []Listed) []string {
	var wrong []string
	for _, line := range r.Failed {
		wrong = append(wrong, "the harness could not compare: "+line)
	}
	allowed := map[string]bool{}
	for _, l := range listed {
		allowed[l.Scenario] = true
		_, differs := r.Differing[l.Scenario]
		switch {
		case slices.Contains(r.NotCounted, l.Scenario):
			wrong = append(wrong, l.Scenario+": listed as a difference, but it is not counted; remove the line")
		case slices.Contains(r.All, l.Scenario) && !differs && !l.Sometimes:
			wrong = append(wrong, l.Scenario+": listed as a difference, but it is the same now; remove the line")
		}
	}
	for _, scenario := range r.All {
		if d, differs := r.Differing[scenario]; differs && !allowed[scenario] {
			wrong = append(wrong, scenario+": differs and is not listed\n"+d.String())
		}
	}
	return wrong
}

// Count is how many scenarios of a group match the recording, and how many count.
type Count struct {
	Group     string
	Same, All int
}

// Counts returns the counts by group, in the order of Groups.
func (r Results) Counts() []Count {
	var counts []Count
	for _, group := range Groups {
		c := Count{Group: group}
		for _, scenario := range r.All {
			if !strings.HasPrefix(scenario, group+"/") || slices.Contains(r.NotCounted, scenario) {
				continue
			}
			c.All++
			if _, differs := r.Differing[scenario]; !differs {
				c.Same++
			}
		}
		counts = append(counts, c)
	}
	return counts
}

// String is a line for people.
func (c Count) String() string {
	return fmt.Sprintf("%-18s %d of %d", c.Group, c.Same, c.All)
}
