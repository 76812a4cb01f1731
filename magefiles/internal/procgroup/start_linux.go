package procgroup

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// Start starts a program in a process group of its own. The kernel kills the program as soon as this process ends, however it ends.
//
// The kernel takes the end of the thread that forked for the end of the parent, and Go ends threads at any time. So one
// thread, which is never released, starts all programs.
func Start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	begin()
	done := make(chan error)
	starts <- starting{cmd, done}
	return <-done
}

type starting struct {
	cmd  *exec.Cmd
	done chan<- error
}

var starts = make(chan starting)

var begin = sync.OnceFunc(func() {
	go func() {
		runtime.LockOSThread()
		for s := range starts {
			s.done <- s.cmd.Start()
		}
	}()
})
