package builders

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// PlatformError says that an engine does not run commands of a platform.
type PlatformError struct {
	Platform image.Platform
	Offers   []string // the platforms that it reports
}

func (e *PlatformError) Error() string {
	return fmt.Sprintf("cannot run programs for %s: it offers %s", e.Platform, cmp.Or(strings.Join(e.Offers, ", "), "no platform"))
}

// Hint says what to do.
func (e *PlatformError) Hint() string {
	return "declare a machine of that platform, or install an emulator there (apt-get install qemu-user-static binfmt-support)"
}

// Error says that no builder of a platform can build.
type Error struct {
	Platforms string
	Engines   []string // such as builder tcp://build-arm:1234
	Reasons   []error  // one for each engine

	emulated bool // emulation is allowed already, or does not help
}

// Error names the platform, and each engine with its reason.
func (e *Error) Error() string {
	lines := make([]string, len(e.Engines))
	for i, engine := range e.Engines {
		lines[i] = fmt.Sprintf("%s: %s: %s", e.Platforms, engine, strings.TrimPrefix(e.Reasons[i].Error(), e.Platforms+": "))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the reasons.
func (e *Error) Unwrap() []error { return e.Reasons }

// Hint says what to do.
func (e *Error) Hint() string {
	var hints []string
	if hint := hintOf(e.Reasons); hint != "" {
		hints = append(hints, hint)
	}
	if !e.emulated {
		hints = append(hints, "or build "+e.Platforms+" on another engine, under emulation: -emulate")
	}
	return strings.Join(hints, "; ")
}

// hintOf is the first hint of several errors.
func hintOf(reasons []error) string {
	for _, reason := range reasons {
		var hinter interface{ Hint() string }
		if errors.As(reason, &hinter) && hinter.Hint() != "" {
			return hinter.Hint()
		}
	}
	return ""
}
