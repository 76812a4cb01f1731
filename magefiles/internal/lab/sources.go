package lab

import _ "embed"

// archive holds the modules of the lab's programs.
//
//go:generate go run ../toolbuild/archive modules modules.txtar
//go:embed modules.txtar
var archive string
