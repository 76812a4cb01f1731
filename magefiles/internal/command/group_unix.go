//go:build unix

package command

import (
	"os/exec"
	"syscall"
)

// Interruptible has the end of cmd's context interrupt the command together with what it started, which would go on without it.
func Interruptible(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
}

// Kill kills what is left of the process group of cmd.
func Kill(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // as a rule nothing is left
	}
}
