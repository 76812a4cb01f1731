package changelog

import (
	"fmt"
	"math"
	"strings"

	"github.com/agnivade/levenshtein"
)

// statusUsage is the exit status of a program that was given invalid arguments or settings.
const statusUsage = 2

// ConfigError is a mistake in the configuration.
type ConfigError struct {
	File   string
	Key    string // with dots; "" for the file as a whole
	Reason string // the mistake, and what was expected
	Line   int    // of invalid TOML, from 1; 0 for other mistakes
	Column int    // likewise
}

func (e *ConfigError) Error() string {
	if e.Key == "" {
		return e.File + ": " + e.Reason
	}
	return e.File + ": " + e.Key + " " + e.Reason
}

// ExitStatus is the status for invalid settings.
func (e *ConfigError) ExitStatus() int { return statusUsage }

// InputError says that a version, a date or the changelog is invalid.
type InputError struct {
	What   string // as in "version"
	Input  string
	Reason string // what was expected
}

func (e *InputError) Error() string { return fmt.Sprintf("%s %q: %s", e.What, e.Input, e.Reason) }

// ExitStatus is the status for invalid arguments.
func (e *InputError) ExitStatus() int { return statusUsage }

// Problem is a file in the fragments' folder that would be lost.
type Problem struct {
	Path   string // slash path from the root
	Reason string // what is wrong with it, and what to do
}

// FragmentsError names all files that would be lost.
type FragmentsError struct{ Problems []Problem }

func (e *FragmentsError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Path + ": " + p.Reason
	}
	if len(lines) == 1 {
		return lines[0]
	}
	return fmt.Sprintf("the changelog would not contain %d files:\n%s", len(lines), strings.Join(lines, "\n"))
}

// ExitStatus is the status for invalid input.
func (e *FragmentsError) ExitStatus() int { return statusUsage }

// ExistsError says that the changelog already has another section of the version.
type ExistsError struct {
	File    string
	Line    int      // of its heading
	Version string   // in the changelog's form
	Date    string   // its date; "" if headings have none
	Wanted  string   // the date that was given
	Missing []string // fragments that are not in it
}

func (e *ExistsError) Error() string {
	text := fmt.Sprintf("%s:%d: a section for %s already exists", e.File, e.Line, e.Version)
	if e.Date != "" && e.Date != e.Wanted {
		text += fmt.Sprintf(" with date %s (this run: %s)", e.Date, e.Wanted)
	}
	if len(e.Missing) > 0 {
		text += ", without " + strings.Join(e.Missing, ", ")
	}
	return text
}

// Hint says what to do.
func (e *ExistsError) Hint() string {
	if e.Date != "" && e.Date != e.Wanted && len(e.Missing) == 0 {
		return "use the date " + e.Date + " to complete that section after an interruption; otherwise use the next version"
	}
	return "use the next version, or remove that section first"
}

// nearest is the candidate that was probably meant, "" if none is similar.
func nearest(typed string, candidates []string) string {
	best, bestDistance := "", math.MaxInt
	for _, c := range candidates {
		if d := levenshtein.ComputeDistance(strings.ToLower(typed), c); d <= max(1, len(c)/3) && d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}
