package image

import (
	"fmt"
	"math"
	"path"
	"strings"

	"github.com/agnivade/levenshtein"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// InvalidError says that a text from outside is invalid.
type InvalidError struct {
	What   string // the expected noun, as in "container name"
	Input  string // the text as it was given
	Reason string // what is wrong with it, and what to write instead
}

// Error names the input, the expected noun, and the reason.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s %q: %s", e.What, e.Input, e.Reason)
}

// ExitStatus is that of a program that was given wrong arguments.
func (e *InvalidError) ExitStatus() int { return statusUsage }

const statusUsage = 2

// UnknownError says that there is no container of that name.
type UnknownError struct {
	Name  Name
	Known []Name // sorted; empty if there is no container at all
}

// Error lists the known containers and suggests the nearest.
func (e *UnknownError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("unknown container %q: no container in the folder containers/", e.Name)
	}
	known := make([]string, len(e.Known))
	for i, n := range e.Known {
		known[i] = string(n)
	}
	msg := fmt.Sprintf("unknown container %q", e.Name)
	if near := nearest(string(e.Name), known); near != "" {
		msg += fmt.Sprintf("; did you mean %s?", near)
	}
	return msg + " (known: " + strings.Join(known, ", ") + ")"
}

// ExitStatus is that of a program that was given wrong arguments.
func (e *UnknownError) ExitStatus() int { return statusUsage }

// ContainerError says that a folder of containers/ cannot be used as a container.
type ContainerError struct {
	Dir string // slash path from the root of the repository
	Err error
}

func (e *ContainerError) Error() string { return plain.Name(e.Dir) + ": " + e.Err.Error() }

// ExitStatus is that of a program that was given wrong arguments.
func (e *ContainerError) ExitStatus() int { return statusUsage }

// Unwrap gives the reason.
func (e *ContainerError) Unwrap() error { return e.Err }

// OtherKindError says that another program builds a container. It is in a *ContainerError.
type OtherKindError struct {
	Kind    Kind
	File    string // that shows the kind
	Program string
}

func (e *OtherKindError) Error() string {
	return fmt.Sprintf("has a %s, so it is built with %s; these targets build only folders with a Dockerfile or a Go main package", e.File, e.Program)
}

// Hint says how to continue.
func (e *OtherKindError) Hint() string {
	return "build it with " + e.Program + ", or add a Dockerfile or a Go main package"
}

// StatementError says that a file of a container cannot be read, or has an unknown statement.
type StatementError struct {
	At  Position
	Err error
}

// Error begins with the place, within the folder of the container.
func (e *StatementError) Error() string {
	text := plain.Name(path.Base(e.At.File))
	for _, n := range []int{e.At.Line, e.At.Column} {
		if n > 0 {
			text = fmt.Sprintf("%s:%d", text, n)
		}
	}
	return text + ": " + e.Err.Error()
}

// Unwrap gives the reason.
func (e *StatementError) Unwrap() error { return e.Err }

// nearest returns the candidate with the smallest edit distance to the typed text, or "" if
// none is near enough to be a typing error: two letters (swapped ones count as two), a third of
// them in a long word, or one being the start of the other.
func nearest(typed string, candidates []string) string {
	best, bestDistance := "", math.MaxInt
	for _, c := range candidates {
		d := levenshtein.ComputeDistance(typed, c)
		if near := d <= max(2, len(c)/3) || isStart(typed, c); near && d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

func isStart(a, b string) bool {
	return min(len(a), len(b)) >= 3 && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a))
}
