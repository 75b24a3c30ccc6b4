//go:build regreen_pool && !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package pool

import "time"

// regreenCPU is 0 where processor time is not to be had: the clock has to do.
func regreenCPU() time.Duration { return 0 }
