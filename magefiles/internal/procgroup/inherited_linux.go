package procgroup

import (
	"math"

	"golang.org/x/sys/unix"
)

// CloseInheritedOnExec keeps programs that this process starts from inheriting the open files that it was started with: a program that stays would keep
// them open, and with them a lock of flock(1), or a pipe whose reader waits for its end.
func CloseInheritedOnExec() {
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) // kernels before 5.11 cannot
}
