//go:build unix

package console

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// foreground reports whether this process may draw on the terminal: it is in the foreground process group, or the terminal is not the one
// that controls it.
func (t *terminal) foreground() bool {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// handleBrokenPipe makes a write to a pipe without a reader fail with EPIPE. Go ends a process whose stdout or stderr is such a pipe,
// unless the signal is handled. It is not ignored, as child processes would inherit that.
func handleBrokenPipe() { signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE) }

func ignoreTerminalStop() { signal.Ignore(unix.SIGTTOU) }
