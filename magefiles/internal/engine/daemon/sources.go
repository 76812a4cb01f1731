package daemon

import (
	_ "embed"
	"regexp"
)

// archive holds the modules of the daemon's programs.
//
//go:generate go run ../../toolbuild/archive modules modules.txtar
//go:embed modules.txtar
var archive string

var pinned = regexp.MustCompile(`(?m)^\tgithub\.com/moby/buildkit (v\S+)$`)

// Pinned is the version of BuildKit that our own daemon is built from.
func Pinned() string {
	if found := pinned.FindStringSubmatch(archive); found != nil {
		return found[1]
	}
	return ""
}
