//go:build unix

package pinned

import (
	"os/exec"
	"syscall"
)

// interruptible has the end of the context interrupt the go command together with its compilers and linkers, which would go on
// without it.
func interruptible(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
}
