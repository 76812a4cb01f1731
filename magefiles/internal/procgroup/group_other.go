//go:build !unix

package procgroup

import "os/exec"

// Interruptible leaves the command to be killed when its context ends.
func Interruptible(*exec.Cmd) {}

// Kill kills the command.
func Kill(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = cmd.Process.Kill() // usually it has ended
	}
}
