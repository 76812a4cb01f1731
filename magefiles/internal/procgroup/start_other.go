//go:build !linux

package procgroup

import "os/exec"

// Start starts a program in a process group of its own, if the system has process groups. Only on Linux it ends together with this
// process.
func Start(cmd *exec.Cmd) error {
	Interruptible(cmd)
	cmd.Cancel = nil // it may not have a context
	return cmd.Start()
}
