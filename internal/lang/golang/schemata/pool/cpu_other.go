//go:build regreen_pool && !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package pool

import "time"

// regreenCPU returns 0 if processor time is not available: the clock must do.
func regreenCPU() time.Duration { return 0 }
