package baseimage

import (
	"os/exec"
	"syscall"
)

// isolate gives the program a mount table of its own, because debootstrap mounts things into the root file system and leaves
// them there when it is killed, and a process group of its own, so that ending it ends its children.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
