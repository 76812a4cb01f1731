//go:build !unix

package pinned

import "os/exec"

// interruptible leaves the command to be killed when its context ends.
func interruptible(*exec.Cmd) {}
