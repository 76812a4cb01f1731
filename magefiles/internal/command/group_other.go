//go:build !unix

package command

import "os/exec"

// Interruptible leaves the command to be killed when its context ends.
func Interruptible(*exec.Cmd) {}

func kill(*exec.Cmd) {}
