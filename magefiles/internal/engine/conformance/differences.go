package conformance

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

//go:embed differences.txt
var differences string

// Listed is a scenario that differs.
type Listed struct {
	Scenario  string // group/name
	Reason    string // for people
	Sometimes bool   // it differs from run to run, so it may also be the same
}

// Known returns the differences of this repository's engine.
func Known() ([]Listed, error) {
	return ParseListed(strings.NewReader(differences))
}

// listedLine is "group/name: reason" or "group/name sometimes: reason".
var listedLine = regexp.MustCompile(`^([a-z-]+)/([a-z0-9_]+)( sometimes)?:\s*(\S.*)$`)

// ParseListed reads lines "group/name: reason", or "group/name sometimes: reason" for a scenario that is not always the same. Empty lines and
// lines that begin with # are ignored. A scenario is listed once, belongs to a group that counts, and has a reason.
func ParseListed(text io.Reader) ([]Listed, error) {
	var listed []Listed
	seen := map[string]bool{}
	lines := bufio.NewScanner(text)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		part := listedLine.FindStringSubmatch(line)
		if part == nil {
			return nil, fmt.Errorf("differences.txt:%d: %q: expected \"group/name: reason\"", n, line)
		}
		l := Listed{Scenario: part[1] + "/" + part[2], Sometimes: part[3] != "", Reason: part[4]}
		switch {
		case !slices.Contains(Groups, part[1]):
			return nil, fmt.Errorf("differences.txt:%d: group %q is not counted (counted groups: %s)", n, part[1], strings.Join(Groups, ", "))
		case seen[l.Scenario]:
			return nil, fmt.Errorf("differences.txt:%d: %s is listed twice", n, l.Scenario)
		}
		seen[l.Scenario] = true
		listed = append(listed, l)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("differences.txt: %w", err)
	}
	return listed, nil
}
