package daemon

import _ "embed"

// archive holds the modules that the daemon's programs are built from.
//
//go:generate go run ../../pinned/archive modules modules.txtar
//go:embed modules.txtar
var archive string
