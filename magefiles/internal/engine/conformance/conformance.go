// Package conformance compares an engine with what was recorded of Dagger v0.21.8.
//
// The recordings and the programs that replay them are in testdata. This package builds the programs, runs them with a session program in
// the place of the Dagger CLI, and holds the outcome against differences.txt and corpus-differences.txt, the lists of what may differ, each
// with its reason.
package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// Groups are the scenario groups that count. The others, git-http and services, are refused by the embedded engine.
var Groups = []string{"container-basics", "files", "mounts", "secrets", "dockerbuild", "publish", "ids"}

// Results is what a run of the harness found, by scenario ("group/name").
type Results struct {
	All        []string              // every scenario that was run
	Differing  map[string]Difference // those whose result or error is not the recorded one
	NotCounted []string              // those that differ from run to run on Dagger itself
	Failed     []string              // lines of the harness about what it could not compare
}

// Difference is what the recording and the engine say, as JSON with the fields R (result) and E (error).
type Difference struct{ Want, Got string }

// Check holds the results against the listed differences and returns what is wrong, one line each.
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

// Count is how many scenarios of a group are as recorded, and how many count.
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
