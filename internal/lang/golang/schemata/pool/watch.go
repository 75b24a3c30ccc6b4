//go:build regreen_pool

package pool

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strings"
	"time"
)

// regreenWatch ends the process if a mutant takes too long or too much memory, or if all its
// goroutines are blocked.
func regreenWatch() {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	steps, current, since := int64(0), 0, time.Now()
	for {
		time.Sleep(regreenWatchPeriod)
		metrics.Read(sample)
		now := time.Now()
		regreen.Lock()
		if steps != RegreenSteps || current != regreen.current {
			steps, current, since = RegreenSteps, regreen.current, now
		}
		why := ""
		switch {
		case regreen.deadline.IsZero():
		case now.After(regreen.deadline), regreenCPU() > regreen.cpuEnd, now.Sub(since) > regreen.idle && regreenStuck():
			why = "timeout"
		case sample[0].Value.Kind() == metrics.KindUint64 && sample[0].Value.Uint64() > regreenMostMemory:
			why = "memory"
		}
		if why != "" {
			if !regreen.retryBegan.IsZero() {
				regreenWrite("retried %s", now.Sub(regreen.retryBegan))
			}
			regreenWrite("done %d %s", regreen.current, why)
			os.Exit(3)
		}
		regreen.Unlock()
	}
}

// regreenStuck reports whether every other goroutine waits.
func regreenStuck() bool {
	buf := make([]byte, 1<<20)
	for i, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		_, state, _ := strings.Cut(stack, "[")
		waits := strings.HasPrefix(state, "chan ") || strings.HasPrefix(state, "select") ||
			strings.HasPrefix(state, "sync.") || strings.HasPrefix(state, "semacquire")
		if i > 0 && !waits {
			return false
		}
	}
	return true
}
