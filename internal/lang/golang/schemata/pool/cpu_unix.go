//go:build regreen_pool && (darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package pool

import (
	"syscall"
	"time"
)

// regreenCPU returns the processor time of the process so far.
func regreenCPU() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
