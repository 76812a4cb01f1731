package command

import (
	"math"

	"golang.org/x/sys/unix"
)

// KeepInherited keeps the open files that this process was started with from programs that it starts: one that stays would hold them as long as it
// runs, and with them a lock of flock(1), or a pipe whose reader waits for its end.
func KeepInherited() {
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) // kernels before 5.11 cannot
}
