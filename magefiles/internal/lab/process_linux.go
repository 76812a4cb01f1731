package lab

import (
	"os/exec"
	"syscall"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// start starts a program that ends together with this process.
func start(cmd *exec.Cmd) error { return procgroup.Start(cmd) }

// detach makes a program outlive this process and its terminal.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
