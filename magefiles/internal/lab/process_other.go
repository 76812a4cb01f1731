//go:build !linux

package lab

import (
	"errors"
	"os/exec"
)

// start fails: only Linux ends a process together with its parent, and a lab must leave nothing running.
func start(*exec.Cmd) error { return errSystem }

func detach(*exec.Cmd) {}

var errSystem = errors.New("the lab's servers run only on Linux: on other systems they could outlive the lab")
