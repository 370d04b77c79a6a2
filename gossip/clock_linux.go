package gossip

import (
	"syscall"
	"time"
	"unsafe"
)

// The clocks of clock_gettime(2).
const (
	clockMonotonic = 1 // stands still while the computer sleeps
	clockBoottime  = 7 // does not
)

// suspended is how long the computer has slept since it started; a little less,
// never more.
func suspended() time.Duration {
	boot, ok := clockGettime(clockBoottime)
	awake, too := clockGettime(clockMonotonic)
	if !ok || !too {
		return 0
	}
	return boot - awake
}

func clockGettime(which uintptr) (time.Duration, bool) {
	var t syscall.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, which, uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano()), errno == 0
}
