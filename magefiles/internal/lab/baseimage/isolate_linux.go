package baseimage

import (
	"os/exec"
	"syscall"
)

// isolate gives the program its own mount table, because debootstrap mounts into the root file system and leaves the mounts there when it is
// killed, and its own process group, so that ending it ends its children.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
