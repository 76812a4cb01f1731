//go:build unix

package procgroup

import (
	"os/exec"
	"syscall"
)

// Interruptible makes the end of cmd's context interrupt the command together with its child processes, which would otherwise
// continue.
func Interruptible(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
}

// Kill kills the rest of the process group of cmd.
func Kill(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // usually none is left
	}
}
