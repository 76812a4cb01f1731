//go:build unix

package regular

import "syscall"

// nonblocking makes the opening of a pipe return immediately.
const nonblocking = syscall.O_NONBLOCK
