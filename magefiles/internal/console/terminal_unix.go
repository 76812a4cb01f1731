//go:build unix

package console

import (
	"os/signal"

	"golang.org/x/sys/unix"
)

// foreground says whether this process may draw on the terminal: it is in the foreground process group, or the terminal is not the one
// that controls it.
func (t *terminal) foreground() bool {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

func ignoreTerminalStop() { signal.Ignore(unix.SIGTTOU) }
