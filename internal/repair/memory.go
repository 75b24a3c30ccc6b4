package repair

import (
	"os"
	"runtime/debug"
)

// A search allocates much that is short-lived: type checks, texts of candidates. With Go's
// default settings, garbage collection takes a quarter of regreen's own time, which is better
// spent on candidates if the machine has enough memory.
const (
	searchGCPercent = 400
	searchMemory    = 2 << 30 // bytes, above which it collects more often again
)

// collectLess makes garbage collection rarer until restore is called, unless the environment
// configures it.
func collectLess() (restore func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	percent, limit := debug.SetGCPercent(searchGCPercent), debug.SetMemoryLimit(searchMemory)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}
