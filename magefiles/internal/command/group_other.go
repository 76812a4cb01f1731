//go:build !unix

package command

import "os/exec"

// group leaves the command to be killed when its context ends.
func group(*exec.Cmd) {}

func kill(*exec.Cmd) {}
